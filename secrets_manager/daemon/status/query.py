"""The query of an address of the status page: which definitions are asked for, and which page of them. Pure.

It comes from anybody, so it is short, and what is not understood is refused with the words that are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from secrets_manager.domain.wording import in_quotes
from secrets_manager.overview.model import Readiness
from secrets_manager.settings.checks import DNS_LABEL

LONGEST = 2048
MOST_NAMESPACES = 10
_LONGEST_WORD = 256
_LAST_PAGE = 1_000_000
_SHORTEST_REFRESH, _LONGEST_REFRESH = 5, 3600
_READINESS = {each.value.lower(): each for each in Readiness}


class BadQuery(ValueError):
    """What is asked for is not understood; the text says what would be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What is asked for; what is empty leaves nothing out.

    Attributes:
        text: is looked for in names, Secrets, messages and paths, in letters of either case.
        page: from 1; None is the first page of the page, and all pages of the JSON.
        refresh: seconds after which a browser asks again.

    """

    namespaces: tuple[str, ...] = ()
    ready: Readiness | None = None
    reason: str = ""
    backend: str = ""
    text: str = ""
    page: int | None = None
    refresh: int | None = None

    @property
    def narrows(self) -> bool:
        """Whether it leaves out any definition."""
        return bool(self.namespaces or self.ready or self.reason or self.backend or self.text)

    def all(self) -> str:
        """The query of an address that leaves nothing out."""
        return Query(refresh=self.refresh).link()

    def link(self, **changes: object) -> str:
        """The query of an address, with ``?``, that asks for the same with these fields in other values."""
        fields = {name: getattr(self, name) for name in self.__slots__} | changes
        ready = fields["ready"]
        pairs = [
            *(("namespace", each) for each in fields["namespaces"]),
            ("ready", ready.value.lower() if ready else ""),
            ("reason", fields["reason"]),
            ("backend", fields["backend"]),
            ("q", fields["text"]),
            ("page", fields["page"]),
            ("refresh", fields["refresh"]),
        ]
        # Half a surrogate pair has no bytes; such a link finds nothing, and the page stands all the same.
        return f"?{urlencode([(name, value) for name, value in pairs if value], errors='replace')}"


def parse_query(query: str) -> Query:
    """The query after the ``?`` of an address; raises BadQuery."""
    if len(query) > LONGEST:
        raise BadQuery(f"the query is longer than {LONGEST} characters")
    found: dict[str, object] = {}
    namespaces: list[str] = []
    try:
        pairs = parse_qsl(query, max_num_fields=2 * MOST_NAMESPACES, errors="strict")
    except ValueError:
        raise BadQuery("the query has too many parts, or text that is not UTF-8") from None
    for name, value in pairs:
        if name == "namespace":
            namespaces += filter(None, map(str.strip, value.split(",")))
            continue
        if name not in _FIELDS:
            raise BadQuery(f"there is no filter {in_quotes(name[:_LONGEST_WORD])}; there are {_NAMES}")
        field, read = _FIELDS[name]
        if field in found:
            raise BadQuery(f"{name} stands there twice")
        found[field] = read(name, value)
    return Query(namespaces=_namespaces(namespaces), **found)  # type: ignore[arg-type]  # by _FIELDS


def _namespaces(names: list[str]) -> tuple[str, ...]:
    if len(set(names)) > MOST_NAMESPACES:
        raise BadQuery(f"namespace names more than {MOST_NAMESPACES}")
    if not all(map(DNS_LABEL.fullmatch, names)):
        raise BadQuery("namespace names one that no namespace can have")
    return tuple(dict.fromkeys(names))


def _word(name: str, value: str) -> str:
    if len(value) > _LONGEST_WORD:
        raise BadQuery(f"{name} is longer than {_LONGEST_WORD} characters")
    return value.strip()


def _readiness(name: str, value: str) -> Readiness:
    if value.lower() not in _READINESS:
        raise BadQuery(f"{name} is true, false or unknown")
    return _READINESS[value.lower()]


def _number(least: int, most: int) -> Callable[[str, str], int]:
    def read(name: str, value: str) -> int:
        if not (value.isascii() and value.isdigit() and len(value) < 10 and least <= int(value) <= most):
            raise BadQuery(f"{name} is a number from {least} to {most}")
        return int(value)

    return read


_FIELDS: dict[str, tuple[str, Callable[[str, str], object]]] = {
    "ready": ("ready", _readiness),
    "reason": ("reason", _word),
    "backend": ("backend", _word),
    "q": ("text", _word),
    "page": ("page", _number(1, _LAST_PAGE)),
    "refresh": ("refresh", _number(_SHORTEST_REFRESH, _LONGEST_REFRESH)),
}
_NAMES = ", ".join(("namespace", *_FIELDS))
