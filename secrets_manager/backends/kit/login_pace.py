"""How often a login may be tried: after refusals less and less often, unless the credentials have changed.

Many workers fail at once when there is no token; they all get the last fault at once instead of a login each.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable

from secrets_manager.backends.base import Clock
from secrets_manager.domain.errors import AuthFailed, BackendFault, BackendTLS

REFUSED_PAUSES = (5.0, 10.0, 30.0)
# Applies to changed credentials too: files that change all the time must not cause a storm of logins.
SHORTEST_PAUSE = 1.0
_FIRST_PAUSE = 1.0
# Faults that other files may repair: refused credentials, a certificate that is not trusted.
_OF_FILES = (AuthFailed, BackendTLS)
_LONGEST_PAUSE = 30.0


class LoginPace:
    """Remembers the last failed login. ``jitter`` gives a number from 0 to 1.

    ``shown`` returns a digest of the credentials and certificates that a login would use now; it may read
    files.
    """

    def __init__(
        self, clock: Clock, jitter: Callable[[], float], shown: Callable[[], bytes] = lambda: b""
    ) -> None:
        self._clock = clock
        self._jitter = jitter
        self._shown = shown
        self._lock = threading.Lock()
        self._fault: BackendFault | None = None
        self._refused = False
        self._failures = 0
        self._failed_at = 0.0
        self._next_at = 0.0
        self._trying = b""
        self._refused_with = b""
        self._looked_at = float("-inf")
        self._is_new = False

    def check(self) -> None:
        """Return when a login may be tried now, otherwise raise the fault of the last one."""
        with self._lock:
            fault = self._fault
            waits = fault is not None and self._clock() < self._next_at
        if fault is not None and waits and not self.may_retry():
            raise copy.copy(fault)
        # Taken before the login reads the files: a file that is replaced meanwhile then counts as new.
        trying = self._shown()
        with self._lock:
            self._trying = trying

    def may_retry(self) -> bool:
        """Whether the last login was refused, and another one would use other credentials or certificates.

        Reads the files at most once a second.
        """
        with self._lock:
            now = self._clock()
            since = max(self._failed_at, self._looked_at)
            if self._is_new or not isinstance(self._fault, _OF_FILES) or now - since < SHORTEST_PAUSE:
                return self._is_new
            self._looked_at, failed_at = now, self._failed_at
        # Outside of the lock: a file may be slow to open.
        shown = self._shown()
        with self._lock:
            # Unless another login failed meanwhile, with the new or the old credentials.
            self._is_new = failed_at == self._failed_at and shown != self._refused_with
            return self._is_new

    def record_failure(self, fault: BackendFault, *, at_least: float = 0.0) -> bool:
        """Set the pause after ``fault``, of at least ``at_least`` seconds.

        Returns whether ``fault`` differs from that of the last try.
        """
        with self._lock:
            is_new = fault != self._fault
            if isinstance(fault, AuthFailed) and self._is_first_refusal():
                self._failures = 0
            self._failures += 1
            self._refused = self._refused or isinstance(fault, AuthFailed)
            # Keep a copy without traceback, whose frames hold the login with its credentials.
            self._fault = copy.copy(fault).bare()
            self._failed_at = self._clock()
            self._next_at = self._failed_at + max(self._pause(fault), at_least)
            self._refused_with, self._is_new = self._trying, False
            return is_new

    def record_success(self) -> None:
        """Forget the failures."""
        with self._lock:
            self._fault, self._failures, self._is_new, self._refused = None, 0, False, False

    def was_refused(self) -> bool:
        """Whether a login was refused since the last that worked, so that a person has to act.

        An outage after it gives no reason for hope.
        """
        with self._lock:
            return self._refused

    def _is_first_refusal(self) -> bool:
        """Whether this refusal is the first one for these credentials."""
        return not isinstance(self._fault, AuthFailed) or self._trying != self._refused_with

    def _pause(self, fault: BackendFault) -> float:
        if isinstance(fault, AuthFailed):
            return REFUSED_PAUSES[min(self._failures, len(REFUSED_PAUSES)) - 1]
        pause = min(_FIRST_PAUSE * 2.0 ** min(self._failures - 1, 10), _LONGEST_PAUSE)
        asked = min(fault.retry_after or 0.0, _LONGEST_PAUSE)
        return max(pause * (0.5 + self._jitter() / 2), asked)
