"""The one queue, and the one retry policy, of the program.

Keys are de-duplicated, so the queue is never longer than there are objects, and a key is never worked on
twice at a time: one that is added meanwhile runs again after. There are four lanes, and each overtakes those
after it: urgent (somebody changed something), soon (a list or a reading showed something, a retry), after
(what is told of work that is done), routine (a poll). What is not urgent never takes the last workers, so
that a backend that hangs cannot keep a deletion waiting; and now and then the last two have their turns
however much overtakes them. In all but the last, turns go round the groups of keys, so that what one group
has queued keeps no other waiting; polls come as they are due. The shape is client-go's util/workqueue.

Polls come in batches, and one thread or two are done with a batch before a third is awake. So what is not
urgent wakes a thread only if none was woken a moment ago; whoever takes a key that had to wait wakes the next
one, and ``release_due`` sees to what is left. Something urgent always wakes one.
"""

from __future__ import annotations

import heapq
import math
import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Generic, TypeVar

from secrets_manager.sync.fair_lane import FairLane
from secrets_manager.sync.telemetry import SilentTelemetry, SyncTelemetry

K = TypeVar("K", bound=Hashable)


class Lane(IntEnum):
    """How soon a key is wanted."""

    URGENT = 0
    SOON = 1
    AFTER = 2
    ROUTINE = 3


# Of so many keys that are taken one is of the lane, if one waits: what never ends must not starve the others.
_SHARES = {Lane.ROUTINE: 50, Lane.AFTER: 20}
# Seconds. Waking a thread that finds the work done by another costs more than a short poll of the backend.
_HELP_AFTER = 0.005


@dataclass(frozen=True, slots=True)
class _Work:
    """A key in the hands of a worker; times are seconds of the queue's clock."""

    lane: Lane
    asked_at: float
    started_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BackOff:
    """Pauses between tries of one key, in seconds: ``base`` doubling up to ``cap``, with full jitter."""

    base: float = 1.0
    cap: float = 300.0

    def pause(self, failures: int, random: float) -> float:
        """The pause after so many failures in a row (at least 1); ``random`` is in 0 to 1."""
        ceiling = min(self.cap, self.base * 2.0 ** min(failures - 1, 30))
        return max(self.base / 4, ceiling * random)

    def slow(self, random: float) -> float:
        """The pause for what only a person can mend: near the cap, spread a little."""
        return self.cap * (0.8 + 0.2 * random)


