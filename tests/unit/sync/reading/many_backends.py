"""Workers that read many backends, by events: the parts around a read are real, time and servers are not.

The parts are called in the order in which `SourceReader` calls them. A server that hangs answers nothing, and
a read of it lasts as long as the parts let it.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import partial

from secrets_manager.backends.base import Source
from secrets_manager.domain.errors import BackendFault, BackendTimeout, NoAnswerYet
from secrets_manager.sync.reading.circuit_breaker import CircuitBreaker
from secrets_manager.sync.reading.evidence import Evidence, evidence_seconds
from secrets_manager.sync.reading.fault_domains import FaultDomains
from secrets_manager.sync.reading.first_tries import FirstTries
from secrets_manager.sync.reading.slow_sources import SlowSources
from secrets_manager.sync.reading.waiting_room import WaitingRoom
from tests.unit.sync.doubles import FakeClock

TIMEOUT = 5.0
PERIOD = 5.0
# What a worker does for a read that is refused.
_REFUSED_SECONDS = 0.0001


@dataclass(eq=False)
class Server:
    """A backend, which answers after ``seconds``, except for the sources that hang."""

    name: str
    domains: FaultDomains
    slow: SlowSources
    sources: list[Source]
    seconds: float
    hanging: frozenset[Source] = frozenset()
    # When each source that waits for a worker became due.
    due: dict[Source, float] = field(default_factory=dict)
    # How late each answered poll was.
    delays: list[tuple[float, float]] = field(default_factory=list)


@dataclass(eq=False, kw_only=True)
class ManyBackends:
    """So many workers and backends, each with so many sources, that answer after ``seconds``."""

    workers: int = 16
    backends: int = 20
    sources: int = 20
    seconds: float = 0.005
    clock: FakeClock = field(default_factory=FakeClock)
    servers: list[Server] = field(init=False)
    # For each moment at which a read of a backend that hangs began or ended: how many are under way.
    hung: list[tuple[float, int]] = field(default_factory=list)
    _in_hung: int = 0
    _busy: int = 0
    _waiting: deque[tuple[Server, Source]] = field(default_factory=deque)
    _events: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        room = WaitingRoom(self.workers, self.clock)
        self.servers = [self._server(f"b{number}", room) for number in range(self.backends)]
        for each, server in enumerate(self.servers):
            for number, source in enumerate(server.sources):
                phase = (number + each / self.backends) / self.sources
                self._at(PERIOD * phase, partial(self._poll, server, source))
        self._at(1.0, self._tick)

    def run(self, seconds: float) -> None:
        """Let time pass."""
        ends_at = self.clock() + seconds
        while self._events and self._events[0][0] <= ends_at:
            at, _, happens = heapq.heappop(self._events)
            self.clock.advance(at - self.clock())
            happens()
            self._work()
        self.clock.advance(ends_at - self.clock())

    def hang(self, servers: Collection[Server]) -> None:
        """From now on these answer nothing."""
        for server in servers:
            self.hang_sources(server, server.sources)

    def hang_sources(self, server: Server, sources: Collection[Source]) -> None:
        """From now on these of its sources are never answered."""
        server.hanging = frozenset(sources)

    def recover(self) -> None:
        """From now on all answer again."""
        for server in self.servers:
            server.hanging = frozenset()

    def worst_delay(self, server: Server, since: float = 0.0) -> float:
        """How late the latest of its polls was that were due after ``since``, those that wait included."""
        waiting = [self.clock() - at for at in server.due.values() if at >= since]
        return max([delay for at, delay in server.delays if at >= since] + waiting)

    def most_hung(self, since: float = 0.0) -> int:
        """How many workers were in reads of backends that hang, at most."""
        return max(count for at, count in self.hung if at >= since)

    # ── inside ───────────────────────────────────────────────────────────────────────────────────────

    def _server(self, name: str, room: WaitingRoom) -> Server:
        domains = FaultDomains(
            CircuitBreaker(self.clock, lambda: 0.5),
            Evidence(lambda source: (source.path.partition("/")[0],), lately=evidence_seconds(PERIOD)),
            clock=self.clock,
            random=lambda: 0.5,
            is_new=lambda _: False,
            # The slow sources are made of the domains.
            on_release=lambda sources: slow.trust(sources),  # noqa: PLW0108
            on_recovery=lambda: None,
        )
        slow = SlowSources(room, name, FirstTries(TIMEOUT), self.clock, domains)
        sources = [Source(f"mount/{number}", backend=name) for number in range(self.sources)]
        return Server(name, domains, slow, sources, self.seconds)

    def _at(self, after: float, happens: Callable[[], None]) -> None:
        heapq.heappush(self._events, (self.clock() + after, next(self._numbers), happens))

    def _tick(self) -> None:
        for server in self.servers:
            if server.domains.open_for() is not None:
                probes = server.sources[:1] if server.domains.wants_probe() else []
            else:
                probes = server.domains.probes()
            for source in probes:
                self._enqueue(server, source)
        self._at(1.0, self._tick)

    def _poll(self, server: Server, source: Source) -> None:
        if not server.domains.refuses(source):
            self._enqueue(server, source)
        self._at(PERIOD, partial(self._poll, server, source))

    def _enqueue(self, server: Server, source: Source) -> None:
        if source not in server.due:
            server.due[source] = self.clock()
            self._waiting.append((server, source))

    def _work(self) -> None:
        while self._waiting and self._busy < self.workers:
            server, source = self._waiting.popleft()
            self._begin(server, source)

    def _begin(self, server: Server, source: Source) -> None:
        inside = contextlib.ExitStack()
        self._busy += 1
        try:
            inside.enter_context(server.slow.waiting_for(source))
            answers = server.domains.admit(source)
        except (BackendFault, NoAnswerYet) as error:
            inside.close()
            self._at(_REFUSED_SECONDS, partial(self._refused, server, source, error))
            return
        is_down = server.domains.open_for() is not None
        first_try = TIMEOUT if is_down else min(TIMEOUT, server.slow.time_for(source))
        if source not in server.hanging:
            self._at(server.seconds, partial(self._answered, server, source, inside))
            return
        self._count_hung(1)
        self._at(first_try, partial(self._silent, server, source, inside, answers, first_try))

    def _refused(self, server: Server, source: Source, error: Exception) -> None:
        self._busy -= 1
        server.due.pop(source)
        if isinstance(error, NoAnswerYet):
            self._at(1.0, partial(self._enqueue, server, source))

    def _answered(self, server: Server, source: Source, inside: contextlib.ExitStack) -> None:
        server.slow.answered(source, server.seconds)
        server.domains.answered(source)
        inside.close()
        at = server.due.pop(source)
        server.delays.append((at, self.clock() - at))
        self._busy -= 1

    def _silent(
        self, server: Server, source: Source, inside: contextlib.ExitStack, answers: int, seconds: float
    ) -> None:
        if seconds < TIMEOUT:
            server.domains.left(source)
            server.slow.left(source, seconds)
            self._at(0.2, partial(self._enqueue, server, source))
        else:
            fault = BackendTimeout("late")
            server.domains.failed(source, fault, answers)
            server.slow.timed_out(source, fault)
        inside.close()
        server.due.pop(source)
        self._count_hung(-1)
        self._busy -= 1

    def _count_hung(self, change: int) -> None:
        self._in_hung += change
        self.hung.append((self.clock(), self._in_hung))
