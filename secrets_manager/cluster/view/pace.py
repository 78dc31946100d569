"""How long an informer waits before it connects again; pure, except for the count of failures and jitter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from secrets_manager.cluster.base import WatchCutShort
from secrets_manager.domain.errors import ClusterFault, ClusterUnavailable, Forbidden, SecretsManagerError
from secrets_manager.runtime.jitter import jitter

_MIN_PAUSE = 1.0
_MAX_PAUSE = 30.0
# For a server that does not answer: all that waits for it is late by up to this when it is back.
_MAX_PAUSE_UNAVAILABLE = 8.0


@dataclass
class ReconnectPace:
    """The pause before the next connection: a second, doubling while things fail up to half a minute.

    An API server that does not answer at all is asked more often, since all its changes wait for the answer.
    ``forbidden`` is the longest pause in seconds while we may not list at all. It is reached by doubling too,
    since an API server refuses all callers for a moment after its own start, before it has read the roles.
    """

    forbidden: float = _MAX_PAUSE
    jitter: Callable[[], float] = jitter
    failures: int = 0

    def after_success(self) -> float:
        """Seconds to wait after a connection that worked."""
        self.failures = 0
        return _MIN_PAUSE

    def after_failure(self, error: SecretsManagerError, longest: float | None = None) -> float:
        """Seconds to wait after ``error``: jittered, and what the server asked for if that is longer.

        ``longest`` is the longest pause in place of the one that is usual after such an error.
        """
        self.failures += 1
        most = self._longest(error) if longest is None else longest
        pause = min(_MIN_PAUSE * 2.0 ** min(self.failures - 1, 10), most)
        asked = error.retry_after or 0.0 if isinstance(error, ClusterFault) else 0.0
        return max(pause * (0.5 + self.jitter() / 2), asked, _MIN_PAUSE / 2)

    def _longest(self, error: SecretsManagerError) -> float:
        if isinstance(error, Forbidden):
            return self.forbidden
        if isinstance(error, ClusterUnavailable) and not isinstance(error, WatchCutShort):
            return _MAX_PAUSE_UNAVAILABLE
        return _MAX_PAUSE
