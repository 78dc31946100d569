"""Definitions that the API server left without a usable answer, and when they are tried again all at once.

Each is tried again after its own back-off, which has grown long when an outage was long. So the first that
gets through takes the others along, and so does word that the API server is back. One that asked for a pause
is given it. What a try is, is not known here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import ClusterUnauthorized, ClusterUnavailable, SecretsManagerError


class Stranded:
    """Names, each once; safe from many threads. ``clock`` gives monotonic seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        # When each may be tried, the longest stranded first.
        self._waiting: dict[Ref, float] = {}
        self._answers = False

    def note(self, ref: Ref, error: SecretsManagerError | None) -> None:
        """What came of the last try of a definition: ``error``, or None when all went well."""
        with self._lock:
            was_stranded = self._waiting.pop(ref, None) is not None
            if isinstance(error, ClusterUnavailable | ClusterUnauthorized):
                self._waiting[ref] = self._clock() + (error.retry_after or 0.0)
                self._answers = False
            elif error is None and was_stranded:
                self._answers = True

    def forget(self, ref: Ref) -> None:
        """It is gone."""
        with self._lock:
            self._waiting.pop(ref, None)

    def answered(self) -> None:
        """The API server is back, as somebody else has seen."""
        with self._lock:
            self._answers = True

    def due(self) -> list[Ref]:
        """Those to try now: none while nothing shows that the API server answers."""
        with self._lock:
            if not self._answers:
                return []
            now = self._clock()
            due = [ref for ref, at in self._waiting.items() if at <= now]
            for ref in due:
                del self._waiting[ref]
            return due
