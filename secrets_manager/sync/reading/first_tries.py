"""How long a source may take at its first try, before a worker is taken away from it.

A path that hangs would hold a worker for the whole ``config.backend-timeout``, and with many such paths no
other definition would be reconciled. The usual time is a running median of answer times, in which a path that
hangs counts once, as slow. A path that takes many times as long is left at its first try and read again with
all its time, in one of few places (see `slow_sources`). A path that is always slow, and answers, is given a
multiple of the time that it took before.
"""

from __future__ import annotations

import math
import threading
from typing import Self

from secrets_manager.backends.base import Source

# A short pause of the backend, or a lost packet that is sent again, must not end a first try.
LEAST_SECONDS = 0.5
# Less where many tries were in vain already: a source that is left comes back with more time.
SHORT_SECONDS = 0.2
# Many times what is usual is unusual.
_TIMES_THE_MEDIAN = 20
_TIMES_ITS_OWN = 4
# How far one answer moves the median: it follows a change of the backend within some fifty answers. The first
# answers move it further, since nothing was known before.
_STEP, _FIRST_STEP = 1.1, 2.0
_FIRST_ANSWERS = 8
# The usual time before the first answer: paths that hang from the start must not hold the workers until
# something is known, and a path that is left is read again with all its time.
_AT_FIRST = 0.05
_MOST_REMEMBERED = 10_000


class FirstTries:
    """Learns from answers; safe from many threads. ``most`` is the time of a whole call in seconds.

    It begins with a second, and knows the usual time after a few answers.
    """

    def __init__(self, most: float) -> None:
        self.most = most
        self._lock = threading.Lock()
        self._median = min(most / _TIMES_THE_MEDIAN, _AT_FIRST)
        self._answers = 0
        self._own: dict[Source, float] = {}

    @classmethod
    def off(cls) -> Self:
        """Each source has all its time at its first try."""
        return cls(0.0)

    @property
    def usual(self) -> float:
        """The usual time of an answer, in seconds."""
        return self._median

    def seconds_for(self, source: Source, *, short: bool = False) -> float:
        """How long ``source`` may take; inf where that is no less than the whole time.

        ``short`` says that little time is left for first tries.
        """
        # Before the first answer the usual time is a guess, and no reason to spend time that is not there.
        usual = self._median if self._answers or not short else 0.0
        own = self._own.get(source, 0.0)
        seconds = max(
            SHORT_SECONDS if short else LEAST_SECONDS, _TIMES_THE_MEDIAN * usual, _TIMES_ITS_OWN * own
        )
        return seconds if seconds < self.most else math.inf

    def answered(self, source: Source, seconds: float) -> None:
        """``source`` was answered after so many seconds."""
        with self._lock:
            self._answers += 1
            is_first = self._answers <= _FIRST_ANSWERS
            self._move(_FIRST_STEP if is_first else _STEP, up=seconds > self._median)
            if seconds * _TIMES_ITS_OWN <= LEAST_SECONDS:
                self._own.pop(source, None)
            elif source in self._own or len(self._own) < _MOST_REMEMBERED:
                self._own[source] = seconds

    def unanswered(self) -> None:
        """A source was not answered in its time."""
        with self._lock:
            self._move(_STEP, up=True)

    def _move(self, step: float, *, up: bool) -> None:
        self._median = min(self._median * step, self.most) if up else self._median / step
