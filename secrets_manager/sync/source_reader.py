"""Shared reads of the backend, and never one that is too old.

Rule 2 of the design: who asks for a source while a read of it is running gets the *next* read, which all who
wait meanwhile share. So a reading has always started after its asker observed its Secret, and sharing cannot
turn an older value loose on a newer Secret, however many definitions use one path.

Who waits costs a worker, so sources that hang share a few places (see `slow_sources`).
"""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from secrets_manager.backends.base import Backend, Reading, Source
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import (
    BackendFault,
    BackendTimeout,
    BackendUnavailable,
    NoAnswerYet,
    SecretsManagerError,
)
from secrets_manager.runtime.hurry import Hurry, hurried
from secrets_manager.runtime.patience import patient
from secrets_manager.sync.circuit_breaker import CircuitBreaker
from secrets_manager.sync.recent_readings import RecentReadings
from secrets_manager.sync.slow_sources import SlowSources


@dataclass(eq=False)
class _Flight:
    """One read and those who share it."""

    askers: set[Ref] = field(default_factory=set)
    began_at: float = math.inf
    done: threading.Event = field(default_factory=threading.Event)
    reading: Reading | None = None
    error: SecretsManagerError | None = None

    def takes(self, since: float) -> bool:
        """Whether it is under way, began after ``since``, and is no poll, which gives way to others."""
        return since < self.began_at < math.inf and bool(self.askers) and not self.done.is_set()

    def result(self) -> Reading:
        if self.error is not None:
            raise self.error
        assert self.reading is not None  # noqa: S101 - one of the two is set before done
        return self.reading


@dataclass(eq=False)
class _Lane:
    running: _Flight
    next: _Flight | None = None


# Told of the end of each read: the source, what came of it, and who shared it.
Listener = Callable[[Source, "Reading | SecretsManagerError", frozenset[Ref]], None]


class SourceReader:
    """Reads sources through a circuit breaker, at most one read of each in flight."""

    def __init__(
        self,
        backend: Backend,
        breaker: CircuitBreaker,
        listener: Listener,
        slow: SlowSources | None = None,
        *,
        recent: RecentReadings | None = None,
    ) -> None:
        self._recent = recent or RecentReadings()
        self._backend = backend
        self._breaker = breaker
        self._listener = listener
        self.slow = slow or SlowSources()
        self._lock = threading.Lock()
        self._lanes: dict[Source, _Lane] = {}

    def read(self, source: Source, asker: Ref | None = None, since: float = math.inf) -> Reading:
        """A reading that starts now or later; raises BackendFault, SourceError or NoAnswerYet.

        ``asker`` is the definition that will act on it, so that it is not told of the change again. It gets
        one that began after ``since``, in monotonic seconds, if there happens to be one.
        """
        known = self._recent.get(source, since)
        return known or self._read(source, asker, since)

    def let_go_of_old(self) -> None:
        """Drop the values that were kept for others who would ask soon, and did not."""
        self._recent.let_go_of_old()

    def _read(self, source: Source, asker: Ref | None, since: float) -> Reading:
        try:
            with self.slow.waiting_for(source):
                flight, before = self._board(source, asker, since)
                before.done.wait()
                if self._takes_off(source, flight):
                    self._fly(source, flight)
                flight.done.wait()
        except BackendTimeout as fault:
            # Turned away: nobody asked the backend, and what it ended in before is still the news.
            self._listener(source, fault.bare(), frozenset((asker,) if asker else ()))
            raise
        return flight.result()

    def _board(self, source: Source, asker: Ref | None, since: float) -> tuple[_Flight, _Flight]:
        """The flight to share, and the one that has to land first."""
        with self._lock:
            lane = self._lanes.get(source)
            if lane is None:
                lane = self._lanes[source] = _Lane(running=_Flight())
                lane.running.done.set()
            if lane.running.takes(since):
                flight = lane.running
            else:
                flight = lane.next = lane.next or _Flight()
            if asker:
                flight.askers.add(asker)
            return flight, lane.running

    def _takes_off(self, source: Source, flight: _Flight) -> bool:
        """Make ``flight`` the running one; true for the first of its passengers only."""
        with self._lock:
            lane = self._lanes.get(source)
            if lane is None or lane.next is not flight:
                return False
            lane.running, lane.next = flight, None
            flight.began_at = self._recent.clock()
            return True

    def _fly(self, source: Source, flight: _Flight) -> None:
        try:
            answers = self._breaker.admit()
            # A read that no definition waits for is a poll, and gives way to those that are waited for.
            with contextlib.nullcontext() if flight.askers else patient():
                flight.reading = self._call(source, answers)
        except SecretsManagerError as error:
            flight.error = error.bare()
        finally:
            if flight.reading is None and flight.error is None:
                flight.error = BackendUnavailable("the read ended unexpectedly")
            self._recent.put(source, flight.reading, flight.began_at)
            self._land(source, flight)
        outcome = flight.error or flight.reading
        assert outcome is not None  # noqa: S101 - as above
        if not isinstance(outcome, NoAnswerYet):
            self._listener(source, outcome, frozenset(flight.askers))

    def _call(self, source: Source, answers: int) -> Reading:
        # What a backend that is away takes to answer says nothing of what is usual.
        seconds = self.slow.time_for(source) if self._breaker.open_for() is None else math.inf
        with hurried(seconds) as hurry:
            return self._timed_call(source, answers, hurry)

    def _timed_call(self, source: Source, answers: int, hurry: Hurry) -> Reading:
        try:
            reading = self._backend.read(source)
        except NoAnswerYet:
            self.slow.left(source)
            raise
        except BackendFault as fault:
            self._breaker.failed(fault, answers)
            if isinstance(fault, BackendTimeout):
                self.slow.timed_out(source, fault)
            raise
        except SecretsManagerError:
            self._answered(source, hurry)
            raise
        except BaseException:
            self._breaker.failed(BackendUnavailable("the read ended unexpectedly"))
            raise
        self._answered(source, hurry)
        return reading

    def _answered(self, source: Source, hurry: Hurry) -> None:
        self._breaker.succeeded()
        self.slow.answered(source, hurry.took)

    def _land(self, source: Source, flight: _Flight) -> None:
        with self._lock:
            lane = self._lanes.get(source)
            if lane is not None and lane.running is flight and lane.next is None:
                del self._lanes[source]
            flight.done.set()
