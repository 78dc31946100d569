"""What the metrics of all backends share, so that bounds hold for the process however many there are."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Histogram

from secrets_manager.daemon.metrics.calls import call_seconds
from secrets_manager.daemon.metrics.read_errors import MAX_SERIES, ReadErrors

# A server names itself, and may use another name each time: counters of so many names are kept in all, and
# for each backend at least those of two, since a cluster of two releases changes its name to and fro.
_SERVERS_KEPT = 16
_LEAST_SERVERS_KEPT = 2


class Room:
    """Places for a number of series; safe from many threads."""

    def __init__(self, places: int) -> None:
        self._left = places
        self._lock = threading.Lock()

    def take(self) -> bool:
        """Take one place; returns whether there was one."""
        with self._lock:
            if self._left <= 0:
                return False
            self._left -= 1
            return True

    def give_back(self) -> None:
        """Give one place back."""
        with self._lock:
            self._left += 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Common:
    """The shared parts.

    Attributes:
        calls: times of calls, by backend.
        reads: the bound on series of failed reads.
        expiries: places for series of dates.
        servers_kept: for how many names of its server each backend keeps counters.
        left_out: is called for each failure and each date that no series shows.

    """

    calls: Histogram
    reads: ReadErrors
    expiries: Room
    servers_kept: int
    left_out: Callable[[], None]

    @classmethod
    def on(cls, registry: CollectorRegistry, backends: int, left_out: Callable[[], None]) -> Common:
        """The shared parts of so many backends."""
        return cls(
            calls=call_seconds(registry),
            reads=ReadErrors(left_out=left_out),
            expiries=Room(MAX_SERIES),
            servers_kept=max(_LEAST_SERVERS_KEPT, _SERVERS_KEPT // max(1, backends)),
            left_out=left_out,
        )
