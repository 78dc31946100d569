"""Few workers at once may wait for sources that did not answer in time when they were last asked.

A path that hangs (a dead engine behind one mount) while the rest of the backend serves is no outage, so no
breaker opens, but each read of it holds a worker for the whole timeout. With enough such paths no other
definition would be reconciled. So a path is left at its first try as soon as it takes unusually long (see
`first_tries`), and paths that were left or timed out share a few places, where they have all their time: a
quarter of the workers for the paths of one part of the backend, half of them for all together, and less where
other backends want places as well (see `waiting_room`).

First tries have an allowance too, a quarter of the workers' time. When it is used up, a first try is short;
where nothing around a path answers, the path has to wait until some allowance is there again.

A read that finds no place ends in the fault of the last read. For a source that was only left, that is
NoAnswerYet, until the source has been silent for the time of a whole call.

Where there are several backends, each read of one that is down or mute takes a place too, so that its reads
leave workers to the others.
"""

from __future__ import annotations

import contextlib
import copy
import math
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Protocol

from secrets_manager.backends.base import Source
from secrets_manager.domain.errors import BackendFault, BackendTimeout, NoAnswerYet
from secrets_manager.sync.reading.first_tries import LEAST_SECONDS, FirstTries
from secrets_manager.sync.reading.waiting_room import SHARE, SHARE_TOGETHER, Try, WaitingRoom

# More would mean that the backend as a whole is slow, and then nothing is gained by separating sources.
_MOST_REMEMBERED = 10_000
# A first try that takes so many times as long as is usual is late.
_TIMES_USUAL = 4
# How many seconds of the rate can be saved up, and owed.
_SAVED = 1.0
_LEAST_SAVED = 1.0


class Parts(Protocol):
    """The parts of the backend and their state."""

    def part_of(self, source: Source) -> str:
        """The name of the part that ``source`` shares its trouble with."""

    def is_silent(self, source: Source) -> bool:
        """Whether a part that ``source`` lies in gave nothing except silence lately."""

    def down_with(self, source: Source) -> BackendFault | None:
        """The fault that reads of ``source`` end in while the backend is down; None while it is not."""


@dataclass(frozen=True, slots=True)
class _Place:
    """A place for a source of this part, taken at the time ``began``."""

    part: str
    began: float


@dataclass(frozen=True, slots=True)
class _Left:
    """A source that was left at its first try, at this time."""

    at: float


class Allowance:
    """How much work may go into something: ``rate`` seconds a second, with a little saved up.

    ``part`` is the part of it that is there now, from 0 to 1: others may have the rest. Times are monotonic
    seconds, given by the caller.
    """

    def __init__(self, rate: float, now: float) -> None:
        self.part = 1.0
        self._rate = rate
        self._owed = max(_LEAST_SAVED, rate * _SAVED)
        self._left = self._owed
        self._at = now

    @property
    def _most(self) -> float:
        return self._owed * self.part

    def left(self, now: float) -> float:
        """Seconds that may be spent now; below 0 where more was spent than there was."""
        gained = max(0.0, now - self._at) * self._rate * self.part
        self._left = min(self._most, self._left + gained)
        self._at = now
        return self._left

    def is_untouched(self, now: float) -> bool:
        """Whether nothing was spent lately."""
        return self.left(now) >= self._most

    def spend(self, seconds: float, now: float) -> None:
        """Spend this many seconds."""
        self._left = max(-self._owed, self.left(now) - seconds)


