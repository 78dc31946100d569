"""Which keys are due at a time; pure except for its memory.

Each key has its own phase within its period, so that polls are spread evenly instead of coming in the bursts
in which definitions were created. Phases follow the golden ratio: however many keys there are, and whichever
leave, each part of a period has its share. Those that fall within a moment are due together: a process that
wakes up for one poll spends as much on waking up as on ten polls more.
"""

from __future__ import annotations

import heapq
import math
import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

_GOLDEN = (math.sqrt(5) - 1) / 2
# The part of a period by which the time between two polls may grow when one is left out.
_SLACK = 0.1
# The moments of a period: at least so many, and none longer than the second that quotas of calls count in.
_LEAST_MOMENTS = 16
_MOMENT_SECONDS = 1.0
# Entries of keys that were scheduled anew since are dropped when there are more than this, and than others.
_MOST_STALE = 64


class PollSchedule(Generic[K]):
    """Keys and the times at which they are due. Times are monotonic seconds, given by the caller.

    ``period`` is for each key that is added without a period of its own.
    """

    def __init__(self, period: float) -> None:
        self._period = period
        self._lock = threading.Lock()
        self._count = 0
        # Parts of a period, from 0 to 1.
        self._phases: dict[K, float] = {}
        # The periods of keys that have their own.
        self._periods: dict[K, float] = {}
        # Keys whose period changed since keys were last taken.
        self._changed: set[K] = set()
        self._due: dict[K, float] = {}
        self._heap: list[tuple[float, int, K]] = []
        # Keys that were taken and not served yet, with the time since which they are due.
        self._taken: dict[K, float] = {}
        self._sequence = 0

    @property
    def period(self) -> float:
        """Seconds between two polls of a key without a period of its own."""
        return self._period

    def period_of(self, key: K) -> float:
        """Seconds between two polls of ``key``."""
        return self._periods.get(key, self._period)

    def __len__(self) -> int:
        return len(self._phases)

    def add(self, key: K, period: float | None = None) -> None:
        """Poll ``key`` once a period from now on. Adding it again with the same period changes nothing.

        Its first ``served`` counts as its first poll, and the second is due within a period of that, give or
        take the slack: the caller is about to read it, and a poll before that would be superfluous. With
        another period than before, it is due within that period after the next ``take_due``, unless it is due
        then anyway.
        """
        with self._lock:
            is_new, before = key not in self._phases, self.period_of(key)
            if is_new:
                self._count += 1
                self._phases[key] = (self._count * _GOLDEN) % 1.0
            if period is None or period == self._period:
                self._periods.pop(key, None)
            else:
                self._periods[key] = period
            if not is_new and self.period_of(key) != before:
                self._changed.add(key)

    def begin(self, key: K, now: float) -> None:
        """Make ``key`` due within a period, if it is polled at all and was not served yet."""
        with self._lock:
            if key in self._phases and key not in self._due:
                self._schedule(key, now)

    def remove(self, key: K) -> None:
        """Poll ``key`` no more."""
        with self._lock:
            self._phases.pop(key, None)
            self._periods.pop(key, None)
            self._due.pop(key, None)
            self._taken.pop(key, None)

    def take_due(self, now: float) -> list[K]:
        """The keys that are due, the most overdue first; each is scheduled again.

        Until ``served`` or ``release`` a key stays overdue since its first due time, however often it is
        taken.
        """
        with self._lock:
            self._apply_changed_periods(now)
            due: list[K] = []
            while self._heap and self._heap[0][0] <= now:
                at, _, key = heapq.heappop(self._heap)
                if self._due.get(key) == at:
                    due.append(key)
                    self._taken.setdefault(key, at)
                    self._schedule(key, now)
            return due

    def take(self, key: K, now: float) -> None:
        """Take a key before it is due."""
        with self._lock:
            if key in self._phases:
                self._taken.setdefault(key, min(now, self._due.get(key, now)))

    def due(self, key: K) -> float | None:
        """When ``key`` is due; None where that is not known yet, or it is not polled."""
        return self._due.get(key)

    def late(self, now: float) -> dict[K, float]:
        """How late each key is that is overdue, taken or not, in seconds."""
        with self._lock:
            due, taken = self._due.copy(), self._taken.copy()
        late = {key: now - at for key, at in due.items() if at < now}
        for key, at in taken.items():
            late[key] = max(late.get(key, 0.0), now - at)
        return late

    def wants(self, key: K) -> bool:
        """Whether a key that was taken still has to be served: it was not served for another reason."""
        return key in self._taken

    def release(self, key: K) -> None:
        """A key that was taken needs no poll any more, or was polled without a result."""
        with self._lock:
            self._taken.pop(key, None)

    def served(self, key: K, now: float) -> None:
        """``key`` was just read, for any reason: a poll that is due, or nearly due, is not needed."""
        with self._lock:
            self._taken.pop(key, None)
            if key not in self._phases:
                return
            slack = now + self.period_of(key) * _SLACK
            if self._due.get(key, now) <= slack:
                self._schedule(key, slack)

    def most_overdue(self) -> K | None:
        """The key that is due first, without taking it; None when there is none."""
        with self._lock:
            while self._heap:
                at, _, key = self._heap[0]
                if self._due.get(key) == at:
                    return key
                heapq.heappop(self._heap)
            return None

    def first_due(self, wanted: Callable[[K], bool]) -> K | None:
        """The first due key that is ``wanted``; this goes through all keys, so do not call it each tick."""
        with self._lock:
            return min(filter(wanted, self._due), key=self._due.__getitem__, default=None)

    def overdue_seconds(self, now: float) -> float:
        """How late the most overdue key is, taken or not; 0 when none is."""
        key = self.most_overdue()
        with self._lock:
            due = now if key is None else self._due.get(key, now)
            return max(0.0, now - min(self._taken.values(), default=due), now - due)

    def _apply_changed_periods(self, now: float) -> None:
        for key in self._changed:
            if self._due.get(key, now) > now:
                self._schedule(key, now)
        self._changed.clear()

    def _schedule(self, key: K, now: float) -> None:
        period = self.period_of(key)
        at = next_due(now, phase_within(period, self._phases[key]), period)
        self._due[key] = at
        self._sequence += 1
        heapq.heappush(self._heap, (at, self._sequence, key))
        if len(self._heap) > _MOST_STALE + 2 * len(self._due):
            self._drop_stale()

    def _drop_stale(self) -> None:
        """Drop what is due no more: with long periods it would stay for days, and there may be ever more."""
        self._heap = [(at, number, key) for number, (key, at) in enumerate(self._due.items())]
        heapq.heapify(self._heap)
        self._sequence = len(self._heap)


def phase_within(period: float, part: float) -> float:
    """Seconds into ``period`` at which the moment begins that ``part`` of it (0 to 1) lies in."""
    moments = max(_LEAST_MOMENTS, math.ceil(period / _MOMENT_SECONDS))
    return math.floor(part * moments) * period / moments


def next_due(now: float, phase: float, period: float) -> float:
    """The first time after ``now`` that is ``phase`` seconds into a period."""
    at = (math.floor((now - phase) / period) + 1) * period + phase
    # Rounding may hit ``now`` itself, and a key that stays due would be taken for ever.
    return at if at > now else at + period
