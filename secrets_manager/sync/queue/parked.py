"""Definitions that are parked until something other than time ends their wait.

`Parked` holds those that wait for a backend, or for this replica to lead, and does not know which.
`ParkedForCluster` holds those that the API server left without a usable answer.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from collections.abc import Set as AbstractSet

from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import ClusterUnauthorized, ClusterUnavailable, SecretsManagerError

_FIRST_PAUSE = 0.01
_LONGEST_PAUSE = 10.0
# For all that wait together: tries a second at first, tries a second in the long run, and the longest pause.
_FIRST_RATE = 100.0
_LONG_RUN_RATE = 2.0
_LONGEST_PAUSE_OF_MANY = 300.0


class Parked:
    """Names, each once; safe from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._refs: set[Ref] = set()

    def __contains__(self, ref: Ref) -> bool:
        return ref in self._refs

    def add(self, ref: Ref) -> None:
        """Park a definition."""
        with self._lock:
            self._refs.add(ref)

    def discard(self, ref: Ref) -> None:
        """Remove a definition, if it is parked."""
        with self._lock:
            self._refs.discard(ref)

    def take(self, refs: AbstractSet[Ref]) -> set[Ref]:
        """Remove and return those of ``refs`` that are parked."""
        with self._lock:
            taken = self._refs & refs
            self._refs -= taken
            return taken

    def take_all(self) -> set[Ref]:
        """Remove and return all."""
        with self._lock:
            taken, self._refs = self._refs, set()
            return taken


class ParkedForCluster:
    """Names, each once; safe from many threads. ``clock`` gives monotonic seconds.

    It decides when each is tried again, and when all are. Pauses begin with milliseconds, since most such
    faults are over in a moment, and end with some seconds, since one object may have trouble of its own while
    others are served. When many have trouble the API server is away, so the more wait, the longer each waits.
    Then the first that gets through takes the others along, and so does a report that the API server is back.
    A pause that the API server asked for is kept.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        # When each may be tried, the one that waits longest first.
        self._waiting: dict[Ref, float] = {}
        # Definitions that were taken along and did not get through yet.
        self._taken_along: set[Ref] = set()
        self._answers = False

    def pause(self, failures: int, random: float) -> float:
        """Seconds until a definition is tried again, after so many failures of its own in a row."""
        with self._lock:
            count = len(self._waiting)
        own = max(_FIRST_PAUSE * 2.0 ** min(failures - 1, 30), count / _FIRST_RATE)
        longest = min(max(_LONGEST_PAUSE, count / _LONG_RUN_RATE), _LONGEST_PAUSE_OF_MANY)
        return min(own, longest) * (0.8 + 0.2 * random)

    def note(self, ref: Ref, error: SecretsManagerError | None) -> None:
        """Note the result of the last try of a definition: ``error``, or None when all went well."""
        with self._lock:
            was_parked = self._waiting.pop(ref, None) is not None or ref in self._taken_along
            if isinstance(error, ClusterUnavailable | ClusterUnauthorized):
                # It failed again though others were released, so the trouble, and the pause, is its own.
                least = _LONGEST_PAUSE if ref in self._taken_along else 0.0
                self._waiting[ref] = self._clock() + max(error.retry_after or 0.0, least)
                self._answers = False
                return
            self._taken_along.discard(ref)
            if error is None and was_parked:
                self._answers = True

    def forget(self, ref: Ref) -> None:
        """Drop a definition that is gone."""
        with self._lock:
            self._waiting.pop(ref, None)
            self._taken_along.discard(ref)

    def answered(self) -> None:
        """Another part of the program has seen that the API server is back."""
        with self._lock:
            self._answers = True

    def due(self) -> list[Ref]:
        """The definitions to try now: none while nothing shows that the API server answers."""
        with self._lock:
            if not self._answers:
                return []
            now = self._clock()
            due = [ref for ref, at in self._waiting.items() if at <= now]
            for ref in due:
                del self._waiting[ref]
            self._taken_along.update(due)
            return due
