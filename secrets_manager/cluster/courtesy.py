"""Calls that are a courtesy: where the API server refuses them they are done without for a while.

Rights differ from namespace to namespace, so a refusal in one says nothing about the others. Rights do get
mended, so a refusal does not hold for ever.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

_PAUSE_SECONDS = 600.0
EVERYWHERE = ""

log = logging.getLogger("cluster.courtesy")


class Courtesy:
    """Remembers where a kind of call was refused. ``clock`` gives monotonic seconds."""

    def __init__(self, missing: str, clock: Callable[[], float]) -> None:
        """Be silent; ``missing`` is the message of the one log line that says what is done without."""
        self._missing = missing
        self._clock = clock
        self._until: dict[str, float] = {}
        self._told = False

    def wanted(self, namespace: str) -> bool:
        """Whether the call may be tried in this namespace."""
        now = self._clock()
        return all(now >= self._until.get(where, now) for where in (namespace, EVERYWHERE))

    def refused(self, namespace: str, why: str) -> None:
        """The call was refused in this namespace, or EVERYWHERE; said once in the log."""
        self._until[namespace] = self._clock() + _PAUSE_SECONDS
        if not self._told:
            self._told = True
            log.info(self._missing, extra={"namespace": namespace, "reason": why})
