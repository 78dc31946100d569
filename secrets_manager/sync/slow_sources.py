"""Few workers at once may wait for sources that did not answer in time when they were last asked.

A path that hangs (a dead engine behind one mount) while the rest of the backend serves is no outage, so no
breaker opens, but each read of it holds a worker for the whole timeout. With enough such paths nobody else's
secrets would be looked at. So a path is left at its first try as soon as it takes unusually long (see
`first_tries`), and those that were left or timed out share a few places, where they have all their time.

Whoever finds no place is told what the last read ended in: of a source that was merely left, that there is no
answer yet, until it has been so for the time of a whole call. When one of them answers again, all are trusted
again: that is how an outage ends.
"""

from __future__ import annotations

import contextlib
import copy
import math
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Self

from secrets_manager.backends.base import Source
from secrets_manager.domain.errors import BackendTimeout, NoAnswerYet
from secrets_manager.sync.first_tries import FirstTries

# More would mean that the backend as a whole is slow, and then nothing is gained by telling sources apart.
_MOST_REMEMBERED = 10_000
# One worker in so many may wait for them.
_SHARE = 4


@dataclass(frozen=True, slots=True)
class _Left:
    """A source that was left at its first try, at this time."""

    at: float


class SlowSources:
    """Remembers the sources that did not answer; safe from many threads.

    ``places`` is how many threads may wait for them at once. ``on_relief`` is called, on the thread that
    found it out, when they are trusted again: whoever was turned away should come back. Without
    ``first_tries`` each source has all its time at once. ``clock`` gives monotonic seconds.
    """

    def __init__(
        self,
        places: int = sys.maxsize,
        on_relief: Callable[[], None] = lambda: None,
        first_tries: FirstTries | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._places = places
        self._on_relief = on_relief
        self._first_tries = first_tries
        self._clock = clock
        self._lock = threading.Lock()
        self._slow: dict[Source, BackendTimeout | _Left] = {}
        self._waiting = 0

    @classmethod
    def among(
        cls, workers: int, on_relief: Callable[[], None], first_tries: FirstTries | None = None
    ) -> Self:
        """With places for a part of so many workers."""
        return cls(max(1, workers // _SHARE), on_relief, first_tries)

    def __contains__(self, source: Source) -> bool:
        return source in self._slow

    @contextlib.contextmanager
    def waiting_for(self, source: Source) -> Iterator[None]:
        """Wait for ``source`` inside the block.

        Raises BackendTimeout or NoAnswerYet if it is slow and no place is free.
        """
        counted = self._take_place(source)
        try:
            yield
        finally:
            if counted:
                with self._lock:
                    self._waiting -= 1

    def time_for(self, source: Source) -> float:
        """Seconds after which ``source`` is to be left; inf where it has all its time."""
        if self._first_tries is None or source in self._slow:
            return math.inf
        return self._first_tries.seconds_for(source)

    def left(self, source: Source) -> None:
        """A read of ``source`` was left, since it took unusually long."""
        if self._first_tries is not None:
            self._first_tries.unanswered()
        self._remember(source, _Left(self._clock()))

    def timed_out(self, source: Source, fault: BackendTimeout) -> None:
        """A read of ``source`` ended in ``fault``."""
        # A copy: the fault itself is on its way up, and carries frames.
        self._remember(source, copy.copy(fault))

    def answered(self, source: Source, seconds: float | None = None) -> None:
        """A read of ``source`` was answered, whatever was said, after so many seconds if that is known."""
        if self._first_tries is not None and seconds is not None:
            self._first_tries.answered(source, seconds)
        with self._lock:
            relief = source in self._slow
            if relief:
                self._slow.clear()
        if relief:
            self._on_relief()

    def _remember(self, source: Source, what: BackendTimeout | _Left) -> None:
        with self._lock:
            if len(self._slow) < _MOST_REMEMBERED:
                self._slow[source] = what

    def _take_place(self, source: Source) -> bool:
        with self._lock:
            last = self._slow.get(source)
            if last is None:
                return False
            if self._waiting >= self._places:
                raise self._outcome(last)
            self._waiting += 1
            return True

    def _outcome(self, last: BackendTimeout | _Left) -> BackendTimeout | NoAnswerYet:
        """What to tell whoever is turned away."""
        if isinstance(last, BackendTimeout):
            return copy.copy(last)
        if self._first_tries is not None and self._clock() - last.at < self._first_tries.most:
            return NoAnswerYet("other paths that do not answer are waited for")
        return BackendTimeout("the backend did not answer within the time allowed")
