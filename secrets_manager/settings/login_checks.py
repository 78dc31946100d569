"""Checks of the values that are sent with a login; see `checks` for the rules.

A text from the environment or the command line may hold bytes that are no text, and a header or an address
allows fewer characters than a text. Values that cannot be sent are refused here, by the name of their option,
and not deep inside a login.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import quote, urlsplit, urlunsplit

from secrets_manager.settings import checks
from secrets_manager.settings.credential_text import NoCredential, on_one_line

_HALF_CHARACTER = re.compile(r"[\ud800-\udfff]")
# Characters that the path of an address may hold besides letters and digits.
_PATH = "/%:@!$&'()*+,;=~-._"
_LONGEST_NAME = 253


def credential(value: str) -> str:
    """A role id or a secret without the line end that a shell left; blanks are kept."""
    try:
        found = on_one_line(value)
    except NoCredential as fault:
        raise ValueError(str(fault)) from None
    if value and not found:
        raise ValueError("contains only line ends")
    return found


def sendable(check: Callable[[str], str]) -> Callable[[str], str]:
    """``check``, after a check that the value is text."""
    return lambda value: check(_text(value))


def _text(value: str) -> str:
    if _HALF_CHARACTER.search(value):
        raise ValueError("must be text in UTF-8")
    return value


def user_name(value: str) -> str:
    """A user's name as a part of an address, or nothing."""
    if "/" in value or value in {".", ".."}:
        raise ValueError("must be a name without slashes")
    return plain(value)


def vault_address(value: str) -> str:
    """An address of Vault; other letters in its path are escaped, as any client would."""
    parts = urlsplit(checks.vault_url(_text(value)))
    _sendable_host(str(parts.hostname))
    return value if value.isascii() else urlunsplit(parts._replace(path=quote(parts.path, safe=_PATH)))


def server_name(value: str) -> str:
    """A name or an address that a certificate can have, or nothing."""
    if not value:
        return value
    if not value.isascii():
        raise ValueError("must be written in ASCII, such as xn--bcher-kva.example")
    host = value.removesuffix(".")
    if not checks.is_host(host) or len(host) > _LONGEST_NAME:
        raise ValueError("must be a host name or an address, without scheme, port or path")
    return host


def _sendable_host(host: str) -> None:
    try:
        host.encode("idna")
    except UnicodeError:
        raise ValueError("must name a valid host") from None


# As in `checks`, for values that are sent.
plain = sendable(checks.plain)
not_empty = sendable(checks.not_empty)
mount = sendable(checks.mount)
proxy_address = sendable(checks.proxy_address)
