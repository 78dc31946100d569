"""Few workers at once may wait for sources that did not answer in time when they were last asked.

A path that hangs (a dead engine behind one mount) while the rest of the backend serves is no outage, so no
breaker opens, but each read of it holds a worker for the whole timeout. With enough such paths nobody else's
secrets would be looked at. So they share a few places among them; whoever finds none is told at once what the
last read ended in. When one of them answers again, all are trusted again: that is how an outage ends.
"""

from __future__ import annotations

import contextlib
import copy
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Self

from secrets_manager.backends.base import Source
from secrets_manager.domain.errors import BackendTimeout

# More would mean that the backend as a whole is slow, and then nothing is gained by telling sources apart.
_MOST_REMEMBERED = 10_000
# One worker in so many may wait for them.
_SHARE = 4


class SlowSources:
    """Remembers the sources that timed out; safe from many threads.

    ``places`` is how many threads may wait for them at once. ``on_relief`` is called, on the thread that
    found it out, when they are trusted again: whoever was turned away should come back.
    """

    def __init__(self, places: int = sys.maxsize, on_relief: Callable[[], None] = lambda: None) -> None:
        self._places = places
        self._on_relief = on_relief
        self._lock = threading.Lock()
        self._slow: dict[Source, BackendTimeout] = {}
        self._waiting = 0

    @classmethod
    def among(cls, workers: int, on_relief: Callable[[], None]) -> Self:
        """With places for a part of so many workers."""
        return cls(max(1, workers // _SHARE), on_relief)

    def __contains__(self, source: Source) -> bool:
        return source in self._slow

    @contextlib.contextmanager
    def waiting_for(self, source: Source) -> Iterator[None]:
        """Wait for ``source`` inside the block; raises BackendTimeout if it is slow and no place is free."""
        counted = self._take_place(source)
        try:
            yield
        finally:
            if counted:
                with self._lock:
                    self._waiting -= 1

    def timed_out(self, source: Source, fault: BackendTimeout) -> None:
        """A read of ``source`` ended in ``fault``."""
        with self._lock:
            if len(self._slow) < _MOST_REMEMBERED:
                # A copy: the fault itself is on its way up, and carries frames.
                self._slow[source] = copy.copy(fault)

    def answered(self, source: Source) -> None:
        """The backend answered a read of ``source``, whatever it said."""
        with self._lock:
            relief = source in self._slow
            if relief:
                self._slow.clear()
        if relief:
            self._on_relief()

    def _take_place(self, source: Source) -> bool:
        with self._lock:
            fault = self._slow.get(source)
            if fault is None:
                return False
            if self._waiting >= self._places:
                raise copy.copy(fault)
            self._waiting += 1
            return True
