"""A limit on calls a second, so that one process does not use up what the vault grants to all.

Who comes too early waits its turn within its own time; turns are given in the order of asking.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from secrets_manager.backends.base import Clock
from secrets_manager.backends.shared.budget import Budget
from secrets_manager.domain.errors import BackendThrottled


class TokenBucket:
    """Lets ``rate`` calls a second pass, up to a second's worth of them at once."""

    def __init__(self, rate: int, clock: Clock, sleep: Callable[[float], None] = time.sleep) -> None:
        self._rate = float(rate)
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._tokens = self._rate
        self._seen = clock()

    def take(self, budget: Budget) -> None:
        """Return when the call may be made; raises BackendThrottled when ``budget`` ends before."""
        with self._lock:
            self._refill()
            wait = max(0.0, (1.0 - self._tokens) / self._rate)
            if wait >= budget.left():
                raise BackendThrottled("too many calls to the key vault wait for their turn")
            self._tokens -= 1.0
        if wait:
            self._sleep(wait)

    def _refill(self) -> None:
        now = self._clock()
        self._tokens = min(self._rate, self._tokens + (now - self._seen) * self._rate)
        self._seen = now
