"""A limit on calls a second, so that one process does not use up the quota that a backend grants to all.

A call that comes too early waits for its turn, within its own deadline. Calls in the background, which are
routine polls, come after all others: they leave the last tokens alone, and one at a time waits for more.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from secrets_manager.backends.base import Clock
from secrets_manager.backends.kit.call_time import time_left
from secrets_manager.domain.errors import BackendThrottled, Reach
from secrets_manager.runtime.terms import Deadline, Terms
from secrets_manager.runtime.token_bucket import TokenBucket

# The share of the calls of one second that polls never take.
_KEPT_SHARE = 0.1


class RateLimit:
    """Lets ``rate`` calls a second pass, and as many at once; for many threads."""

    def __init__(self, rate: int, clock: Clock, sleep: Callable[[float], None] = time.sleep) -> None:
        """``rate`` is at least 1."""
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._bucket = TokenBucket(rate=rate, burst=rate, now=clock())
        # With one call a second there is nothing to reserve.
        self._kept = min(rate * _KEPT_SHARE, rate - 1.0)
        self._background_line = threading.Lock()

    def turn(self, terms: Terms) -> None:
        """Return when the call may be made; raises BackendThrottled when its deadline comes before that."""
        if terms.background:
            self._wait_in_line(terms.deadline)
            return
        with self._lock:
            now = self._clock()
            wait = self._bucket.wait(now)
            if wait:
                _refuse_beyond(terms.deadline, wait)
            self._bucket.take(now)
        if wait:
            self._sleep(wait)

    def _wait_in_line(self, deadline: Deadline) -> None:
        if not self._background_line.acquire(timeout=time_left(deadline)):
            raise _too_many()
        try:
            while wait := self._take_spare():
                _refuse_beyond(deadline, wait)
                self._sleep(wait)
        finally:
            self._background_line.release()

    def _take_spare(self) -> float:
        """Take a token that is not reserved; otherwise return the seconds until the next try."""
        with self._lock:
            now = self._clock()
            wait = self._bucket.wait(now, leaving=self._kept)
            if not wait:
                self._bucket.take(now)
            return wait


def _refuse_beyond(deadline: Deadline, wait: float) -> None:
    if wait >= time_left(deadline):
        raise _too_many()


def _too_many() -> BackendThrottled:
    # This is our own limit: the backend was not asked, and is not at fault.
    return BackendThrottled(
        "too many calls wait for their turn under max-requests-per-second; raise it, or poll less often",
        reach=Reach.NOTHING,
    )
