"""Calls that the daemon can do without: where the API server refuses them, they pause for a while.

Rights differ from namespace to namespace, so a refusal in one says nothing about the others. Rights may be
granted later, so a refusal does not last for ever.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

# The first refusal may come from an API server that has not read the roles yet after its own start.
_FIRST_PAUSE_SECONDS = 10.0
_LONGEST_PAUSE_SECONDS = 600.0
# A longer refusal is a matter of rights, not of a start.
_SHORT_PAUSE_SECONDS = 60.0
EVERYWHERE = ""

log = logging.getLogger("cluster.api")


class OptionalCall:
    """Remembers where a kind of call was refused. ``clock`` gives monotonic seconds."""

    def __init__(self, missing: str, clock: Callable[[], float]) -> None:
        """``missing`` is the message of the one log line about refusals: it says what the daemon does
        without.
        """
        self._missing = missing
        self._clock = clock
        self._until: dict[str, float] = {}
        self._pauses: dict[str, float] = {}
        self._logged = False

    def wanted(self, namespace: str) -> bool:
        """Whether the call may be tried in this namespace."""
        return self._remaining(namespace) <= 0

    def again_in(self, namespace: str) -> float | None:
        """Seconds until the call may be tried; None if it was refused too often for that to be soon."""
        remaining = self._remaining(namespace)
        longest = max(self._pauses.get(where, 0.0) for where in (namespace, EVERYWHERE))
        return max(remaining, 0.0) if remaining <= 0 or longest <= _SHORT_PAUSE_SECONDS else None

    def refused(self, namespace: str, why: str) -> None:
        """The call was refused in this namespace, or EVERYWHERE; logged once."""
        now = self._clock()
        if now < self._until.get(namespace, now):
            # Calls that were in flight already add nothing.
            return
        self._pauses[namespace] = self._next_pause(namespace, now)
        self._until[namespace] = now + self._pauses[namespace]
        if not self._logged:
            self._logged = True
            log.info(self._missing, extra={"namespace": namespace, "reason": why})

    def _remaining(self, namespace: str) -> float:
        now = self._clock()
        return max(self._until.get(where, now) - now for where in (namespace, EVERYWHERE))

    def _next_pause(self, namespace: str, now: float) -> float:
        """Twice the last one, unless that was over long ago: then the call was granted in between."""
        if namespace not in self._pauses or now > self._until[namespace] + _LONGEST_PAUSE_SECONDS:
            return _FIRST_PAUSE_SECONDS
        return min(2 * self._pauses[namespace], _LONGEST_PAUSE_SECONDS)
