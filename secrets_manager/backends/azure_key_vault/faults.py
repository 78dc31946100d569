"""What a failed exchange with the key vault or with Entra ID means. Pure.

Messages are constant for one kind of fault, since they end in conditions that must not change while the
fault is the same. Of what the server wrote only codes are repeated, and only such as look like one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from secrets_manager.domain.errors import (
    AuthFailed,
    BackendFault,
    BackendThrottled,
    BackendTimeout,
    BackendTLS,
    BackendUnavailable,
    ForbiddenByNetwork,
    PermissionDenied,
    SecretsManagerError,
    SourceDisabled,
    SourceNotFound,
)
from secrets_manager.runtime.messages import Reply
from secrets_manager.runtime.retry_after import asked_pause
from secrets_manager.runtime.transport_errors import TimedOut, TlsFailed, TransportError

VAULT = "the key vault"
ENTRA = "Entra ID"
MACHINE = "the managed identity endpoint"

# https://learn.microsoft.com/azure/key-vault/general/rest-error-codes and what the service answers with.
_BY_NETWORK = frozenset({"ForbiddenByFirewall", "ForbiddenByConnection", "ForbiddenByNsp"})
_DISABLED = "SecretDisabled"
# https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token#error-handling
_BEING_UPDATED = frozenset({404, 410})
_AADSTS = re.compile(r"AADSTS[0-9]{1,10}", re.ASCII)
_OAUTH_WORD = re.compile(r"[a-z_]{1,40}", re.ASCII)
_LONGEST_PAUSE = 3600.0


@dataclass(frozen=True, slots=True)
class Refusal:
    """A status other than 2xx: the code and the inner code of the vault's error, "" where it gave none.

    ``ours`` is false for a reply that is not JSON: a proxy's page, or another server.
    """

    status: int
    code: str
    inner: str
    ours: bool
    retry_after: float | None


def from_transport(error: TransportError, server: str) -> BackendFault:
    """The fault behind a request that got no reply from ``server``."""
    if isinstance(error, TimedOut):
        return BackendTimeout(f"{server} did not answer within the time allowed")
    if isinstance(error, TlsFailed):
        return BackendTLS(f"no trusted connection to {server}: {error}")
    return BackendUnavailable(f"{server} cannot be reached: {error}")


def refusal(reply: Reply) -> Refusal:
    """What a reply of the vault says."""
    content = _content(reply)
    error = _map(content, "error")
    return Refusal(
        status=reply.status,
        code=_text(error, "code"),
        inner=_text(_map(error, "innererror"), "code"),
        ours=content is not None,
        retry_after=retry_after(reply),
    )


def from_vault(refused: Refusal, path: str) -> SecretsManagerError:
    """The fault behind the vault's refusal to hand out ``path``."""
    if refused.status == 403 and refused.ours:
        return _forbidden(refused, path)
    if refused.status in {400, 404} and refused.ours:
        return SourceNotFound(path)
    return _unavailable(refused.status, VAULT, refused.retry_after)


def is_network_rule(refused: Refusal) -> bool:
    """Whether the vault's network rules, not its rights, are why."""
    return refused.inner in _BY_NETWORK or refused.code in _BY_NETWORK


def from_login(reply: Reply) -> BackendFault:
    """The fault behind a reply of Entra ID, or of the machine's own endpoint, that holds no token."""
    content = _content(reply)
    code = _AADSTS.match(_text(content, "error_description")) if content is not None else None
    if code is not None and reply.status < 500 and reply.status != 429:
        return AuthFailed(f"{ENTRA} refused the login ({code[0]})")
    if reply.status == 429 or not 400 <= reply.status < 500 or content is None:
        return _unavailable(reply.status, ENTRA, retry_after(reply))
    word = _OAUTH_WORD.fullmatch(_text(content, "error"))
    return AuthFailed(f"the login was refused ({reply.status}{' ' + word[0] if word else ''})")


def from_machine(reply: Reply) -> BackendFault:
    """As ``from_login``, of the endpoint that gives a machine the tokens of its managed identities."""
    if reply.status in _BEING_UPDATED:
        return BackendUnavailable(f"{MACHINE} is being updated ({reply.status})")
    if reply.status == 429 or not 400 <= reply.status < 500:
        return _unavailable(reply.status, MACHINE, retry_after(reply))
    if reply.status == 400:
        return AuthFailed("this machine has no such managed identity (400)")
    return AuthFailed(f"{MACHINE} gave no token ({reply.status})")


def retry_after(reply: Reply) -> float | None:
    """The pause in seconds that the server asked for."""
    asked, date = reply.headers.get("retry-after"), reply.headers.get("date")
    return asked_pause(asked, date, longest=_LONGEST_PAUSE)


def _forbidden(refused: Refusal, path: str) -> SecretsManagerError:
    if is_network_rule(refused):
        return ForbiddenByNetwork("the network rules of the key vault do not let this machine in")
    return SourceDisabled(path) if refused.inner == _DISABLED else PermissionDenied(path)


def _unavailable(status: int, server: str, pause: float | None) -> BackendFault:
    if status == 429:
        return BackendThrottled(f"{server} asked to slow down (429)", retry_after=pause)
    if status >= 500:
        return BackendUnavailable(f"{server} cannot serve now ({status})", retry_after=pause)
    return BackendUnavailable(f"the reply is not that of {server}: status {status}")


def _content(reply: Reply) -> Mapping[str, Any] | None:
    try:
        content = orjson.loads(reply.body)
    except ValueError:
        return None
    return content if isinstance(content, dict) else None


def _map(content: Mapping[str, Any] | None, name: str) -> Mapping[str, Any] | None:
    found = content.get(name) if content is not None else None
    return found if isinstance(found, dict) else None


def _text(content: Mapping[str, Any] | None, name: str) -> str:
    found = content.get(name) if content is not None else None
    return found if isinstance(found, str) else ""
