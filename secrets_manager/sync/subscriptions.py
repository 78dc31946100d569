"""Where the paths of definitions lead, and what is polled once a period because of them.

The worker that reconciles a definition works out once for each spec where its paths lead and whether its
namespace may read them, and keeps the answer: polls, surveys and reconciles all use it. A path that the
policy refuses leads nowhere, so nothing ever reads it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from secrets_manager.backends.base import Source
from secrets_manager.cluster.view.definition_store import DefinitionStore
from secrets_manager.cluster.view.secret_store import SecretStore
from secrets_manager.domain.definition import Ref, SecretSpec
from secrets_manager.domain.errors import DefinitionError
from secrets_manager.domain.lifecycle import OnSourceGone
from secrets_manager.domain.location import Location
from secrets_manager.runtime.heartbeat import beat_here
from secrets_manager.sync.queue.keys import Key
from secrets_manager.sync.queue.poll_schedule import PollSchedule
from secrets_manager.sync.reading.absences import Absences
from secrets_manager.sync.refresh_periods import RefreshPeriods
from secrets_manager.sync.source_ledger import SourceLedger


@dataclass(frozen=True, slots=True)
class Route:
    """The sources of a definition, each with what leads there, and the first location that leads nowhere.

    Several spellings may name one source, with and without a leading slash for instance: it is read once for
    all of them, so that their keys come from one version.
    """

    locations: Mapping[Source, Sequence[Location]] = field(default_factory=dict)
    refused: tuple[Location, DefinitionError] | None = None
    # How often its sources are polled, in seconds, if it wishes that.
    periods: Mapping[Source, float] = field(default_factory=dict)
    # The sources whose absence it acts on.
    watched: frozenset[Source] = frozenset()


NOWHERE = Route()


@dataclass(eq=False)
class Routes:
    """The routes of all definitions. Safe from many threads; each definition is one thread's at a time."""

    # The source that a location names, if a namespace may read it.
    locate: Callable[[Location, str], Source]
    # Seconds between two polls of a source of a backend, where nobody wishes anything else.
    period_of: Callable[[str], float]
    # No definition has its sources polled more often than after so many seconds, unless all are.
    shortest_period: float = 0.0
    _known: dict[Ref, tuple[SecretSpec, Route]] = field(default_factory=dict)

    def of(self, ref: Ref, spec: SecretSpec) -> Route:
        """The route of a definition with this spec."""
        known = self._known.get(ref)
        if known is not None and known[0] == spec:
            return known[1]
        route = self._work_out(ref.namespace, spec)
        self._known[ref] = spec, route
        return route

    def has(self, ref: Ref, spec: SecretSpec) -> bool:
        """Whether the route of this very spec is worked out already."""
        known = self._known.get(ref)
        return known is not None and known[0] is spec

    def forget(self, ref: Ref) -> None:
        """Drop a definition that is gone."""
        self._known.pop(ref, None)

    def _work_out(self, namespace: str, spec: SecretSpec) -> Route:
        found: dict[Source, list[Location]] = {}
        refused = None
        for location in spec.locations:
            beat_here()
            try:
                source = self.locate(location, namespace)
            except DefinitionError as error:
                # One is enough to report; the messages of all would be as large as the definition.
                refused = refused or (location, error.bare())
            else:
                found.setdefault(source, []).append(location)
        return Route(found, refused, self._periods(spec.refresh_period, found), _watched(spec, found))

    def _periods(self, wish: float | None, sources: Iterable[Source]) -> dict[Source, float]:
        if wish is None:
            return {}
        # A wish for more reads than are allowed must not give fewer than no wish does.
        shortest = {
            backend: min(self.shortest_period, self.period_of(backend))
            for backend in {source.backend for source in sources}
        }
        return {source: max(wish, shortest[source.backend]) for source in sources}


