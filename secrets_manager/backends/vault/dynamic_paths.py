"""Paths of leased credentials, which are not read for a while since each read creates a new one."""

from __future__ import annotations

import threading

from secrets_manager.backends.base import Clock

_MOST = 10_000


class DynamicPaths:
    """Remembers the last ten thousand paths for ``pause`` seconds each; safe from many threads."""

    def __init__(self, pause: float, clock: Clock) -> None:
        self._pause = pause
        self._clock = clock
        self._lock = threading.Lock()
        # In the order in which they expire, since all have the same pause.
        self._until: dict[str, float] = {}

    def __contains__(self, path: str) -> bool:
        return self._until.get(path, 0.0) > self._clock()

    def __len__(self) -> int:
        return len(self._until)

    def add(self, path: str) -> None:
        """Do not read ``path`` for the pause."""
        now = self._clock()
        with self._lock:
            self._until.pop(path, None)
            while self._until and (len(self._until) >= _MOST or self._until[self._first()] <= now):
                del self._until[self._first()]
            self._until[path] = now + self._pause

    def _first(self) -> str:
        return next(iter(self._until))
