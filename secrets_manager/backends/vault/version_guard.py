"""Readings that go back to a lower version: a standby that lags behind, or a backup that was restored.

A version lower than one seen before is not accepted at once, but after three polls that show it. Where it
changes meanwhile, since a restored path is written at each poll or two servers answer in turn, a lower
version is accepted after ten polls without the highest. A path that was removed with all its versions and
created again counts from 1: from then on the versions of its former life are outdated, whatever their number.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace

from secrets_manager.backends.base import Clock, Reading
from secrets_manager.domain.errors import SourceOutdated

_BELIEVED_AFTER = 3
_BELIEVED_AT_LAST = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class _LowerVersion:
    """A lower version, in how many polls it was seen, and when the last of them was.

    ``polls`` counts the polls with any lower version and no highest between them; the last was at
    ``polled_at``.
    """

    version: int
    times: int = 1
    at: float
    polls: int = 1
    polled_at: float

    def is_believed(self) -> bool:
        return self.times >= _BELIEVED_AFTER or self.polls >= _BELIEVED_AT_LAST


@dataclass(frozen=True, slots=True, kw_only=True)
class _Highest:
    """The highest version of a path, and when it was made.

    ``former`` is when the highest version of its former life was made, "" if it is not known to have had one;
    ``gone`` says that the whole path was gone since; ``lower`` is a lower version that was seen since.
    """

    version: int
    made: str
    former: str = ""
    gone: bool = False
    lower: _LowerVersion | None = None


class VersionGuard:
    """Remembers the highest version of each path; safe from many threads."""

    def __init__(
        self, *, poll_period: float, clock: Clock = time.monotonic, most_paths: int = 100_000
    ) -> None:
        """``poll_period`` is in seconds: readings that follow each other faster count as one poll.

        ``most_paths`` bounds the memory; when it is full, the path that was seen longest ago is forgotten.
        """
        # Polls are not exactly a period apart, and retries come much faster.
        self._apart = poll_period / 2
        self._clock = clock
        self._most_paths = most_paths
        self._lock = threading.Lock()
        # The path that was seen last comes last.
        self._highest: dict[str, _Highest] = {}

    def admit(self, reading: Reading, made: str = "") -> None:
        """Return when ``reading`` may be used; raise SourceOutdated when it looks outdated.

        ``made`` is when its version was made, as a text that sorts by time, "" where that is not known. A
        reading without version counts as older than any version, so leaving it out does not let an older
        value pass.
        """
        if reading.source.version:
            return
        version, path = int(reading.version) if reading.version.isdecimal() else 0, reading.source.path
        with self._lock:
            known = self._highest.pop(path, None)
            if known is None and not version:
                # Probably the other engine, which has no versions.
                return
            if known is not None and _is_outdated(known, version, made):
                lower = self._seen(known.lower, version)
                if not lower.is_believed():
                    self._keep(path, replace(known, lower=lower))
                    raise SourceOutdated(path)
            self._keep(path, _Highest(version=version, made=made, former=_former(known, version, made)))

    def record_deletion(self, path: str, version: str, made: str = "") -> None:
        """The newest version was deleted or destroyed: lower versions are still outdated."""
        if not version.isdecimal():
            return
        with self._lock:
            known = self._highest.pop(path, None)
            if known is None:
                known = _Highest(version=int(version), made=made)
            elif known.version < int(version) and not _is_outdated(known, int(version), made):
                known = replace(known, version=int(version), made=max(made, known.made))
            self._keep(path, replace(known, lower=None))

    def forget(self, path: str) -> None:
        """The path is gone with all its versions: it starts at version 1 when it is created again.

        A standby that lags gives the same answer for a path that it does not know yet. So a lower version is
        accepted next, unless it is known to be no newer than the old one.
        """
        with self._lock:
            known = self._highest.pop(path, None)
            if known is not None:
                self._keep(path, replace(known, gone=True, lower=None))

    def _keep(self, path: str, known: _Highest) -> None:
        if len(self._highest) >= self._most_paths:
            del self._highest[next(iter(self._highest))]
        self._highest[path] = known

    def _seen(self, before: _LowerVersion | None, version: int) -> _LowerVersion:
        now = self._clock()
        if before is None:
            return _LowerVersion(version=version, at=now, polled_at=now)
        found = before
        if now - found.polled_at >= self._apart:
            found = replace(found, polls=found.polls + 1, polled_at=now)
        if found.version != version:
            return replace(found, version=version, times=1, at=now)
        if now - found.at >= self._apart:
            return replace(found, times=found.times + 1, at=now)
        return found


def _is_outdated(known: _Highest, version: int, made: str) -> bool:
    if made and made <= known.former:
        return True
    return version < known.version and not _is_recreated(known, made)


def _is_recreated(known: _Highest, made: str) -> bool:
    return known.gone and (not known.made or made > known.made)


def _former(known: _Highest | None, version: int, made: str) -> str:
    """``former`` of the version that is accepted now."""
    if known is None:
        return ""
    if version < known.version and made > known.made:
        return known.made
    # A version of the former life that is believed all the same is a backup that was restored.
    return known.former if not made or made > known.former else ""
