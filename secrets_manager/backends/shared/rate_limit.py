"""A limit on calls a second, so that one process does not use up what a backend grants to all.

Who comes too early waits for its turn, within its own time. Patient calls, routine polls that is, come after
all others: they leave the last tokens alone, and one of them at a time waits for more.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from secrets_manager.backends.base import Clock
from secrets_manager.backends.shared.budget import Budget
from secrets_manager.domain.errors import BackendThrottled
from secrets_manager.runtime.patience import is_patient
from secrets_manager.runtime.token_bucket import TokenBucket

# The part of a second's worth of calls that polls never take.
_KEPT_SHARE = 0.1


class RateLimit:
    """Lets ``rate`` calls a second pass, up to a second's worth of them at once; for many threads."""

    def __init__(self, rate: int, clock: Clock, sleep: Callable[[float], None] = time.sleep) -> None:
        """``rate`` is at least 1."""
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._bucket = TokenBucket(rate=rate, burst=rate, now=clock())
        # With one call a second there is nothing to keep.
        self._kept = min(rate * _KEPT_SHARE, rate - 1.0)
        self._patient_line = threading.Lock()

    def turn(self, budget: Budget) -> None:
        """Return when the call may be made; raises BackendThrottled when ``budget`` ends before that."""
        if is_patient():
            self._wait_in_line(budget)
            return
        with self._lock:
            now = self._clock()
            wait = self._bucket.wait(now)
            if wait:
                _refuse_beyond(budget, wait)
            self._bucket.take(now)
        if wait:
            self._sleep(wait)

    def _wait_in_line(self, budget: Budget) -> None:
        if not self._patient_line.acquire(timeout=budget.left()):
            raise _too_many()
        try:
            while wait := self._take_spare():
                _refuse_beyond(budget, wait)
                self._sleep(wait)
        finally:
            self._patient_line.release()

    def _take_spare(self) -> float:
        """Take a token that nobody else needs; else the seconds after which to look again."""
        with self._lock:
            now = self._clock()
            wait = self._bucket.wait(now, leaving=self._kept)
            if not wait:
                self._bucket.take(now)
            return wait


def _refuse_beyond(budget: Budget, wait: float) -> None:
    if wait >= budget.left():
        raise _too_many()


def _too_many() -> BackendThrottled:
    return BackendThrottled("too many calls wait for their turn within max-requests-per-second")
