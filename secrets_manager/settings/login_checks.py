"""Checks of the values that are sent with a login; see `checks` for the rules.

A text from the environment or the command line may hold bytes that are no text, and a header or an address
allows fewer characters than a text. Values that cannot be sent are refused here, by the name of their option,
and not deep inside a login.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container
from urllib.parse import quote, urlunsplit

from secrets_manager.settings import checks
from secrets_manager.settings.credential_text import NoCredential, on_one_line

_HALF_CHARACTER = re.compile(r"[\ud800-\udfff]")
# Characters that the path of an address may hold besides letters and digits.
_PATH = "/%:@!$&'()*+,;=~-._"
_LONGEST_NAME = 253
_WORD = re.compile(r"[\x21-\x7e]{0,512}", re.ASCII)
# The agents of ECS and of EKS pod identity.
_CONTAINER_HOSTS = frozenset({"169.254.170.2", "169.254.170.23", "fd00:ec2::23"})


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


def address(value: str) -> str:
    """An http or https address; other letters in its path are escaped, as any client would."""
    parts = checks.bare_url(_text(value))
    _sendable_host(str(parts.hostname))
    return value if value.isascii() else urlunsplit(parts._replace(path=quote(parts.path, safe=_PATH)))


def vault_address(value: str) -> str:
    """Such an address, where Vault can be."""
    return address(checks.vault_url(_text(value)))


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


def word(value: str) -> str:
    """Printable ASCII without blanks, or nothing: a part of a header that is signed as it stands."""
    if not _WORD.fullmatch(value):
        raise ValueError("must be of ASCII letters, digits and signs, without blanks")
    return value


def signing_credential(value: str) -> str:
    """The same without the line end that a shell left."""
    return word(credential(value))


def region(value: str) -> str:
    """A region of AWS: a part of a host's name."""
    if not checks.DNS_LABEL.fullmatch(value):
        raise ValueError("must be a region such as eu-west-1")
    return value


def optional_region(value: str) -> str:
    """A region of AWS, or nothing."""
    return region(value) if value else value


def sts_address(value: str) -> str:
    """An https address, or nothing; plain http only to this machine, since a token is sent there."""
    return checks.vault_url(_protected(_text(value), ())) if value else value


def container_address(value: str) -> str:
    """An address that AWS's own tools ask for credentials, or nothing.

    https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
    """
    return _protected(_text(value), _CONTAINER_HOSTS) if value else value


def _protected(value: str, open_hosts: Container[str]) -> str:
    parts = checks.split_url(value)
    host = str(parts.hostname)
    numeric = checks.address_in(host)
    is_local = host == "localhost" or (numeric is not None and numeric.is_loopback)
    if parts.scheme != "https" and not is_local and host not in open_hosts:
        raise ValueError("must start with https://, unless it is an address of this machine")
    return value


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
