"""Readings that go back in time: a standby that lags behind, or a backup that was restored.

A lower version than one seen before is not believed at once, and is believed when it stays.
"""

from __future__ import annotations

import threading

from secrets_manager.backends.base import Reading
from secrets_manager.domain.errors import SourceOutdated

_BELIEVED_AFTER = 3


class VersionGuard:
    """Remembers the highest version of each path; any thread may ask."""

    def __init__(self, *, most_paths: int = 100_000) -> None:
        """``most_paths`` bounds the memory; when it is full, everything is forgotten at once."""
        self._most_paths = most_paths
        self._lock = threading.Lock()
        self._highest: dict[str, int] = {}
        self._lower: dict[str, tuple[int, int]] = {}

    def admit(self, reading: Reading) -> None:
        """Return when ``reading`` may be used; raise SourceOutdated when it looks outdated."""
        if not reading.version.isdecimal() or reading.source.version:
            return
        version, path = int(reading.version), reading.source.path
        with self._lock:
            if version < self._highest.get(path, 0) and self._seen(path, version) < _BELIEVED_AFTER:
                raise SourceOutdated(path)
            self._lower.pop(path, None)
            if len(self._highest) >= self._most_paths:
                self._highest.clear()
            self._highest[path] = version

    def forget(self, path: str) -> None:
        """Accept any version next: the path was seen to be gone, and counts from 1 when made anew."""
        with self._lock:
            self._highest.pop(path, None)
            self._lower.pop(path, None)

    def _seen(self, path: str, version: int) -> int:
        before, times = self._lower.get(path, (version, 0))
        times = times + 1 if before == version else 1
        self._lower[path] = (version, times)
        return times
