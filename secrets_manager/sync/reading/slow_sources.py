"""Few workers at once may wait for sources that did not answer in time when they were last asked.

A path that hangs (a dead engine behind one mount) while the rest of the backend serves is no outage, so no
breaker opens, but each read of it holds a worker for the whole timeout. With enough such paths no other
definition would be reconciled. So a path is left at its first try as soon as it takes unusually long (see
`first_tries`), and paths that were left or timed out share a few places, where they have all their time: a
quarter of the workers for the paths of one part of the backend, half of them for all together. With fewer
than four workers the one place stays empty after each wait, so that waits take a quarter of the time.

First tries have an allowance too, a quarter of the workers' time. When it is used up, a first try is short;
where nothing around a path answers, the path has to wait until some allowance is there again.

A read that finds no place ends in the fault of the last read. For a source that was only left, that is
NoAnswerYet, until the source has been silent for the time of a whole call.
"""

from __future__ import annotations

import contextlib
import copy
import math
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Protocol, Self

from secrets_manager.backends.base import Source
from secrets_manager.domain.errors import BackendTimeout, NoAnswerYet
from secrets_manager.sync.reading.first_tries import LEAST_SECONDS, FirstTries

# More would mean that the backend as a whole is slow, and then nothing is gained by separating sources.
_MOST_REMEMBERED = 10_000
# One worker in this many may wait for slow sources of one part, and one in this many for those of all parts.
_SHARE = 4
_SHARE_TOGETHER = 2
# How many seconds of the rate can be saved up, and owed.
_SAVED = 1.0
_LEAST_SAVED = 1.0


class Parts(Protocol):
    """The parts of the backend and their state."""

    def part_of(self, source: Source) -> str:
        """The name of the part that ``source`` shares its trouble with."""

    def is_silent(self, source: Source) -> bool:
        """Whether a part that ``source`` lies in gave nothing except silence lately."""


@dataclass(frozen=True, slots=True)
class _Left:
    """A source that was left at its first try, at this time."""

    at: float


class Allowance:
    """How much work may go into something: ``rate`` seconds a second, with a little saved up.

    Times are monotonic seconds, given by the caller.
    """

    def __init__(self, rate: float, now: float) -> None:
        self._rate = rate
        self._most = max(_LEAST_SAVED, rate * _SAVED)
        self._left = self._most
        self._at = now

    def left(self, now: float) -> float:
        """Seconds that may be spent now; below 0 where more was spent than there was."""
        self._left = min(self._most, self._left + max(0.0, now - self._at) * self._rate)
        self._at = now
        return self._left

    def is_untouched(self, now: float) -> bool:
        """Whether nothing was spent lately."""
        return self.left(now) >= self._most

    def spend(self, seconds: float, now: float) -> None:
        """Spend this many seconds."""
        self._left = max(-self._most, self.left(now) - seconds)


