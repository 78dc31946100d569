"""Signs of life of the program's threads.

A dead Python thread leaves the process running, and a stuck one looks like an idle one from outside. So each
core thread beats, and /healthz asks which threads have been silent for too long.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Heartbeat:
    """The sign of life of one thread; the thread is silent after ``limit`` seconds without a beat."""

    __slots__ = ("_clock", "_last", "limit", "name")

    def __init__(self, name: str, limit: float, clock: Callable[[], float]) -> None:
        self.name = name
        self.limit = limit
        self._clock = clock
        self._last = clock()

    def beat(self) -> None:
        """Report that the thread moves; cheap enough for every turn of a loop."""
        self._last = self._clock()

    def rest(self, seconds: float) -> None:
        """Report that the thread is about to wait, at most ``seconds``, for an event that may not come."""
        self._last = self._clock() + seconds

    def adopt(self) -> None:
        """Make this the heartbeat that `beat_here` beats on the calling thread."""
        _own.heartbeat = self

    def age(self) -> float:
        """Seconds since the last beat; less than 0 while it rests."""
        return self._clock() - self._last


def beat_here() -> None:
    """Report that the calling thread moves, if it has a heartbeat; for work of many steps."""
    heartbeat: Heartbeat | None = getattr(_own, "heartbeat", None)
    if heartbeat is not None:
        heartbeat.beat()


class Heartbeats:
    """All heartbeats of the process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._beats: dict[str, Heartbeat] = {}

    def register(self, name: str, *, limit: float) -> Heartbeat:
        """A new heartbeat under ``name``, which must be its thread's alone; ``limit`` is in seconds."""
        heartbeat = Heartbeat(name, limit, self._clock)
        with self._lock:
            self._beats[name] = heartbeat
        return heartbeat

    def silent(self) -> list[str]:
        """The names of the threads that have not beaten within their limit, sorted."""
        with self._lock:
            beats = list(self._beats.values())
        return sorted(beat.name for beat in beats if beat.age() > beat.limit)


_own = threading.local()