@dataclass(eq=False)
class WorkQueue(Generic[K]):
    """Keys to look at. ``workers`` is how many threads take from it; ``clock`` gives monotonic seconds.

    ``group`` tells which keys share a turn; by default all do.
    """

    workers: int
    clock: Callable[[], float]
    random: Callable[[], float]
    back_off: BackOff = field(default_factory=BackOff)
    telemetry: SyncTelemetry = field(default_factory=SilentTelemetry)
    group: Callable[[K], Hashable] = lambda _: None
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _lanes: tuple[FairLane[K], ...] = field(init=False)
    _working: dict[K, _Work] = field(default_factory=dict)
    _again: dict[K, Lane] = field(default_factory=dict)
    _asked_at: dict[K, float] = field(default_factory=dict)
    _delayed: dict[K, float] = field(default_factory=dict)
    _heap: list[tuple[float, int, K]] = field(default_factory=list)
    _failures: dict[K, int] = field(default_factory=dict)
    _sequence: int = 0
    # Keys that were taken since one of the lane was, while one waited.
    _overtaken: dict[Lane, int] = field(default_factory=lambda: dict.fromkeys(_SHARES, 0))
    # Workers at something that is not urgent.
    _patient: int = 0
    _woken_at: float = -math.inf
    _closed: bool = False

    def __post_init__(self) -> None:
        fair = (FairLane(self.group) for lane in Lane if lane is not Lane.ROUTINE)
        self._lanes = (*fair, FairLane(lambda _: None))

    def add(self, key: K, lane: Lane = Lane.URGENT) -> None:
        """Have ``key`` looked at as soon as its lane allows; a pause it is in ends."""
        with self._changed:
            self._delayed.pop(key, None)
            self._asked_at[key] = self.clock()
            if key in self._working:
                self._again[key] = min(lane, self._again.get(key, lane))
                return
            self._enqueue(key, lane)

    def add_after(self, key: K, seconds: float) -> None:
        """Have ``key`` looked at after a pause, unless something asks for it sooner."""
        with self._changed:
            if self._is_pending(key):
                return
            due = self.clock() + seconds
            if self._delayed.get(key, due + 1) <= due:
                return
            self._delayed[key] = due
            self._sequence += 1
            heapq.heappush(self._heap, (due, self._sequence, key))
            self.telemetry.retried()

    def retry(self, key: K, *, at_least: float = 0.0) -> None:
        """``key`` failed and may work later: look again after its back-off, ``at_least`` so many seconds."""
        with self._changed:
            failures = self._failures[key] = self._failures.get(key, 0) + 1
        self.add_after(key, max(self.back_off.pause(failures, self.random()), at_least))

    def retry_slowly(self, key: K) -> None:
        """``key`` failed and a person must act: look again after the longest pause."""
        self.add_after(key, self.back_off.slow(self.random()))

    def forget(self, key: K) -> None:
        """``key`` worked: its next failure starts with the shortest pause."""
        with self._changed:
            self._failures.pop(key, None)

    def release_due(self) -> None:
        """Queue the keys whose pause is over."""
        with self._changed:
            now = self.clock()
            while self._heap and self._heap[0][0] <= now:
                due, _, key = heapq.heappop(self._heap)
                if self._delayed.get(key) == due:
                    self.add(key, Lane.SOON)
            if any(self._lanes):
                self._wake_one(now)

    def take(self, timeout: float | None = None) -> K | None:
        """The next key, which is then this thread's until ``done``; None when closed or timed out."""
        with self._changed:
            if not self._changed.wait_for(self._can_take, timeout) or self._closed:
                return None
            lane = self._next_lane()
            key, since = self._lanes[lane].take()
            now = self.clock()
            waited = now - since
            self.telemetry.waited(waited)
            self._working[key] = _Work(lane, self._asked_at.pop(key), started_at=now)
            self._patient += lane is not Lane.URGENT
            if waited >= _HELP_AFTER and any(self._lanes):
                self._wake_one(now)
            return key

    def done(self, key: K) -> None:
        """Give ``key`` back; it is queued again if it was asked for meanwhile."""
        with self._changed:
            work = self._working.pop(key)
            now = self.clock()
            self.telemetry.worked(now - work.started_at)
            was_full = not self._has_room()
            self._patient -= work.lane is not Lane.URGENT
            again = self._again.pop(key, None)
            if again is not None:
                self._enqueue(key, again)
            if was_full and any(self._lanes):
                self._wake_one(now)

    def close(self) -> None:
        """Hand out nothing more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def depth(self) -> int:
        """Keys that are ready and wait for a worker."""
        with self._changed:
            return sum(map(len, self._lanes))

    def idle(self) -> bool:
        """Whether nothing is ready and nobody works."""
        with self._changed:
            return not self._working and not any(self._lanes)

    def oldest_wait(self) -> float:
        """Seconds that the first of all keys has been ready; 0 when there is none."""
        with self._changed:
            heads = [lane.oldest() for lane in self._lanes if lane]
            return self.clock() - min(heads) if heads else 0.0

    def work_ages(self) -> list[float]:
        """For each key being worked on, the seconds since it was taken."""
        with self._changed:
            now = self.clock()
            return [now - work.started_at for work in self._working.values()]

    def asked_at(self, key: K) -> float:
        """When a look at a key that is being worked on was last asked for: its causes are older than that."""
        return self._working[key].asked_at

    def is_known(self, key: K) -> bool:
        """Whether a key is ready or being worked on."""
        with self._changed:
            return key in self._working or self._is_pending(key)

    def is_pressed(self, key: K) -> bool:
        """Whether others wait that are as urgent as a key that is being worked on, or more so."""
        with self._changed:
            return any(self._lanes[: self._working[key].lane + 1])

    def _enqueue(self, key: K, lane: Lane) -> None:
        since = None
        for other, waiting in zip(Lane, self._lanes, strict=True):
            if key in waiting:
                if other <= lane:
                    return
                since = waiting.remove(key)
        now = self.clock()
        self._lanes[lane].add(key, now if since is None else since)
        self.telemetry.queued()
        if lane is Lane.URGENT or now - self._woken_at >= _HELP_AFTER:
            self._wake_one(now)

    def _wake_one(self, now: float) -> None:
        self._woken_at = now
        self._changed.notify()

    def _is_pending(self, key: K) -> bool:
        return key in self._again or any(key in lane for lane in self._lanes)

    def _can_take(self) -> bool:
        return self._closed or bool(self._lanes[Lane.URGENT]) or self._can_take_more()

    def _can_take_more(self) -> bool:
        """Whether something that is not urgent can be taken."""
        return any(self._lanes) and self._has_room()

    def _has_room(self) -> bool:
        """Whether another worker may take something that is not urgent."""
        return self._patient < max(1, self.workers - 2)

    def _next_lane(self) -> Lane:
        """The lane to take from now; there is one."""
        first = next(lane for lane in Lane if self._lanes[lane])
        lane = next((lane for lane, share in _SHARES.items() if self._is_due(lane, share, first)), first)
        if lane in self._overtaken:
            self._overtaken[lane] = 0
        return lane

    def _is_due(self, lane: Lane, share: int, first: Lane) -> bool:
        """Whether ``lane`` was overtaken so often that it has its turn before ``first``."""
        if first >= lane or not self._lanes[lane]:
            self._overtaken[lane] = 0
            return False
        self._overtaken[lane] += 1
        return self._overtaken[lane] >= share and self._can_take_more()
