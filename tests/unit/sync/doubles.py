"""What surrounds the engine in its tests: time, listeners, leadership, and a lossy API server."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from secrets_manager.backends.base import Source
from secrets_manager.cluster.base import Json, Resource
from secrets_manager.cluster.memory import MemoryCluster
from secrets_manager.domain.backend_name import DEFAULT_BACKEND
from secrets_manager.domain.definition import Definition, Ref
from secrets_manager.domain.errors import ClusterUnavailable, SecretsManagerError
from secrets_manager.domain.location import Location
from secrets_manager.domain.outcome import Outcome
from secrets_manager.sync.reading.circuit_breaker import CircuitBreaker
from secrets_manager.sync.reading.evidence import Evidence
from secrets_manager.sync.reading.fault_domains import FaultDomains
from secrets_manager.sync.reading.first_tries import FirstTries
from secrets_manager.sync.reading.slow_sources import Parts, SlowSources
from secrets_manager.sync.reading.waiting_room import WaitingRoom

_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


class FakeClock:
    """Monotonic seconds and the wall clock that goes with them; moves only when told."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return _EPOCH + timedelta(seconds=self.seconds - 1000.0)

    def advance(self, seconds: float) -> None:
        self.seconds += seconds


class TickingClock(FakeClock):
    """Moves a little with every reading, so that of any two moments one is later."""

    def __call__(self) -> float:
        self.seconds += 1e-6
        return self.seconds


class Told(NamedTuple):
    """One Event, as a person reads it."""

    name: str
    warning: bool
    reason: str
    message: str


@dataclass
class RecordedEvents:
    """A Recorder that keeps the Events."""

    told: list[Told] = field(default_factory=list)

    def record(self, about: Definition, *, warning: bool, reason: str, message: str) -> None:
        self.told.append(Told(about.ref.name, warning, reason, message))

    def reasons(self) -> list[str]:
        return [event.reason for event in self.told]


@dataclass
class RecordedTelemetry:
    """A SyncTelemetry that keeps all reports."""

    outcomes: list[Outcome] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    failed_keys: list[tuple[str, str, str]] = field(default_factory=list)
    unreadable: list[Ref] = field(default_factory=list)
    gone: list[Ref] = field(default_factory=list)
    unwritten: list[tuple[Ref, str]] = field(default_factory=list)
    restarts: list[tuple[str, str]] = field(default_factory=list)
    adds: int = 0
    retries: int = 0
    waits: list[float] = field(default_factory=list)
    works: list[float] = field(default_factory=list)

    def reconciled(self, outcome: Outcome, seconds: float) -> None:
        self.outcomes.append(outcome)
        self.seconds.append(seconds)

    def source_failed(
        self, definition: Ref, location: Location, key: str, error: SecretsManagerError
    ) -> None:
        self.failed_keys.append((location.path, key, error.reason))

    def secret_unreadable(self, target: Ref) -> None:
        self.unreadable.append(target)

    def status_unwritten(self, outcome: Outcome, error: SecretsManagerError) -> None:
        self.unwritten.append((outcome.definition, error.reason))

    def restarted(self, kind: str, result: str) -> None:
        self.restarts.append((kind, result))

    def forgotten(self, definition: Ref) -> None:
        self.gone.append(definition)

    def queued(self) -> None:
        self.adds += 1

    def retried(self) -> None:
        self.retries += 1

    def waited(self, seconds: float) -> None:
        self.waits.append(seconds)

    def worked(self, seconds: float) -> None:
        self.works.append(seconds)


@dataclass
class SwitchedLeadership:
    """Leads while ``leading``; ``questions_left`` makes it lose the lead after so many answers."""

    leading: bool = True
    questions_left: int | None = None

    def holds(self, namespace: str) -> bool:
        return self.leads()

    def leads(self) -> bool:
        if self.questions_left is not None:
            self.questions_left -= 1
            self.leading = self.questions_left >= 0
        return self.leading


class OnePart:
    """A backend in which all sources are of one part, of which nothing is known."""

    def part_of(self, _source: Source) -> str:
        return ""

    def is_silent(self, _source: Source) -> bool:
        return False

    def down_with(self, _source: Source) -> None:
        return None


def slow_sources(
    places: int = 10**6,
    tries: FirstTries | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> SlowSources:
    """With so many places, and without ``tries`` all its time for each source."""
    room = WaitingRoom(4 * max(1, places), clock)
    if not places:
        assert room.take("another")
        assert room.take("another")
    return SlowSources(room, DEFAULT_BACKEND, tries or FirstTries.off(), clock, OnePart())


def slow_sources_among(
    workers: int, tries: FirstTries, clock: Callable[[], float], parts: Parts
) -> SlowSources:
    """Of the only backend, with places for a part of so many workers."""
    return SlowSources(WaitingRoom(workers, clock), DEFAULT_BACKEND, tries, clock, parts)


def lonely_domains(breaker: CircuitBreaker, evidence: Evidence) -> FaultDomains:
    """Fault domains of sources that are all new, without listeners."""
    return FaultDomains(
        breaker,
        evidence,
        clock=time.monotonic,
        random=lambda: 0.5,
        is_new=lambda _: True,
        on_release=lambda _: None,
        on_recovery=lambda: None,
    )


class LossyCluster(MemoryCluster):
    """An API server whose replies may be lost on the way, after the call was applied.

    People reach it ``undisturbed``: faults, missing rights and counts are meant for the program.
    """

    def __init__(self, *, status_subresource: bool = True) -> None:
        super().__init__(status_subresource=status_subresource)
        self.watch_seconds = 0.0
        self._losing: list[tuple[str, str]] = []

    def lose_reply(self, verb: str, resource: str = "secrets") -> None:
        """Lose the next reply to such a call."""
        self._losing.append((verb, resource))

    def calm(self) -> None:
        """Take back all that is still to go wrong."""
        self._losing, self._faults, self._forbidden = [], {}, set()

    @contextlib.contextmanager
    def undisturbed(self) -> Iterator[None]:
        """Calls in here are those of people."""
        before = Counter(self.calls), self._losing, self._faults, self._forbidden
        self.calm()
        yield
        self.calls, self._losing, self._faults, self._forbidden = before

    def create(self, resource: Resource, namespace: str, body: Json) -> Json:
        return self._reply("create", resource, super().create(resource, namespace, body))

    def replace(self, resource: Resource, ref: Ref, body: Json, *, subresource: str = "") -> Json:
        reply = super().replace(resource, ref, body, subresource=subresource)
        return reply if subresource else self._reply("update", resource, reply)

    def patch(self, resource: Resource, ref: Ref, body: Json) -> Json:
        return self._reply("patch", resource, super().patch(resource, ref, body))

    def delete(self, resource: Resource, ref: Ref, preconditions: Mapping[str, str]) -> None:
        super().delete(resource, ref, preconditions)
        self._reply("delete", resource, {})

    def _reply(self, verb: str, resource: Resource, reply: Json) -> Json:
        if (verb, resource.plural) in self._losing:
            self._losing.remove((verb, resource.plural))
            raise ClusterUnavailable("no reply")
        return reply


class SilentFence:
    """A listener for writes that were not made, which does nothing."""

    def write_refused(self) -> None:
        """Ignore it."""

    def stale_write_refused(self) -> None:
        """Ignore it."""