class SlowSources:
    """Remembers the sources of a backend that did not answer; safe from many threads.

    The places are in ``room``, where the backend is known as ``backend``; ``clock`` gives monotonic seconds.
    """

    def __init__(
        self,
        room: WaitingRoom,
        backend: str,
        first_tries: FirstTries,
        clock: Callable[[], float],
        parts: Parts,
    ) -> None:
        self._room = room
        self._backend = backend
        self._first_tries = first_tries
        self._clock = clock
        self._parts = parts
        room.admit(backend)
        self._allowance = Allowance(min(room.workers, _MOST_REMEMBERED) / SHARE, clock())
        self._lock = threading.Lock()
        self._slow: dict[Source, BackendTimeout | _Left] = {}
        self._waiting: Counter[str] = Counter()
        self._trying = 0

    def __contains__(self, source: Source) -> bool:
        return source in self._slow

    @contextlib.contextmanager
    def waiting_for(self, source: Source) -> Iterator[None]:
        """Wait for ``source`` inside the block.

        Raises BackendTimeout or NoAnswerYet if it is slow and no place is free, and the fault of a backend
        that is down.
        """
        place = self._take_place(source)
        try:
            yield
        finally:
            with self._lock:
                self._leave(place)

    def time_for(self, source: Source) -> float:
        """Seconds after which ``source`` is to be left; inf where it has all its time."""
        if source in self._slow:
            return math.inf
        return self._first_tries.seconds_for(source, short=self._is_short_of_time())

    def left(self, source: Source, seconds: float = LEAST_SECONDS) -> None:
        """A read of ``source`` was left after so many seconds, which is unusually long."""
        self._first_tries.unanswered()
        self._room.silent(self._backend)
        with self._lock:
            self._allowance.spend(seconds, self._clock())
        self._remember(source, _Left(self._clock()))

    def timed_out(self, source: Source, fault: BackendTimeout) -> None:
        """A read of ``source`` ended in ``fault``."""
        self._room.silent(self._backend)
        if source not in self._slow:
            with self._lock:
                self._allowance.spend(self._first_tries.most, self._clock())
        # A copy: the fault itself is on its way up, and carries frames.
        self._remember(source, copy.copy(fault))

    def answered(self, source: Source, seconds: float | None = None) -> None:
        """A read of ``source`` got an answer of any kind, after so many seconds if that is known."""
        self._room.answered(self._backend)
        if seconds is not None:
            self._first_tries.answered(source, seconds)
        if source in self._slow:
            self.trust((source,))

    def trust(self, sources: Collection[Source]) -> None:
        """These may answer again: each has a first try as if it had never been slow."""
        with self._lock:
            for source in sources:
                self._slow.pop(source, None)

    def keep_only(self, used: Collection[Source]) -> None:
        """Forget all sources except these."""
        with self._lock:
            self._slow = {source: last for source, last in self._slow.items() if source in used}

    def _remember(self, source: Source, what: BackendTimeout | _Left) -> None:
        with self._lock:
            if len(self._slow) < _MOST_REMEMBERED or source in self._slow:
                self._slow[source] = what

    def _take_place(self, source: Source) -> _Place | Try | None:
        """Take a place; a first try takes none, unless the backend is in trouble."""
        trouble = self._trouble(source)
        if source not in self._slow and trouble is None:
            return self._begin_try(source)
        part = self._parts.part_of(source)
        with self._lock:
            last = self._slow.get(source)
            if last is None and trouble is None:
                self._trying += 1
                return None
            if self._is_full(part) or not self._room.take(self._backend):
                raise self._outcome(last, trouble)
            self._waiting[part] += 1
            return _Place(part, self._clock())

    def _trouble(self, source: Source) -> BackendFault | NoAnswerYet | None:
        """What a read ends in that finds no place while the backend is down or mute; None while it is not.

        It takes no place from others where there is only one backend.
        """
        if not self._room.is_shared:
            return None
        down = self._parts.down_with(source)
        since = self._room.mute_since(self._backend) if down is None else None
        # A single run asks again what was skipped, and takes no silence of others for a fault.
        return down if since is None else self._silence_since(since if self._first_tries.most else math.inf)

    def _is_full(self, part: str) -> bool:
        workers = int(self._room.workers * self._room.part(self._backend))
        most = max(1, workers // SHARE)
        together = max(most, workers // SHARE_TOGETHER)
        return self._waiting[part] >= most or self._waiting.total() >= together

    def _begin_try(self, source: Source) -> Try | None:
        with self._lock:
            self._trying += 1
            used_up = self._allowance_left() < 0
        if used_up and self._parts.is_silent(source):
            with self._lock:
                self._trying -= 1
            raise NoAnswerYet(
                "skipped for now: no path in this part of the backend answers", turned_away=True
            )
        return self._room.begin_try(self._backend, max(LEAST_SECONDS, _TIMES_USUAL * self._first_tries.usual))

    def _is_short_of_time(self) -> bool:
        with self._lock:
            left = self._allowance_left()
            if self._allowance.is_untouched(self._clock()):
                return False
            # The tries that are under way may still take this much.
            return left < max(1, self._trying) * LEAST_SECONDS

    def _allowance_left(self) -> float:
        self._allowance.part = self._room.part(self._backend)
        return self._allowance.left(self._clock())

    def _leave(self, place: _Place | Try | None) -> None:
        if isinstance(place, _Place):
            self._waiting[place.part] -= 1
            if not self._waiting[place.part]:
                del self._waiting[place.part]
            self._room.give_back(self._backend, place.began)
            return
        self._trying -= 1
        self._room.end_try(place)

    def _outcome(
        self, last: BackendTimeout | _Left | None, trouble: BackendFault | NoAnswerYet | None
    ) -> BackendFault | NoAnswerYet:
        """The error for a read that finds no place."""
        if isinstance(last, BackendTimeout):
            return copy.copy(last)
        if last is None or isinstance(trouble, BackendFault):
            assert trouble is not None  # noqa: S101 - one of both is the reason why a place is needed
            return trouble
        return self._silence_since(last.at)

    def _silence_since(self, at: float) -> BackendTimeout | NoAnswerYet:
        if self._clock() - at < self._first_tries.most:
            return NoAnswerYet("skipped for now: too many slow paths are being read", turned_away=True)
        return BackendTimeout("the backend did not answer within the time allowed")
