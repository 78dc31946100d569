"""Which keys are due at a time; pure but for what it remembers.

Each key has its own phase within the period, so that polls are spread evenly instead of coming in the bursts
in which definitions were created. Phases follow the golden ratio: however many keys there are, and whichever
leave, the gaps stay small.
"""

from __future__ import annotations

import heapq
import math
import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

_GOLDEN = (math.sqrt(5) - 1) / 2
# The part of a period by which the time between two looks may grow when a poll is left out.
_SLACK = 0.1


class PollSchedule(Generic[K]):
    """Keys and the times at which they are due. Times are monotonic seconds, given by the caller."""

    def __init__(self, period: float) -> None:
        self._period = period
        self._lock = threading.Lock()
        self._count = 0
        self._phases: dict[K, float] = {}
        self._due: dict[K, float] = {}
        self._heap: list[tuple[float, int, K]] = []
        # Taken and not looked at yet, with the time since which they are due.
        self._taken: dict[K, float] = {}
        self._sequence = 0

    @property
    def period(self) -> float:
        """Seconds between two looks at one key."""
        return self._period

    def __len__(self) -> int:
        return len(self._phases)

    def add(self, key: K) -> None:
        """Poll ``key`` from now on. Adding it again changes nothing.

        Its first ``served`` counts as its first poll, and the second is due within a period of that, give or
        take the slack: whoever added it is about to look at it, and until then a poll would only come on top.
        """
        with self._lock:
            if key in self._phases:
                return
            self._count += 1
            self._phases[key] = (self._count * _GOLDEN) % 1.0 * self._period

    def remove(self, key: K) -> None:
        """Poll ``key`` no more."""
        with self._lock:
            self._phases.pop(key, None)
            self._due.pop(key, None)
            self._taken.pop(key, None)

    def take_due(self, now: float) -> list[K]:
        """The keys that are due, the most overdue first; each is scheduled anew.

        Until ``served`` or ``let_go`` says otherwise it counts as due since now, however often it is taken.
        """
        with self._lock:
            due: list[K] = []
            while self._heap and self._heap[0][0] <= now:
                at, _, key = heapq.heappop(self._heap)
                if self._due.get(key) == at:
                    due.append(key)
                    self._taken.setdefault(key, at)
                    self._schedule(key, now)
            return due

    def take(self, key: K, now: float) -> None:
        """Take a key that is to be looked at before it is due."""
        with self._lock:
            if key in self._phases:
                self._taken.setdefault(key, min(now, self._due.get(key, now)))

    def wants(self, key: K) -> bool:
        """Whether a key that was taken still has to be looked at: nobody did for another reason."""
        return key in self._taken

    def let_go(self, key: K) -> None:
        """A key that was taken needs no look any more, or had its look without anything being found out."""
        with self._lock:
            self._taken.pop(key, None)

    def served(self, key: K, now: float) -> None:
        """``key`` was just looked at, whatever for: a poll that is due, or nearly, is not needed."""
        with self._lock:
            self._taken.pop(key, None)
            if key not in self._phases:
                return
            slack = now + self._period * _SLACK
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
        """Of the keys that are ``wanted`` the one that is due first; looks at all, so not for each tick."""
        with self._lock:
            return min(filter(wanted, self._due), key=self._due.__getitem__, default=None)

    def overdue_seconds(self, now: float) -> float:
        """By how much the most overdue key is late, taken or not; 0 when none is."""
        key = self.most_overdue()
        with self._lock:
            due = now if key is None else self._due.get(key, now)
            return max(0.0, now - min(self._taken.values(), default=due), now - due)

    def _schedule(self, key: K, now: float) -> None:
        at = next_due(now, self._phases[key], self._period)
        self._due[key] = at
        self._sequence += 1
        heapq.heappush(self._heap, (at, self._sequence, key))


def next_due(now: float, phase: float, period: float) -> float:
    """The first time after ``now`` that is ``phase`` seconds into a period."""
    at = (math.floor((now - phase) / period) + 1) * period + phase
    # Rounding may hit ``now`` itself, and a key that stays due would be taken for ever.
    return at if at > now else at + period