class SlowSources:
    """Remembers the sources that did not answer; safe from many threads.

    ``places`` is how many threads may wait at once for the slow sources of one part. ``clock`` gives
    monotonic seconds.
    """

    def __init__(
        self,
        places: int,
        first_tries: FirstTries,
        clock: Callable[[], float],
        *,
        workers: int,
        parts: Parts,
    ) -> None:
        self._places = places
        self._together = max(places, workers // _SHARE_TOGETHER)
        # How many seconds the places stay empty for each second that one was taken.
        self._rest = max(0.0, _SHARE / workers - 1)
        self._first_tries = first_tries
        self._clock = clock
        self._parts = parts
        self._allowance = Allowance(min(workers, _MOST_REMEMBERED) / _SHARE, clock())
        self._lock = threading.Lock()
        self._slow: dict[Source, BackendTimeout | _Left] = {}
        self._waiting: Counter[str] = Counter()
        self._trying = 0
        self._rests_until = -math.inf

    @classmethod
    def among(
        cls,
        workers: int,
        first_tries: FirstTries,
        clock: Callable[[], float],
        parts: Parts,
    ) -> Self:
        """With places for a part of this many workers."""
        places = max(1, workers // _SHARE)
        return cls(places, first_tries, clock, workers=workers, parts=parts)

    def __contains__(self, source: Source) -> bool:
        return source in self._slow

    @contextlib.contextmanager
    def waiting_for(self, source: Source) -> Iterator[None]:
        """Wait for ``source`` inside the block.

        Raises BackendTimeout or NoAnswerYet if it is slow and no place is free.
        """
        part = self._take_place(source)
        began = self._clock()
        try:
            yield
        finally:
            with self._lock:
                self._leave_place(part, began)

    def time_for(self, source: Source) -> float:
        """Seconds after which ``source`` is to be left; inf where it has all its time."""
        if source in self._slow:
            return math.inf
        return self._first_tries.seconds_for(source, short=self._is_short_of_time())

    def left(self, source: Source, seconds: float = LEAST_SECONDS) -> None:
        """A read of ``source`` was left after so many seconds, which is unusually long."""
        self._first_tries.unanswered()
        with self._lock:
            self._allowance.spend(seconds, self._clock())
        self._remember(source, _Left(self._clock()))

    def timed_out(self, source: Source, fault: BackendTimeout) -> None:
        """A read of ``source`` ended in ``fault``."""
        if source not in self._slow:
            with self._lock:
                self._allowance.spend(self._first_tries.most, self._clock())
        # A copy: the fault itself is on its way up, and carries frames.
        self._remember(source, copy.copy(fault))

    def answered(self, source: Source, seconds: float | None = None) -> None:
        """A read of ``source`` got an answer of any kind, after so many seconds if that is known."""
        if seconds is not None:
            self._first_tries.answered(source, seconds)
        if source in self._slow:
            self.trust((source,))

    def trust(self, sources: Collection[Source]) -> None:
        """These may answer again: each has a first try as if it had never been slow."""
        with self._lock:
            for source in sources:
                self._slow.pop(source, None)

    def keep_only(self, used: Collection[Source]) -> None:
        """Forget all sources except these."""
        with self._lock:
            self._slow = {source: last for source, last in self._slow.items() if source in used}

    def _remember(self, source: Source, what: BackendTimeout | _Left) -> None:
        with self._lock:
            if len(self._slow) < _MOST_REMEMBERED or source in self._slow:
                self._slow[source] = what

    def _take_place(self, source: Source) -> str | None:
        """Take a place; return its part, or None for a first try."""
        if source not in self._slow:
            self._begin_try(source)
            return None
        part = self._parts.part_of(source)
        with self._lock:
            last = self._slow.get(source)
            if last is None:
                self._trying += 1
                return None
            now = self._clock()
            full = self._waiting[part] >= self._places or self._waiting.total() >= self._together
            if full or now < self._rests_until:
                raise self._outcome(last)
            self._waiting[part] += 1
            return part

    def _begin_try(self, source: Source) -> None:
        with self._lock:
            self._trying += 1
            used_up = self._allowance.left(self._clock()) < 0
        if used_up and self._parts.is_silent(source):
            with self._lock:
                self._trying -= 1
            raise NoAnswerYet(
                "skipped for now: no path in this part of the backend answers", turned_away=True
            )

    def _is_short_of_time(self) -> bool:
        with self._lock:
            now = self._clock()
            if self._allowance.is_untouched(now):
                return False
            # The tries that are under way may still take this much.
            return self._allowance.left(now) < max(1, self._trying) * LEAST_SECONDS

    def _leave_place(self, part: str | None, began: float) -> None:
        if part is None:
            self._trying -= 1
            return
        self._waiting[part] -= 1
        if not self._waiting[part]:
            del self._waiting[part]
        now = self._clock()
        self._rests_until = now + (now - began) * self._rest

    def _outcome(self, last: BackendTimeout | _Left) -> BackendTimeout | NoAnswerYet:
        """The error for a read that finds no place."""
        if isinstance(last, BackendTimeout):
            return copy.copy(last)
        if self._clock() - last.at < self._first_tries.most:
            return NoAnswerYet("skipped for now: too many slow paths are being read", turned_away=True)
        return BackendTimeout("the backend did not answer within the time allowed")
