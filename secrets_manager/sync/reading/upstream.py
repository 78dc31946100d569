"""Everything that exists once for each backend: its reader, its sick parts, and definitions that wait for it.

A fault of one backend does not touch another: each has its breaker and its parts, its share of the workers
for paths that do not answer, its survey and its probes. A source names its backend.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from inspect import signature

from secrets_manager.backends.base import Backend, Logins, Relogin, Source
from secrets_manager.domain.backend_name import DEFAULT_BACKEND
from secrets_manager.domain.errors import BackendFault, DefinitionError, InvalidVersion, UnknownBackend
from secrets_manager.domain.location import Location
from secrets_manager.domain.policy import PathPolicy
from secrets_manager.sync.agenda import Agenda
from secrets_manager.sync.queue.keys import Key
from secrets_manager.sync.queue.parked import Parked
from secrets_manager.sync.queue.work_queue import Lane
from secrets_manager.sync.reading.circuit_breaker import CircuitBreaker
from secrets_manager.sync.reading.evidence import Evidence, evidence_seconds
from secrets_manager.sync.reading.fault_domains import FaultDomains
from secrets_manager.sync.reading.first_tries import FirstTries
from secrets_manager.sync.reading.probing import Probing
from secrets_manager.sync.reading.recent_readings import RecentReadings
from secrets_manager.sync.reading.slow_sources import SlowSources
from secrets_manager.sync.reading.source_reader import SourceReader
from secrets_manager.sync.reading.surveys import Surveys
from secrets_manager.sync.reading.waiting_room import WaitingRoom

# An outage that is longer than this is reported to every definition that depends on the backend; a shorter
# one would only make every condition flicker.
OUTAGE_REPORTED_AFTER = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamOptions:
    """The options of one backend; times are in seconds.

    Attributes:
        timeout: how long a whole read may take.
        period: the time between two polls of a source.
        maintain_every: the pause between two checks of its session.
        first_tries: whether a first try is left when it takes unusually long.
        recent_bytes: how much its readings that are kept for a moment may weigh.

    """

    timeout: float
    period: float
    maintain_every: float
    first_tries: bool
    recent_bytes: int


@dataclass(eq=False, kw_only=True)
class Upstream:
    """One backend and its state. ``random`` gives 0 to 1."""

    name: str
    backend: Backend
    policy: PathPolicy
    agenda: Agenda
    options: UpstreamOptions
    room: WaitingRoom
    random: Callable[[], float]
    # Definitions whose last reconcile ended in a fault of the backend.
    parked: Parked = field(default_factory=Parked)
    domains: FaultDomains = field(init=False)
    slow: SlowSources = field(init=False)
    reader: SourceReader = field(init=False)
    surveys: Surveys = field(init=False)
    probing: Probing = field(init=False)
    # The reason why the last check of its session failed, "" if it did not.
    session_fault: str = ""
    _outage_reported: bool = False
    _takes_versions: bool = field(init=False)

    def __post_init__(self) -> None:
        # A plug-in that was made before there were versions takes none.
        self._takes_versions = len(signature(self.backend.locate).parameters) > 1
        view, clock = self.agenda.view, self.agenda.clock
        self.domains = FaultDomains(
            CircuitBreaker(clock, self.random, self._recovered),
            Evidence(self.backend.domains, lately=evidence_seconds(self.options.period)),
            clock=clock,
            random=self.random,
            is_new=view.ledger.is_new,
            on_release=self._released,
            on_recovery=self._recovered,
        )
        tries = FirstTries(self.options.timeout) if self.options.first_tries else FirstTries.off()
        self.slow = SlowSources(self.room, self.name, tries, clock, self.domains)
        self.reader = SourceReader(
            self.backend,
            self.domains,
            self.agenda.source_read,
            self.slow,
            timeout=self.options.timeout,
            recent=RecentReadings(view.ledger.is_shared, clock, self.options.recent_bytes),
        )
        self.surveys = Surveys(
            name=self.name,
            backend=self.backend,
            domains=self.domains,
            slow=self.slow,
            schedule=view.schedule,
            period=self.options.period,
            clock=clock,
        )
        self.probing = Probing(
            name=self.name,
            domains=self.domains,
            slow=self.slow,
            schedule=view.schedule,
            ledger=view.ledger,
            clock=clock,
        )

    def locate(self, location: Location, namespace: str) -> Source:
        """The source that ``location`` names, if ``namespace`` may read it. Does no I/O.

        Raises InvalidPath, InvalidVersion or PathNotAllowed.
        """
        try:
            source = self._source(location)
        except DefinitionError:
            if self.name != DEFAULT_BACKEND:
                # Who may not read there is told the same as if there were no such backend.
                self.policy.check(namespace, as_written(location))
            raise
        self.policy.check(namespace, source.path)
        return source if self.name == DEFAULT_BACKEND else source._replace(backend=self.name)

    @property
    def may_retry_login(self) -> bool:
        """Whether it has credentials that may be replaced in their files."""
        return isinstance(self.backend, Relogin)

    def retry_login(self) -> None:
        """Log in again if refused credentials were replaced; on success the parked definitions continue."""
        if isinstance(self.backend, Relogin) and self.backend.retry_login():
            self._recovered()

    def login_number(self) -> int:
        """The number of the login that is in use, as far as the backend has any."""
        return self.backend.login_number() if isinstance(self.backend, Logins) else 0

    def survey(self) -> None:
        """Survey the whole backend, and poll changed sources soon; raises a BackendFault."""
        sources = self.agenda.view.ledger.sources_of(self.name)
        found = self.surveys.run(sources)
        if found is None:
            return
        for source in found.stale:
            self.agenda.poll_now(Key.source(source), Lane.SOON)
        self.agenda.sources_known(sources - found.stale)

    def maintain(self) -> None:
        """Maintain its session, unless it is down: then probes find out; raises a BackendFault."""
        if self.domains.open_for() is not None:
            return
        try:
            self.backend.maintain()
        except BackendFault as fault:
            self.session_fault = fault.reason
            raise
        self.session_fault = ""

    def report_outage(self) -> None:
        """Reconcile its definitions, once an outage, when it is down for longer than a moment."""
        open_for = self.domains.open_for()
        if open_for is None:
            self._outage_reported = False
        elif not self._outage_reported and open_for >= OUTAGE_REPORTED_AFTER:
            self._outage_reported = True
            self.agenda.reconcile_soon(self.agenda.view.ledger.users_of(self.name))

    def probes(self) -> list[Key]:
        """The keys to poll now to find out whether it, or a part of it, is well again."""
        self.probing.tidy()
        if self.domains.open_for() is None:
            return self.probing.for_parts()
        if not self.domains.wants_probe():
            return []
        self.surveys.postpone()
        key = self.probing.for_backend()
        return [] if key is None else [key]

    def spares(self, key: Key) -> bool:
        """Whether a poll that is due can be left out: it would be refused, or find nothing new."""
        if isinstance(key.subject, Source) and self.agenda.subscriptions.absences.wants_polls(key.subject):
            # A survey would not read it again.
            return self.probing.is_refused(key)
        return self.surveys.spare(key) or self.probing.is_refused(key)

    def _source(self, location: Location) -> Source:
        path, version, _ = location
        if version and not self._takes_versions:
            raise InvalidVersion(path, version, "this backend has no versions")
        return self.backend.locate(path, version) if version else self.backend.locate(path)

    def _recovered(self) -> None:
        """It serves again: reconcile at once everything that waited for it."""
        self.agenda.reconcile_soon(self.parked.take_all())

    def _released(self, sources: Collection[Source]) -> None:
        """A part of it serves again: read at once the sources that were refused because of it."""
        self.slow.trust(sources)
        users = {source: self.agenda.view.ledger.users(source) for source in sources}
        waiting = self.parked.take(set().union(*users.values()))
        self.agenda.reconcile_soon(waiting)
        for source, using in users.items():
            if using and not using & waiting:
                self.agenda.poll_now(Key.source(source), Lane.SOON)


def as_written(location: Location) -> str:
    """The path for the policy, where there is no backend that could say what it means."""
    return location.path.lstrip("/")


def _allows_all(name: str) -> PathPolicy:
    return PathPolicy(backend=name)


class Upstreams(Mapping[str, Upstream]):
    """Every backend by its name, in the order in which they were added.

    ``policy_of`` gives the policy of a backend that is not among them.
    """

    def __init__(self, policy_of: Callable[[str], PathPolicy] = _allows_all) -> None:
        self._policy_of = policy_of
        self._known: dict[str, Upstream] = {}

    def add(self, upstream: Upstream) -> None:
        """Add a backend; before anything is read."""
        self._known[upstream.name] = upstream

    def __getitem__(self, name: str) -> Upstream:
        """The backend of that name; raises UnknownBackend."""
        try:
            return self._known[name]
        except KeyError:
            raise UnknownBackend(name) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)

    def locate(self, location: Location, namespace: str) -> Source:
        """As `Upstream.locate` of the backend that the location names; also raises UnknownBackend.

        That is told only to who might read the path if there were such a backend: whether there is one is
        the business of nobody else.
        """
        upstream = self._known.get(location.backend)
        try:
            if upstream is not None:
                return upstream.locate(location, namespace)
            self._policy_of(location.backend).check(namespace, as_written(location))
        except DefinitionError as error:
            error.of_backend(location.backend)
            raise
        raise UnknownBackend(location.backend)

    def domains(self, source: Source) -> tuple[str, ...]:
        """As `Backend.domains` of the backend of that source."""
        return self[source.backend].backend.domains(source)

    def period(self, backend: str) -> float:
        """Seconds between two polls of a source of that backend."""
        return self[backend].options.period

    def login_number(self, backend: str) -> int:
        """As `Upstream.login_number` of the backend of that name."""
        return self[backend].login_number()

    def parked_for(self, sources: Iterable[Source]) -> Iterator[Parked]:
        """Where a definition with these sources is parked; with every backend while it has no source."""
        names = {source.backend for source in sources} or set(self._known)
        return (self._known[name].parked for name in names)

    def is_suspect(self, source: Source) -> bool:
        """Whether ``source`` was not answered when it was last asked."""
        return self[source.backend].domains.is_suspect(source)