def _watched(spec: SecretSpec, found: Mapping[Source, Sequence[Location]]) -> frozenset[Source]:
    if spec.on_source_gone is not OnSourceGone.DELETE:
        return frozenset()
    required = spec.required
    return frozenset(source for source, names in found.items() if not required.isdisjoint(names))


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldView:
    """The state of the world as informers and readings have shown it."""

    definitions: DefinitionStore
    secrets: SecretStore
    ledger: SourceLedger
    schedule: PollSchedule[Key]


@dataclass(eq=False, kw_only=True)
class Subscriptions:
    """Puts sources on the schedule while a definition uses them, and takes them off after.

    Where Secrets cannot be watched, the definition itself is on the schedule too, so that a reconcile once a
    period finds changes made by hand.
    """

    view: WorldView
    routes: Routes
    absences: Absences = field(default_factory=Absences)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _subscribed: dict[Ref, Route] = field(default_factory=dict)
    _periods: RefreshPeriods = field(default_factory=RefreshPeriods)

    def expect(self, ref: Ref) -> None:
        """Note that a definition will use its paths once it was reconciled. This is cheap."""
        spec = self._spec(ref)
        if spec is not None and not self.routes.has(ref, spec):
            self.view.ledger.expect(ref, spec.locations)

    def follow(self, ref: Ref) -> None:
        """Make the schedule fit the definition as the store has it now, or lacks it.

        The worker that reconciles the definition calls this before it reads anything; it may take a while,
        since a definition may have thousands of paths.
        """
        spec = self._spec(ref)
        route = NOWHERE if spec is None else self.routes.of(ref, spec)
        with self._lock:
            if self._subscribed.get(ref, NOWHERE) is not route:
                self._take(ref, route)
            self.view.ledger.drop_expected(ref)
            self._schedule_definition(ref)

    def begin_all(self) -> None:
        """Start or end periodic reconciles, since Secrets can no longer be listed, or can be listed again.

        The informer's thread calls this, so no paths are worked out here.
        """
        now = self.view.secrets.clock()
        for ref in self.view.definitions.refs():
            with self._lock:
                self._schedule_definition(ref)
            # No other event queues it now.
            self.view.schedule.begin(Key.definition(ref), now)

    def route_of(self, ref: Ref) -> Route:
        """Where the paths of a definition lead that are polled; takes no lock."""
        return self._subscribed.get(ref, NOWHERE)

    def forget(self, ref: Ref) -> None:
        """Drop a definition that is gone."""
        self.follow(ref)
        self.routes.forget(ref)

    def _schedule_definition(self, ref: Ref) -> None:
        if ref not in self.view.definitions or self.view.secrets.tracks(ref.namespace):
            self.view.schedule.remove(Key.definition(ref))
        else:
            self.view.schedule.add(Key.definition(ref))

    def _take(self, ref: Ref, route: Route) -> None:
        before = self._subscribed.get(ref, NOWHERE)
        wished = {source for source in before.locations if source in self._periods}
        self.absences.watch(ref, route.watched)
        gained, lost = self.view.ledger.assign(ref, route.locations)
        for source, period in before.periods.items():
            self._periods.remove(source, period)
        for source, period in route.periods.items():
            self._periods.add(source, period)
        wished.update(source for source in route.locations if source in self._periods)
        for source in lost:
            self.view.schedule.remove(Key.source(source))
        for source in (gained | wished) - lost:
            self.view.schedule.add(Key.source(source), self._period(source))
        if route is NOWHERE:
            self._subscribed.pop(ref, None)
        else:
            self._subscribed[ref] = route

    def _period(self, source: Source) -> float:
        """The shortest period of its users, of which some may have that of the backend."""
        shortest = self._periods.shortest(source)
        some_have_none = self.view.ledger.count_users(source) > self._periods.users(source)
        return min(shortest, self.routes.period_of(source.backend)) if some_have_none else shortest

    def _spec(self, ref: Ref) -> SecretSpec | None:
        """The definition's spec, if that is valid and the definition neither suspended nor being deleted."""
        entry = self.view.definitions.get(ref)
        if entry is None or entry.definition.deleting or not isinstance(entry.definition.spec, SecretSpec):
            return None
        return None if entry.definition.spec.suspended else entry.definition.spec
