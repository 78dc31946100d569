"""Full lists in place of watches that do not work: when they begin, and how often they may come.

A proxy may refuse every watch, or close it at once, for as long as it is there. Connecting less and less
often spares the API server and hides changes; so after a few failed watches the scope is listed again and
again, as often as the cost of a list allows. Watches are tried all the while, at their own pace.

Pure, except for its memory: nothing is listed or watched here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from secrets_manager.runtime.jitter import jitter

# Failed watches in a row before lists take their place.
_IN_VAIN = 3
# Or sooner, if watches have failed for so many seconds, or the next one may not be tried for as long.
_LONG_WAIT_SECONDS = 4.0
# A watch that fails later than this had been opened.
_OPENS_WITHIN_SECONDS = 30.0
# Lists may take a twentieth of the time, within these bounds.
_TIMES_THE_COST = 20.0
_LEAST_SECONDS = 2.0
_MOST_SECONDS = 30.0
_SHORTEST_PAUSE = 0.5
# The first list comes sooner, whatever the one before cost: it shows what was missed, and whether lists work
# at all. This is not repeated within so many seconds, if watches come and go.
_FIRST_WITHIN_SECONDS = 5.0
_BETWEEN_FIRST_SECONDS = 60.0


@dataclass(eq=False)
class ListFallback:
    """Remembers how watches end and what lists cost. Times are monotonic seconds, given by the caller.

    ``active`` says that lists take the place of watches now. ``jitter`` is in 0 to 1.
    """

    jitter: Callable[[], float] = jitter
    active: bool = False
    _in_vain: int = 0
    _since: float = 0.0
    _cost: float = 0.0
    _listed_at: float = 0.0
    _dial_at: float = 0.0
    _is_first: bool = False
    _first_at: float = -math.inf

    def listed(self, began: float, ended: float) -> None:
        """A list was made or tried in this time."""
        self._cost, self._listed_at = ended - began, ended
        self._is_first = False

    def watch_failed(self, began: float, now: float, pause: float, *, for_good: bool = False) -> None:
        """A watch ended without an event; the next one may be tried after ``pause``.

        ``for_good`` says that no watch will work until a person changes something.
        """
        if self._in_vain == 0:
            # A watch that was open for long may have worked for as long.
            self._since = began if now - began < _OPENS_WITHIN_SECONDS else now
        self._in_vain += 1
        self._dial_at = now + pause
        too_long = max(pause, now - self._since) > _LONG_WAIT_SECONDS
        if not self.active and (for_good or self._in_vain >= _IN_VAIN or too_long):
            self.active = True
            self._is_first = now - self._first_at >= _BETWEEN_FIRST_SECONDS
            self._first_at = now if self._is_first else self._first_at

    def watch_worked(self) -> None:
        """A watch delivered an event, or lasted."""
        self._in_vain = 0
        self.active = False

    def dials(self, now: float) -> bool:
        """Whether a watch is worth a try."""
        return not self.active or now >= self._dial_at

    def pause(self, now: float) -> float:
        """Seconds until the next list."""
        return max(_SHORTEST_PAUSE, self._listed_at + self.interval() - now)

    def interval(self) -> float:
        """Seconds between two lists, by what the last one took, with up to a quarter of jitter."""
        most = _FIRST_WITHIN_SECONDS if self._is_first else _MOST_SECONDS
        least = min(max(_TIMES_THE_COST * self._cost, _LEAST_SECONDS), most)
        return least * (1.0 + self.jitter() / 4)
