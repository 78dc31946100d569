"""How many workers wait at once for what does not answer, over all backends together: half of them at most.

Were that half given to each backend, a few that hang would hold all workers, and definitions of the others
would wait with them. So all backends take their places here. One that is alone in trouble may have all of
them; when others are in trouble too, each counts with its part of the workers, and a place that becomes free
goes to the backend that was turned away first. With fewer than four workers the one place stays empty after
each wait, so that waits take a quarter of the time.

The first try of a source takes no place, since it is answered soon as a rule, unless the backend is mute: one
read or more is late, or ended without an answer, and nothing was answered since it began.
"""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

# One worker in this many may wait for slow sources of one part, and one in this many for those of all.
SHARE = 4
SHARE_TOGETHER = 2
# Who was turned away comes again within a second or so; after this, the turn is over.
_TURN_SECONDS = 3.0
# For so long after a read without an answer a backend counts as one in trouble.
_TROUBLE_SECONDS = 15.0


@dataclass(frozen=True, slots=True, eq=False)
class Try:
    """A read that took no place and is under way; after the time ``late_at`` it is late."""

    backend: str
    began: float
    late_at: float


class WaitingRoom:
    """The places of all backends; safe from many threads. ``clock`` gives monotonic seconds.

    While there is one backend, nobody is mute, and that one counts with all workers.
    """

    def __init__(self, workers: int, clock: Callable[[], float]) -> None:
        self.workers = workers
        self._most = max(1, workers // SHARE_TOGETHER)
        # How many seconds the places stay empty for each second that one was taken.
        self._rest = max(0.0, SHARE / workers - 1)
        self._clock = clock
        self._lock = threading.Lock()
        self._backends: set[str] = set()
        self._taken: Counter[str] = Counter()
        # Backends that were turned away, the first one first, with the time when they last were.
        self._turns: dict[str, float] = {}
        self._tries: set[Try] = set()
        self._answered_at: dict[str, float] = {}
        # The first silence of a backend since its last answer, and the last one.
        self._silent_since: dict[str, float] = {}
        self._silent_at: dict[str, float] = {}
        self._rests_until = -math.inf

    def admit(self, backend: str) -> None:
        """Let in one more backend; before anything is read."""
        self._backends.add(backend)

    @property
    def is_shared(self) -> bool:
        """Whether there are several backends."""
        return len(self._backends) > 1

    def part(self, backend: str) -> float:
        """The part of the workers, up to 1, that a backend counts with: as much as each other in trouble."""
        if not self.is_shared:
            return 1.0
        with self._lock:
            now = self._clock()
            self._end_turns(now)
            silent = (each for each, at in self._silent_at.items() if now - at <= _TROUBLE_SECONDS)
            return 1.0 / len({backend, *self._taken, *self._turns, *silent})

    # ── places ───────────────────────────────────────────────────────────────────────────────────────

    def take(self, backend: str) -> bool:
        """Take a place; false where none is free, or those that are free are kept for others."""
        with self._lock:
            now = self._clock()
            self._end_turns(now)
            free = self._most - self._taken.total() - len(self._late(now))
            if now < self._rests_until or free <= self._ahead_of(backend):
                # A turn that there is already keeps its rank.
                self._turns[backend] = now
                return False
            self._turns.pop(backend, None)
            self._taken[backend] += 1
            return True

    def give_back(self, backend: str, began: float) -> None:
        """Give back a place that was taken at the time ``began``."""
        with self._lock:
            self._taken[backend] -= 1
            if not self._taken[backend]:
                del self._taken[backend]
            now = self._clock()
            self._rests_until = now + (now - began) * self._rest

    # ── what is heard of the backends ────────────────────────────────────────────────────────────────

    def begin_try(self, backend: str, late_after: float) -> Try | None:
        """A read without a place begins, which is late after so many seconds; `end_try` gets the result."""
        if not self.is_shared:
            return None
        with self._lock:
            now = self._clock()
            begun = Try(backend, now, now + late_after)
            self._tries.add(begun)
            return begun

    def end_try(self, begun: Try | None) -> None:
        """A read without a place is over."""
        if begun is not None:
            with self._lock:
                self._tries.discard(begun)

    def silent(self, backend: str) -> None:
        """A read of a backend ended without an answer in its time."""
        if self.is_shared:
            with self._lock:
                now = self._silent_at[backend] = self._clock()
                self._silent_since.setdefault(backend, now)

    def answered(self, backend: str) -> None:
        """A read of a backend was answered."""
        if self.is_shared:
            with self._lock:
                self._answered_at[backend] = self._clock()
                self._silent_since.pop(backend, None)

    def mute_since(self, backend: str) -> float | None:
        """The time since which a backend is mute; None while it is not."""
        if not self.is_shared:
            return None
        with self._lock:
            since = self._silent_since.get(backend)
            if since is not None:
                return since
            answered = self._answered_at.get(backend, -math.inf)
            late = (each.began for each in self._late(self._clock()) if each.backend == backend)
            return min((began for began in late if began >= answered), default=None)

    # ── inside, with the lock held ───────────────────────────────────────────────────────────────────

    def _late(self, now: float) -> list[Try]:
        return [each for each in self._tries if each.late_at <= now]

    def _ahead_of(self, backend: str) -> int:
        """How many backends were turned away before this one."""
        turns = list(self._turns)
        return turns.index(backend) if backend in self._turns else len(turns)

    def _end_turns(self, now: float) -> None:
        for backend in [each for each, at in self._turns.items() if now - at > _TURN_SECONDS]:
            del self._turns[backend]
