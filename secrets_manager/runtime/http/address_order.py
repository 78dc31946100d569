"""In what order the addresses of a host are tried: one that failed a call comes last for a while.

A host of several addresses may have one that is dead, and name servers go on to hand it out first. Each call
would pay for it again; one that accepts connections and says nothing would even take all of a call's time,
since a request that was sent is not sent to another address.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from enum import IntEnum
from typing import NamedTuple

from secrets_manager.runtime.since_boot import since_boot

# Long enough that few calls pay for a dead address, short enough that one that is well again is used soon.
_REMEMBERED_SECONDS = 60.0
_MOST_MARKS = 256


class Trouble(IntEnum):
    """What became of the last call at an address: the worse, the later it is tried."""

    SILENT = 1
    NO_CONNECTION = 2


class Spot(NamedTuple):
    """One address of a host and port."""

    host: str
    port: int
    address: str


class _Mark(NamedTuple):
    trouble: Trouble
    at: float


class AddressOrder:
    """Remembers where calls came to nothing. Any thread may use it."""

    def __init__(self, clock: Callable[[], float] = since_boot) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._marks: dict[Spot, _Mark] = {}

    def sorted(self, spots: Iterable[Spot]) -> list[Spot]:
        """``spots`` in the order to try them: without trouble as they came, then those longest ago."""
        found = list(spots)
        if not self._marks:
            return found
        with self._lock:
            self._forget_old()
            marks = {spot: self._marks.get(spot) for spot in found}
        return sorted(found, key=lambda spot: marks[spot] or (0, 0.0))

    def failed(self, spot: Spot, trouble: Trouble) -> None:
        """A call at ``spot`` came to nothing."""
        with self._lock:
            self._forget_old()
            if spot in self._marks or len(self._marks) < _MOST_MARKS:
                self._marks[spot] = _Mark(trouble, self._clock())

    def answered(self, spot: Spot) -> None:
        """Whatever was wrong with ``spot`` is over."""
        # Called for each reply, and hardly ever with anything to do.
        if spot in self._marks:
            with self._lock:
                self._marks.pop(spot, None)

    def _forget_old(self) -> None:
        since = self._clock() - _REMEMBERED_SECONDS
        for spot in [spot for spot, mark in self._marks.items() if mark.at < since]:
            del self._marks[spot]
