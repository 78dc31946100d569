"""How surely a path is gone: evidence for definitions that let their Secret go with its source.

One answer that a path is not there proves little: a token of another login may see less, a backend that is in
trouble may say anything, and a server that lags does not know yet what others do. So three readings in a row,
some seconds apart and over 15 s together, have to find the path absent, and a login, or a fault of a part of
the backend that the path lies in, has them begin anew. They are counted in memory: a new process, or a new
leader, knows nothing yet.

A backend that was put back to an old state, or a mount that was replaced, loses many paths at once. That is a
flood, and proves nothing.

Only the paths of definitions that ask for it are watched; others cost one look into an empty map.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from secrets_manager.backends.base import Reading, Source
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import (
    BackendFault,
    BackendThrottled,
    Reach,
    SecretsManagerError,
    is_sure_absence,
)

READINGS = 3
OVER_SECONDS = 15.0
# Readings that follow each other faster count as one: they say the same.
APART_SECONDS = 4.0
# Of the watched paths of a backend, or of its widest part: that many, if they are more than half.
FLOOD = 5


@dataclass(eq=False, slots=True)
class _Part:
    """All of a backend, or a part: how many paths in it are watched, and absent, and its faults so far."""

    watched: int = 0
    absent: int = 0
    faults: int = 0

    def is_flooded(self) -> bool:
        return self.absent >= FLOOD and 2 * self.absent > self.watched


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A path was found absent ``readings`` times in a row; times are monotonic seconds.

    ``login`` and ``faults`` are the state of the backend then: with another the count begins anew.
    """

    first_at: float
    last_at: float
    login: int
    faults: tuple[int, ...]
    readings: int = 1

    def again(self, now: float) -> Sighting:
        """The sighting after another reading at the time ``now``."""
        if now - self.last_at < APART_SECONDS:
            return self
        return replace(self, last_at=now, readings=self.readings + 1)

    def is_enough(self) -> bool:
        """Whether that many readings over so long a time are evidence."""
        return self.readings >= READINGS and self.last_at - self.first_at >= OVER_SECONDS


@dataclass(eq=False, slots=True)
class _Watched:
    """``parts`` are those that the path lies in: the backend, the widest part of it, and so on."""

    parts: tuple[_Part, ...]
    users: set[Ref] = field(default_factory=set)
    sighting: Sighting | None = None

    def see(self, sighting: Sighting | None) -> None:
        change = (sighting is not None) - (self.sighting is not None)
        for part in self.parts:
            part.absent += change
        self.sighting = sighting

    def faults(self) -> tuple[int, ...]:
        return tuple(part.faults for part in self.parts)


def _no_parts(_source: Source) -> tuple[str, ...]:
    return ()


def _no_login(_backend: str) -> int:
    return 0


@dataclass(eq=False)
class Absences:
    """What was found absent of the paths that are watched; safe from many threads.

    ``parts_of`` names the parts of its backend that a source lies in, the widest first; ``login_of`` gives
    the number of the login of a backend that is in use.
    """

    parts_of: Callable[[Source], tuple[str, ...]] = _no_parts
    login_of: Callable[[str], int] = _no_login
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _watched: dict[Source, _Watched] = field(default_factory=dict)
    _parts: dict[tuple[str, str], _Part] = field(default_factory=dict)
    _watches: dict[Ref, frozenset[Source]] = field(default_factory=dict)

    def watch(self, user: Ref, sources: Iterable[Source]) -> None:
        """Set the sources whose absence a definition acts on."""
        wanted = frozenset(sources)
        if not wanted and user not in self._watches:
            return
        with self._lock:
            before = self._watches.get(user, frozenset())
            for source in wanted - before:
                self._join(source).users.add(user)
            for source in before - wanted:
                self._leave(source, user)
            if wanted:
                self._watches[user] = wanted
            else:
                self._watches.pop(user, None)

    def heard(self, source: Source, result: Reading | SecretsManagerError, now: float) -> set[Ref]:
        """A source was read; return the definitions that act on its absence, once that is proven."""
        if not self._watched:
            return set()
        with self._lock:
            if isinstance(result, BackendFault):
                self._note_fault(source, result)
            watched = self._watched.get(source)
            if watched is None:
                return set()
            if isinstance(result, Reading) or not is_sure_absence(result):
                watched.see(None)
                return set()
            before = self._current(source, watched)
            watched.see(before.again(now) if before else self._first(source, watched, now))
            is_new = self._is_proven(source, watched) and not (before and before.is_enough())
            return set(watched.users) if is_new else set()

    def is_proven(self, source: Source) -> bool:
        """Whether the last readings prove that ``source`` is gone."""
        with self._lock:
            watched = self._watched.get(source)
            return watched is not None and self._is_proven(source, watched)

    def is_flood(self, source: Source) -> bool:
        """Whether so many paths around ``source`` are absent that this is more likely trouble."""
        with self._lock:
            watched = self._watched.get(source)
            # Folders are made to be deleted whole; backends and mounts are not.
            return watched is not None and any(part.is_flooded() for part in watched.parts[:2])

    def wants_polls(self, source: Source) -> bool:
        """Whether ``source`` was found absent, and more readings are needed to prove it."""
        watched = self._watched.get(source)
        return watched is not None and watched.sighting is not None and not watched.sighting.is_enough()

    def start_over(self) -> None:
        """Forget what was seen."""
        with self._lock:
            for watched in self._watched.values():
                watched.see(None)

    def _is_proven(self, source: Source, watched: _Watched) -> bool:
        sighting = self._current(source, watched)
        return sighting is not None and sighting.is_enough()

    def _first(self, source: Source, watched: _Watched, now: float) -> Sighting:
        login = self.login_of(source.backend)
        return Sighting(first_at=now, last_at=now, login=login, faults=watched.faults())

    def _current(self, source: Source, watched: _Watched) -> Sighting | None:
        """The sighting, if neither a login nor a fault came after it."""
        seen = watched.sighting
        if seen is None or (seen.login, seen.faults) != (self.login_of(source.backend), watched.faults()):
            return None
        return seen

    def _note_fault(self, source: Source, fault: BackendFault) -> None:
        if fault.reach is Reach.NOTHING:
            return
        whole = fault.reach is Reach.ALL or isinstance(fault, BackendThrottled)
        names = ("", *self.parts_of(source)) if whole else self.parts_of(source)
        for name in names:
            part = self._parts.get((source.backend, name))
            if part is not None:
                part.faults += 1

    def _join(self, source: Source) -> _Watched:
        watched = self._watched.get(source)
        if watched is None:
            names = ("", *self.parts_of(source))
            parts = tuple(self._parts.setdefault((source.backend, name), _Part()) for name in names)
            for part in parts:
                part.watched += 1
            watched = self._watched[source] = _Watched(parts)
        return watched

    def _leave(self, source: Source, user: Ref) -> None:
        watched = self._watched[source]
        watched.users.discard(user)
        if watched.users:
            return
        watched.see(None)
        del self._watched[source]
        for name, part in zip(("", *self.parts_of(source)), watched.parts, strict=True):
            part.watched -= 1
            if not part.watched:
                del self._parts[source.backend, name]
