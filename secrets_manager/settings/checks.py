"""Checks of options' values: each takes a well-formed value and returns the value to use.

Pure functions that raise `ValueError` with a reason for a person. A check must not know where the value
came from, and never repeats it: the caller names the key, and the person can look there.
"""

from __future__ import annotations

import contextlib
import re
import socket
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, TypeVar
from urllib.parse import SplitResult, urlsplit

from secrets_manager.domain.backend_name import DEFAULT_BACKEND, is_backend_name

SHORTEST_PERIOD = 0.01
# So many words are listed, not joined by "or".
_MANY_CHOICES = 4

DNS_LABEL = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?", re.ASCII)
DNS_SUBDOMAIN = re.compile(rf"{DNS_LABEL.pattern}(?:\.{DNS_LABEL.pattern})*", re.ASCII)
HOST = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9._]*[A-Za-z0-9])?", re.ASCII)
KEY_VAULT_NAME = re.compile(r"[A-Za-z](?:[-A-Za-z0-9]{1,22}[A-Za-z0-9])", re.ASCII)
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")

NAMESPACE = "{namespace}"

Word = TypeVar("Word", bound=str)


def anything(value: Any) -> Any:
    """Accept every value."""
    return value


def plain(value: str) -> str:
    """A text on one line, or nothing; blanks alone are refused, since they look like nothing."""
    if CONTROL.search(value):
        raise ValueError("must not contain line breaks or other control characters")
    if value and not value.strip():
        raise ValueError("must not be blank")
    return value


def optional_plain(value: str | None) -> str | None:
    """A text on one line, or nothing."""
    return value if value is None else plain(value)


def not_empty(value: str) -> str:
    """A text on one line that is not empty."""
    if not value.strip(" "):
        raise ValueError("must not be empty")
    return plain(value)


def one_of(*choices: Word, empty: Word | None = None) -> Callable[[str], Word]:
    """One of these words; the empty text stands for the word `empty`, if given."""
    known = {choice: choice for choice in choices} | ({} if empty is None else {"": empty})

    def check(value: str) -> Word:
        if value not in known:
            few = len(choices) < _MANY_CHOICES
            words = " or ".join(choices) if few else f"one of {', '.join(choices)}"
            raise ValueError(f"must be {words}")
        return known[value]

    return check


def period(value: float) -> float:
    """A period in seconds, not so short that a loop would spin."""
    if value < SHORTEST_PERIOD:
        raise ValueError("must be at least 10ms")
    return value


def not_negative(value: float) -> float:
    """A number from 0."""
    if value < 0:
        raise ValueError("must not be negative")
    return value


def worker_count(value: int) -> int:
    """A number of threads."""
    if not 1 <= value <= 1024:
        raise ValueError("must be between 1 and 1024")
    return value


def namespaces(value: tuple[str, ...]) -> tuple[str, ...]:
    """Names that a namespace can have."""
    if not all(DNS_LABEL.fullmatch(item) for item in value):
        raise ValueError(
            "must list names of namespaces: lower-case letters, digits and inner dashes, at most 63"
        )
    return value


def namespace(value: str) -> str:
    """A name that a namespace can have, or nothing."""
    if value and not DNS_LABEL.fullmatch(value):
        raise ValueError("must be the name of a namespace: lower-case letters, digits and inner dashes")
    return value


def object_name(value: str) -> str:
    """A name that a Kubernetes object can have."""
    if len(value) > 253 or not DNS_SUBDOMAIN.fullmatch(value):
        raise ValueError("must be a DNS name in lower case, at most 253 characters")
    return value


def backend_name(value: str) -> str:
    """A name that a backend with a table of its own can have: a DNS label without two dashes in a row."""
    if value == DEFAULT_BACKEND:
        raise ValueError(
            f"the name {DEFAULT_BACKEND} belongs to the backend of -backend and the tables [vault] and "
            "[azure-kv]; set it there, or choose another name"
        )
    if not is_backend_name(value) or "--" in value:
        raise ValueError(
            "is no name for a backend: lower-case letters, digits and inner dashes, at most 63, no two "
            "dashes in a row"
        )
    return value


def mount(value: str) -> str:
    """The mount path of a Vault auth method, without slashes around it."""
    text = not_empty(value).strip("/")
    if not text or any(part in {"", ".", ".."} for part in text.split("/")):
        raise ValueError("must be a path without empty, . or .. parts")
    return text


def is_host(text: str) -> bool:
    """Whether this is a host name, an IPv4 address, or an IPv6 address without brackets."""
    if ":" not in text:
        return HOST.fullmatch(text) is not None
    try:
        IPv6Address(text)
    except ValueError:
        return False
    return True


# Besides link-local addresses, clouds hand out credentials of the machine at these hosts.
METADATA_HOSTS = frozenset(
    {
        "metadata",
        "metadata.google.internal",
        "fd00:ec2::254",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
    }
)


def is_metadata(host: str) -> bool:
    """Whether this is a link-local address or one of a cloud's metadata service; names are not looked up."""
    name = host.lower().rstrip(".")
    address = address_in(name)
    if address is None:
        return name in METADATA_HOSTS
    return address.is_link_local or str(address) in METADATA_HOSTS


