"""Which events were logged already: a new one is logged at once, a repeated one seldom and with a count.

Otherwise a fault that repeats would fill the log and hide everything else. This module must not know what is
logged, nor where.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass

REMIND_SECONDS = 600.0
# An event that did not happen for this long was over in between.
_WELL_SECONDS = 300.0
_MOST_KEYS = 1000


@dataclass(slots=True)
class _Logged:
    at: float
    seen_at: float
    unlogged: int = 0


class Reminder:
    """Remembers by key when an event was logged; safe from many threads. ``clock`` is monotonic."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, *, well_seconds: float = _WELL_SECONDS
    ) -> None:
        """An event that did not happen for ``well_seconds`` counts as new when it happens again."""
        self._clock = clock
        self._well_seconds = well_seconds
        self._lock = threading.Lock()
        self._logged: OrderedDict[Hashable, _Logged] = OrderedDict()

    def happened(self, key: Hashable) -> int | None:
        """If ``key`` is to be logged now: how often it happened since it was last logged, this time included.

        1 for a new event. None when it was logged a short while ago.
        """
        now = self._clock()
        with self._lock:
            logged = self._logged.get(key)
            if logged is None or now - logged.seen_at >= self._well_seconds:
                self._remember(key, _Logged(now, now))
                return 1
            logged.seen_at = now
            logged.unlogged += 1
            self._logged.move_to_end(key)
            if now - logged.at < REMIND_SECONDS:
                return None
            times = logged.unlogged
            self._remember(key, _Logged(now, now))
            return times

    def well(self, key: Hashable) -> None:
        """Forget ``key``, which is certainly over: the next time it counts as new."""
        with self._lock:
            self._logged.pop(key, None)

    def _remember(self, key: Hashable, logged: _Logged) -> None:
        self._logged[key] = logged
        self._logged.move_to_end(key)
        if len(self._logged) > _MOST_KEYS:
            self._logged.popitem(last=False)
