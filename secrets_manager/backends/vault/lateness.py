"""Readings that go back in time: a standby that lags behind, or a backup that was restored.

A lower version than one seen before is not believed at once, and is believed when it stays for three polls.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from secrets_manager.backends.base import Clock, Reading
from secrets_manager.domain.errors import SourceOutdated

_BELIEVED_AFTER = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sight:
    """A lower version, in how many polls it was seen, and when the last of them was."""

    version: int
    times: int
    at: float


class VersionGuard:
    """Remembers the highest version of each path; any thread may ask."""

    def __init__(
        self, *, poll_period: float, clock: Clock = time.monotonic, most_paths: int = 100_000
    ) -> None:
        """``poll_period`` is in seconds: readings that follow each other faster are the sight of one poll.

        ``most_paths`` bounds the memory; when it is full, everything is forgotten at once.
        """
        # Polls are not a period apart to the moment, and retries come much faster than they do.
        self._apart = poll_period / 2
        self._clock = clock
        self._most_paths = most_paths
        self._lock = threading.Lock()
        self._highest: dict[str, int] = {}
        self._lower: dict[str, _Sight] = {}

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
        now = self._clock()
        before = self._lower.get(path)
        if before is None or before.version != version:
            self._lower[path] = _Sight(version=version, times=1, at=now)
        elif now - before.at >= self._apart:
            self._lower[path] = _Sight(version=version, times=before.times + 1, at=now)
        return self._lower[path].times
