"""Readings of paths that several definitions use, kept for the few seconds in which those are looked at.

A hundred definitions that share ten paths are queued at once when the daemon starts, or when one of the
paths changes; without this each of them would read all ten again. It is no cache: a reading is given only to
those whose look was asked for before it began, so nothing that happened is missed, and it is gone in seconds.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from secrets_manager.backends.base import Reading, Source

# As long as it takes to work through what was queued at once; values are not held for longer.
_KEPT_SECONDS = 5.0
# What is kept is bounded: so many readings of so many characters.
_MOST = 256
_LONGEST = 64 * 1024


@dataclass(frozen=True, slots=True)
class _Kept:
    reading: Reading
    began_at: float


class RecentReadings:
    """The last reading of each shared source, for a moment; safe from many threads.

    ``shared`` tells whether several definitions use a source, ``clock`` gives monotonic seconds.
    """

    def __init__(
        self, shared: Callable[[Source], bool] = lambda _: False, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._shared = shared
        self._lock = threading.Lock()
        self._kept: dict[Source, _Kept] = {}
        self.clock = clock

    def get(self, source: Source, since: float) -> Reading | None:
        """The reading of ``source``, if there is one that began after ``since``."""
        kept = self._kept.get(source)
        return kept.reading if kept and kept.began_at > since else None

    def put(self, source: Source, reading: Reading | None, began_at: float) -> None:
        """Take the newest reading of ``source``; None, when there is none to be had, ends the one before."""
        keep = reading is not None and self._shared(source) and _length(reading) <= _LONGEST
        with self._lock:
            self._kept.pop(source, None)
            if keep and reading is not None and len(self._kept) < _MOST:
                self._kept[source] = _Kept(reading, began_at)

    def let_go_of_old(self) -> None:
        """Drop what is older than a few seconds."""
        if not self._kept:
            return
        oldest = self.clock() - _KEPT_SECONDS
        with self._lock:
            self._kept = {source: kept for source, kept in self._kept.items() if kept.began_at > oldest}


def _length(reading: Reading) -> int:
    return sum(len(value) if isinstance(value, str) else _LONGEST for value in reading.values.values())
