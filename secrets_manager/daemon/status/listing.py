"""Which definitions a query means, trouble first, and how many there are of each kind.

It goes through all definitions that the daemon knows, and makes nothing of those that are not shown: ten
thousand of them take some hundredths of a second, and no lock for longer than their names take to be copied.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

from secrets_manager.cluster.view.definition_store import DefinitionEntry, DefinitionStore
from secrets_manager.daemon.status.query import Query
from secrets_manager.domain.condition import SYNCED
from secrets_manager.domain.definition import Ref, SecretSpec
from secrets_manager.domain.location import Location
from secrets_manager.domain.outcome import SourceVersion
from secrets_manager.overview.definitions import readiness_of
from secrets_manager.overview.model import Readiness
from secrets_manager.sync.source_ledger import SourceLedger

PAGE = 100
# Reasons and namespaces that are listed by themselves; there may be any number of them.
MOST_REASONS = 12
MOST_NAMESPACES = 12
_AT_ONCE = 64


class TooSlow(Exception):
    """It takes longer than an answer may."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What somebody may see: these namespaces, or None for all."""

    namespaces: frozenset[str] | None = None

    def covers(self, namespace: str) -> bool:
        """Whether a namespace may be seen."""
        return self.namespaces is None or namespace in self.namespaces


class NamespaceCount(NamedTuple):
    """How many definitions a namespace has, and how many of them are not ready or unknown."""

    namespace: str
    definitions: int
    troubled: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The definitions that a query means.

    The counts are those of all that may be seen in the namespaces of the query, whatever else it says.

    Attributes:
        refs: of those that the query means, trouble first.
        readiness: how many there are of each.
        reasons: the most frequent except for the one that all is well.
        namespaces: those with most trouble.
        all_namespaces: how many namespaces there are.

    """

    refs: list[Ref] = field(default_factory=list)
    readiness: Counter[Readiness] = field(default_factory=Counter)
    suspended: int = 0
    reasons: tuple[tuple[str, int], ...] = ()
    namespaces: tuple[NamespaceCount, ...] = ()
    all_namespaces: int = 0

    @property
    def total(self) -> int:
        """All definitions that were counted."""
        return self.readiness.total()

    @property
    def pages(self) -> int:
        """How many pages they take; there is one at least."""
        return max(1, -(-len(self.refs) // PAGE))

    def page(self, number: int) -> list[Ref]:
        """Those of a page; none where there is no such page."""
        return self.refs[(number - 1) * PAGE : number * PAGE]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lister:
    """``left`` gives the seconds that are left for an answer."""

    definitions: DefinitionStore
    ledger: SourceLedger
    left: Callable[[], float]

    def list(self, query: Query, sight: Sight) -> Listing:
        """The definitions that a query means, as far as they may be seen; raises TooSlow."""
        ranked: list[tuple[int, Ref]] = []
        readiness, reasons = Counter[Readiness](), Counter[str]()
        of_namespace, troubled = Counter[str](), Counter[str]()
        suspended = 0
        for entry in self._entries(query, sight):
            ready, namespace = readiness_of(entry.definition, entry.status), entry.definition.ref.namespace
            readiness[ready] += 1
            of_namespace[namespace] += 1
            troubled[namespace] += ready is not Readiness.TRUE
            suspended += _is_suspended(entry)
            if (reason := _reason(entry)) not in {SYNCED, ""}:
                reasons[reason] += 1
            if self._means(query, entry, ready):
                ranked.append((_rank(entry, ready), entry.definition.ref))
        ranked.sort()
        worst = sorted(of_namespace, key=lambda name: (-troubled[name], name))[:MOST_NAMESPACES]
        return Listing(
            refs=[ref for _, ref in ranked],
            readiness=readiness,
            suspended=suspended,
            reasons=tuple(reasons.most_common(MOST_REASONS)),
            namespaces=tuple(NamespaceCount(name, of_namespace[name], troubled[name]) for name in worst),
            all_namespaces=len(of_namespace),
        )

    def backends(self, sight: Sight) -> set[str]:
        """The names of the backends that definitions in sight read; raises TooSlow."""
        entries = self._entries(Query(), sight)
        return {
            source.backend for entry in entries for source in self.ledger.sources_for(entry.definition.ref)
        }

    def _entries(self, query: Query, sight: Sight) -> Iterator[DefinitionEntry]:
        wanted = frozenset(query.namespaces)
        refs = iter(self.definitions.refs())
        while some := list(islice(refs, _AT_ONCE)):
            if self.left() <= 0:
                raise TooSlow
            for ref in some:
                if sight.covers(ref.namespace) and (not wanted or ref.namespace in wanted):
                    entry = self.definitions.get(ref)
                    if entry is not None:
                        yield entry

    def _means(self, query: Query, entry: DefinitionEntry, ready: Readiness) -> bool:
        if query.ready is not None and not _is(ready, query.ready):
            return False
        if query.reason and _reason(entry).lower() != query.reason.lower():
            return False
        if query.backend and not any(each.backend == query.backend for each in _sources(entry)):
            return False
        return not query.text or _contains(entry, query.text.casefold())


def _is(ready: Readiness, asked: Readiness) -> bool:
    # As of a command: who asks for what is not ready means what is not known to be, too.
    return ready is not Readiness.TRUE if asked is Readiness.FALSE else ready is asked


def _is_suspended(entry: DefinitionEntry) -> bool:
    spec = entry.definition.spec
    return isinstance(spec, SecretSpec) and spec.suspended


def _sources(entry: DefinitionEntry) -> tuple[SourceVersion, ...] | tuple[Location, ...]:
    if entry.status is not None and entry.status.sources:
        return entry.status.sources
    spec = entry.definition.spec
    return spec.locations if isinstance(spec, SecretSpec) else ()


def _reason(entry: DefinitionEntry) -> str:
    return entry.status.condition.reason if entry.status else ""


def _rank(entry: DefinitionEntry, ready: Readiness) -> int:
    """How soon it is shown: what fails, what is not known, what is ready with a but, what is suspended."""
    if _is_suspended(entry):
        return 3
    if ready is Readiness.TRUE:
        return 4 if _reason(entry) == SYNCED else 2
    return 0 if ready is Readiness.FALSE else 1


def _contains(entry: DefinitionEntry, text: str) -> bool:
    return any(text in each.casefold() for each in _texts(entry))


def _texts(entry: DefinitionEntry) -> Iterable[str]:
    definition, status = entry.definition, entry.status
    yield str(definition.ref)
    yield definition.secret_name or ""
    if status is not None:
        yield status.condition.message
    for source in _sources(entry):
        yield source.path
