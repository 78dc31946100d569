"""How often a login may be tried: a refusal is not repeated within half a minute, an outage backs off.

Many workers fail at once when there is no token; they all get the last fault at once instead of a login each.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable

from secrets_manager.backends.base import Clock
from secrets_manager.domain.errors import AuthFailed, BackendFault

REFUSED_PAUSE = 30.0
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 30.0


class LoginPace:
    """Remembers the last failed login. ``jitter`` gives a number from 0 to 1."""

    def __init__(self, clock: Clock, jitter: Callable[[], float]) -> None:
        self._clock = clock
        self._jitter = jitter
        self._lock = threading.Lock()
        self._fault: BackendFault | None = None
        self._failures = 0
        self._next_at = 0.0

    def check(self) -> None:
        """Return when a login may be tried now, else raise the fault of the last one."""
        with self._lock:
            if self._fault is not None and self._clock() < self._next_at:
                raise copy.copy(self._fault)

    def failed(self, fault: BackendFault) -> bool:
        """Set the pause after ``fault``; true when it is not the fault of the last try."""
        with self._lock:
            news = fault != self._fault
            self._failures += 1
            # A copy without traceback: its frames hold the login, credentials included, and this one is kept.
            self._fault = copy.copy(fault).bare()
            self._next_at = self._clock() + self._pause(fault)
            return news

    def succeeded(self) -> None:
        """Forget the failures."""
        with self._lock:
            self._fault, self._failures = None, 0

    def refused(self) -> bool:
        """Whether the last login was refused, so that only a person can help."""
        with self._lock:
            return isinstance(self._fault, AuthFailed)

    def _pause(self, fault: BackendFault) -> float:
        if isinstance(fault, AuthFailed):
            return REFUSED_PAUSE
        pause = min(_FIRST_PAUSE * 2.0 ** min(self._failures - 1, 10), _LONGEST_PAUSE)
        asked = min(fault.retry_after or 0.0, _LONGEST_PAUSE)
        return max(pause * (0.5 + self._jitter() / 2), asked)
