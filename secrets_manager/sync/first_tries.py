"""How long a source may take at its first try, before a worker is taken away from it.

A path that hangs would hold a worker for the whole ``config.backend-timeout``, and with many of them nobody
else's secrets would be looked at. What is usual is known: the median of what was answered, in which the paths
that hang count as slow and otherwise as one each. A path that takes many times as long is left at its first
try and asked again with all its time, in one of few places (see `slow_sources`). A path that is always slow,
and answers, is given what it took before.
"""

from __future__ import annotations

import math
import threading

from secrets_manager.backends.base import Source

# A pause of the backend's, or a lost packet that is sent again, is nothing to be in a hurry about.
LEAST_SECONDS = 0.5
# Many times what is usual is unusual.
_TIMES_THE_MEDIAN = 20
_TIMES_ITS_OWN = 4
# How far one answer moves the median: it follows a change of the backend within some fifty.
_STEP = 1.1
_MOST_REMEMBERED = 10_000


class FirstTries:
    """Learns from answers; safe from many threads. ``most`` is the time of a whole call in seconds.

    It begins with patience, and has learnt what is usual after some fifty answers.
    """

    def __init__(self, most: float) -> None:
        self.most = most
        self._lock = threading.Lock()
        self._median = most / _TIMES_THE_MEDIAN
        self._own: dict[Source, float] = {}

    def seconds_for(self, source: Source) -> float:
        """How long ``source`` may take; inf where that is no less than the whole time."""
        usual, own = self._median, self._own.get(source, 0.0)
        seconds = max(LEAST_SECONDS, _TIMES_THE_MEDIAN * usual, _TIMES_ITS_OWN * own)
        return seconds if seconds < self.most else math.inf

    def answered(self, source: Source, seconds: float) -> None:
        """``source`` was answered after so many seconds."""
        with self._lock:
            self._move(up=seconds > self._median)
            if seconds * _TIMES_ITS_OWN <= LEAST_SECONDS:
                self._own.pop(source, None)
            elif source in self._own or len(self._own) < _MOST_REMEMBERED:
                self._own[source] = seconds

    def unanswered(self) -> None:
        """A source was not answered in its time."""
        with self._lock:
            self._move(up=True)

    def _move(self, *, up: bool) -> None:
        self._median = min(self._median * _STEP, self.most) if up else self._median / _STEP