def address_in(host: str) -> IPv4Address | IPv6Address | None:
    """The address that a resolver makes of this text without a query; None for a name."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        # 0xa9fea9fe, 2852039166 and 169.254.43518 are old ways to write one.
        with contextlib.suppress(OSError):
            return IPv4Address(socket.inet_aton(host))
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def not_metadata(host: str) -> None:
    """Refuse these hosts: no backend is there, and a login must not be sent there."""
    if is_metadata(host):
        raise ValueError("must not be a link-local address or a metadata service")


def hosts(value: tuple[str, ...]) -> tuple[str, ...]:
    """Host names or addresses without port, in lower case."""
    if not all(is_host(item) for item in value):
        raise ValueError("must list host names or addresses, without scheme, port or path")
    for item in value:
        not_metadata(item)
    return tuple(item.lower() for item in value)


def split_url(text: str) -> SplitResult:
    """The parts of an http or https URL. Raises `ValueError`."""
    if any(character.isspace() for character in text) or CONTROL.search(text):
        raise ValueError("must not contain blanks or control characters")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError("is not a URL: its host or port cannot be read") from None
    if parts.scheme not in {"http", "https"} or not text.lower().startswith(("http://", "https://")):
        raise ValueError("must start with http:// or https://")
    host = (parts.hostname or "").removesuffix(".")
    # Names in other letters are checked where they are encoded for the request.
    if not host or port == 0 or (host.isascii() and not is_host(host)):
        raise ValueError("must name a host, and a port above 0 if any")
    return parts


def bare_url(value: str) -> SplitResult:
    """The parts of an http or https address, with or without path; no credentials, since it is shown."""
    parts = split_url(value)
    if "@" in parts.netloc:
        raise ValueError("must not contain a user or password")
    if "?" in value or "#" in value:
        raise ValueError("must not contain ? or #")
    return parts


def vault_url(value: str) -> str:
    """Such an address, where a backend can be."""
    not_metadata(str(bare_url(value).hostname))
    return value


def proxy_address(value: str) -> str:
    """The address of a proxy; `host:port` alone means http."""
    if not value:
        return value
    address = value if "://" in value else f"http://{value}"
    split_url(address)
    return address


def key_vault_name(value: str) -> str:
    """A name that a key vault can have, or nothing."""
    if value and not KEY_VAULT_NAME.fullmatch(value):
        raise ValueError("must be 3 to 24 letters, digits and inner dashes, and start with a letter")
    return value


def key_vault_url(value: str) -> str:
    """The https address of a key vault, without path; nothing is fine too."""
    if not value:
        return value
    parts = split_url(value)
    if parts.scheme != "https":
        raise ValueError("must start with https://")
    if "@" in parts.netloc or parts.path not in {"", "/"} or "?" in value or "#" in value:
        raise ValueError("must be https:// and a host, with a port if need be, and nothing else")
    if "." not in str(parts.hostname):
        raise ValueError("must name a host with a domain, such as name.vault.azure.net")
    not_metadata(str(parts.hostname))
    return f"https://{parts.netloc}"


def domain(value: str) -> str:
    """A DNS name in lower case, or nothing."""
    text = value.lower().strip(".")
    if text and not DNS_SUBDOMAIN.fullmatch(text):
        raise ValueError("must be a DNS name such as vault.azure.net")
    return text


def authority_host(value: str) -> str:
    """The host of Entra ID, written with or without https://; nothing is fine too."""
    if not value:
        return value
    parts = split_url(value if "://" in value else f"https://{value}")
    if parts.scheme != "https" or "@" in parts.netloc or parts.path not in {"", "/"} or parts.query:
        raise ValueError("must be a host such as login.microsoftonline.com, with or without https://")
    not_metadata(str(parts.hostname))
    return parts.netloc.lower()


def request_rate(value: int) -> int:
    """A number of calls in a second."""
    if not 1 <= value <= 10_000:
        raise ValueError("must be between 1 and 10000")
    return value


def path_patterns(value: tuple[str, ...]) -> tuple[str, ...]:
    """Patterns of backend paths, at least one; an empty result if one of them allows every path.

    No control characters, no . or .. parts, no braces except for `{namespace}`. A list that is set but empty
    is a mistake, such as a variable without a value, and must not mean every path.
    """
    if not value:
        raise ValueError("is set but empty; list the patterns, or * to allow every path")
    for item in value:
        path_pattern(item)
    return () if any(allows_all(item) for item in value) else value


def path_pattern(item: str) -> None:
    """One pattern. Raises `ValueError`."""
    bare = plain(item).replace(NAMESPACE, "")
    if "{" in bare or "}" in bare or f"${NAMESPACE}" in item:
        raise ValueError("the only placeholder in a pattern is {namespace}")
    if any(part in {".", ".."} for part in item.split("/")):
        raise ValueError("a pattern must not have . or .. parts")
    if not item.strip("/ "):
        raise ValueError("a pattern of slashes alone matches nothing")


def allows_all(pattern: str) -> bool:
    """Whether every path matches the pattern."""
    return set(pattern.lstrip("/")) == {"*"}


def runs_over(pattern: str) -> bool:
    """Whether two namespaces may read one path by the pattern, although it names the namespace.

    The text before the first star, or after the last, keeps namespaces apart only if a slash ends the name
    there: a star matches slashes, too.
    """
    first, *others = pattern.split("*")
    if not others or NAMESPACE not in pattern:
        return False
    ends = "/" in first.partition(NAMESPACE)[2]
    before, named, _ = others[-1].rpartition(NAMESPACE)
    return not ends and not (named and "/" in before)
