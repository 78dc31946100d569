"""Readings of paths that several definitions use, kept for the few seconds in which those are reconciled.

A hundred definitions that share ten paths are queued at once when the daemon starts, or when one of the paths
changes; without this each of them would read all ten again. This is no cache: a reading is given only to
reconciles that were requested before it began, so no change is missed, and it is dropped after seconds.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from secrets_manager.backends.base import Reading, Source

# Long enough to reconcile the definitions that were queued at once; values are not kept for longer.
_KEPT_SECONDS = 5.0
# Limits: the number of readings of a backend, and the bytes of memory of one and of all of all backends.
_MOST = 256
_HEAVIEST = 64 * 1024
_MOST_BYTES = 4 * 1024 * 1024


def bytes_for_each(backends: int) -> int:
    """The bytes that each of so many backends may keep: its part of those of all, or one reading."""
    return max(_HEAVIEST, _MOST_BYTES // max(1, backends))


@dataclass(frozen=True, slots=True)
class _Kept:
    reading: Reading
    began_at: float
    weight: int


class RecentReadings:
    """The last reading of each shared source, for a moment; safe from many threads.

    ``shared`` says whether several definitions use a source, ``clock`` gives monotonic seconds, and
    ``most_bytes`` is what all readings together may weigh.
    """

    def __init__(
        self, shared: Callable[[Source], bool], clock: Callable[[], float], most_bytes: int = _MOST_BYTES
    ) -> None:
        self._shared = shared
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._kept: dict[Source, _Kept] = {}
        self._weight = 0
        self.clock = clock

    def get(self, source: Source, since: float) -> Reading | None:
        """The reading of ``source``, if there is one that began after ``since``."""
        kept = self._kept.get(source)
        return kept.reading if kept and kept.began_at > since else None

    def put(self, source: Source, reading: Reading | None, began_at: float) -> None:
        """Keep the newest reading of ``source``; None, when a read gave none, drops the one before."""
        weight = reading.weight() if reading is not None and self._shared(source) else _HEAVIEST + 1
        with self._lock:
            self._drop(source)
            fits = (
                weight <= _HEAVIEST and self._weight + weight <= self._most_bytes and len(self._kept) < _MOST
            )
            if reading is not None and fits:
                self._kept[source] = _Kept(reading, began_at, weight)
                self._weight += weight

    def drop_old(self) -> None:
        """Drop readings that are older than a few seconds."""
        if not self._kept:
            return
        oldest = self.clock() - _KEPT_SECONDS
        with self._lock:
            for source in [source for source, kept in self._kept.items() if kept.began_at <= oldest]:
                self._drop(source)

    def _drop(self, source: Source) -> None:
        before = self._kept.pop(source, None)
        self._weight -= before.weight if before else 0
