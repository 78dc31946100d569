"""The meaning of a login that Entra ID, or the endpoint of managed identities, did not grant. Pure.

Messages are constant for one kind of fault, since they end in conditions that must not change while the fault
is the same. From the text of the server only codes are repeated, and only if they look like one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson

from secrets_manager.domain.errors import AuthFailed, BackendFault, BackendThrottled, BackendUnavailable
from secrets_manager.runtime.http.messages import Reply
from secrets_manager.runtime.http.retry_after import asked_pause

ENTRA = "Entra ID"
MACHINE = "the managed identity endpoint"

# https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token#error-handling
_BEING_UPDATED = frozenset({404, 410})
_AADSTS = re.compile(r"AADSTS[0-9]{1,10}", re.ASCII)
_OAUTH_WORD = re.compile(r"[a-z_]{1,40}", re.ASCII)
_LONGEST_PAUSE = 3600.0


def from_login(reply: Reply) -> BackendFault:
    """The fault behind a reply of Entra ID, or of the machine's own endpoint, that holds no token."""
    content = content_of(reply)
    code = _AADSTS.match(text_in(content, "error_description")) if content is not None else None
    if code is not None and reply.status < 500 and reply.status != 429:
        return AuthFailed(f"{ENTRA} refused the login ({code[0]})")
    if reply.status == 429 or not 400 <= reply.status < 500 or content is None:
        return unavailable(reply.status, ENTRA, retry_after(reply))
    word = _OAUTH_WORD.fullmatch(text_in(content, "error"))
    return AuthFailed(f"the login was refused ({reply.status}{' ' + word[0] if word else ''})")


def from_machine(reply: Reply) -> BackendFault:
    """Like ``from_login``, for the endpoint that gives a machine the tokens of its managed identities."""
    if reply.status in _BEING_UPDATED:
        return BackendUnavailable(f"{MACHINE} is being updated ({reply.status})")
    if reply.status == 429 or not 400 <= reply.status < 500:
        return unavailable(reply.status, MACHINE, retry_after(reply))
    if reply.status == 400:
        return AuthFailed("this machine has no such managed identity (400)")
    return AuthFailed(f"{MACHINE} returned no token ({reply.status})")


def retry_after(reply: Reply) -> float | None:
    """The pause in seconds that the server asked for."""
    asked, date = reply.headers.get("retry-after"), reply.headers.get("date")
    return asked_pause(asked, date, longest=_LONGEST_PAUSE)


def unavailable(status: int, server: str, pause: float | None) -> BackendFault:
    """The fault behind a status that says nothing about the credentials."""
    if status == 429:
        return BackendThrottled(f"{server} asked to slow down (429)", retry_after=pause)
    if status >= 500:
        return BackendUnavailable(f"{server} cannot serve requests now ({status})", retry_after=pause)
    return BackendUnavailable(f"the reply is not from {server}: status {status}")


def content_of(reply: Reply) -> Mapping[str, Any] | None:
    """The JSON map of a reply, None for any other body."""
    try:
        content = orjson.loads(reply.body)
    except ValueError:
        return None
    return content if isinstance(content, dict) else None


def text_in(content: Mapping[str, Any] | None, name: str) -> str:
    """The text under ``name``, "" when there is none."""
    found = content.get(name) if content is not None else None
    return found if isinstance(found, str) else ""
