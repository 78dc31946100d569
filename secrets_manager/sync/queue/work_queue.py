"""The one queue, and the one retry policy, of the program.

Keys are de-duplicated, so the queue is never longer than there are objects, and a key is never worked on
twice at a time: one that is added meanwhile runs again after. There are four lanes, and each overtakes those
after it: urgent (an object was changed), soon (a list or a reading showed a change, a retry), after (statuses
of reconciles that are done), routine (a poll). Keys that are not urgent never take the last workers, so that
a backend that hangs cannot keep a deletion waiting; and now and then the last two lanes have their turns
however much overtakes them. In all lanes except the last, turns go round the groups of keys, by the time that
each has used (see `worker_shares`); polls come as they are due, unless they are in groups too. No group has
more than half of the workers for long work, in whichever lane its keys are: otherwise its routine would keep
all its other keys waiting. A worker in a long reconcile may take a short key of another group in between. The
shape is client-go's util/workqueue.

Polls come in batches, and one thread is done with a usual batch before others are worth their waking. So a
key that is not urgent wakes a thread only if none was woken a moment ago, which is longer for polls; a thread
that takes a key wakes the next one if that can take a key that had to wait, and ``release_due`` wakes one for
the keys that are left. An urgent key always wakes a thread.
"""

from __future__ import annotations

import heapq
import math
import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from enum import IntEnum
from functools import partial
from itertools import islice
from typing import Generic, Protocol, TypeVar

from secrets_manager.sync.queue.fair_lane import DueLane, FairLane
from secrets_manager.sync.queue.worker_shares import WorkerShares
from secrets_manager.sync.telemetry import SyncTelemetry

K = TypeVar("K", bound=Hashable)


class Lane(IntEnum):
    """How soon a key is wanted."""

    URGENT = 0
    SOON = 1
    AFTER = 2
    ROUTINE = 3


# Kept, since iterating over an enumeration builds its order each time.
_LANES = tuple(Lane)
# At least one take in this many serves the lane if it is not empty, so that an endless stream of urgent keys
# cannot starve it.
_SHARES = {Lane.ROUTINE: 50, Lane.AFTER: 20}
# Seconds. A thread that wakes and finds its work done by another costs more than a short poll of the backend,
# and two that poll at once take the interpreter from each other.
_HELP_AFTER = {Lane.URGENT: 0.0, Lane.SOON: 0.005, Lane.AFTER: 0.005, Lane.ROUTINE: 0.05}
# Seconds that a key has waited before a worker takes it between two steps of other work.
_BETWEEN_AFTER = 0.02
# Groups that are searched for such a key.
_MOST_HEADS = 64


@dataclass(frozen=True, slots=True)
class _Work:
    """A key in the hands of a worker; times are seconds of the queue's clock.

    ``between`` says that the worker took it between two steps of other work.
    """

    lane: Lane
    asked_at: float
    started_at: float
    between: bool = False


class Pauses(Protocol):
    """How long a key waits after it failed."""

    def pause(self, failures: int, random: float) -> float:
        """Seconds after so many failures in a row (at least 1); ``random`` is in 0 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackOff:
    """Pauses between tries of one key, in seconds: ``base`` doubling up to ``cap``, with full jitter."""

    base: float = 1.0
    cap: float = 300.0

    def pause(self, failures: int, random: float) -> float:
        """The pause after so many failures in a row (at least 1); ``random`` is in 0 to 1."""
        ceiling = min(self.cap, self.base * 2.0 ** min(failures - 1, 30))
        return max(self.base / 4, ceiling * random)

    def slow(self, random: float) -> float:
        """The pause after a failure that only a person can mend: near the cap, spread a little."""
        return self.cap * (0.8 + 0.2 * random)


@dataclass(eq=False)
class WorkQueue(Generic[K]):
    """Keys that wait for a worker. ``workers`` is how many threads take; ``clock`` gives monotonic seconds.

    Keys with the same ``group`` share a turn; by default all do. With ``polls_take_turns`` that holds for
    polls too; otherwise they come as they are due. ``shares_when_slow`` says which groups share half of the
    workers while they are slow (see `worker_shares`).
    """

    workers: int
    clock: Callable[[], float]
    random: Callable[[], float]
    telemetry: SyncTelemetry
    back_off: BackOff = field(default_factory=BackOff)
    group: Callable[[K], Hashable] = lambda _: None
    polls_take_turns: bool = False
    shares_when_slow: Callable[[Hashable], bool] = lambda _: False
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _lanes: tuple[FairLane[K], ...] = field(init=False)
    # The lane of each key that waits in one.
    _lane_of: dict[K, Lane] = field(default_factory=dict)
    _working: dict[K, _Work] = field(default_factory=dict)
    _again: dict[K, Lane] = field(default_factory=dict)
    _asked_at: dict[K, float] = field(default_factory=dict)
    _delayed: dict[K, float] = field(default_factory=dict)
    _heap: list[tuple[float, int, K]] = field(default_factory=list)
    # How often each key failed in a row, by one kind of pauses.
    _failures: dict[K, tuple[int, Pauses]] = field(default_factory=dict)
    _sequence: int = 0
    # Keys that were taken since the last key of the lane, while one waited in it.
    _overtaken: dict[Lane, int] = field(default_factory=lambda: dict.fromkeys(_SHARES, 0))
    # Workers that have a key which is not urgent.
    _not_urgent: int = 0
    _woken_at: float = -math.inf
    # The end of a pause for which a thread waits.
    _awaited: float = -math.inf
    _closed: bool = False
    _shares: WorkerShares = field(init=False)

    def __post_init__(self) -> None:
        self._shares = WorkerShares(self.workers, has_to_share=self.shares_when_slow)
        fair = (FairLane(self.group) for lane in Lane if lane is not Lane.ROUTINE)
        self._lanes = (*fair, (FairLane if self.polls_take_turns else DueLane)(self.group))

    def add(self, key: K, lane: Lane = Lane.URGENT) -> None:
        """Queue ``key`` in a lane; a pause that it is in ends."""
        with self._changed:
            self._delayed.pop(key, None)
            self._asked_at[key] = self.clock()
            if key in self._working:
                self._again[key] = min(lane, self._again.get(key, lane))
                return
            self._enqueue(key, lane)

    def add_after(self, key: K, seconds: float) -> None:
        """Queue ``key`` after a pause, unless it is added sooner."""
        with self._changed:
            if self._is_pending(key):
                return
            due = self.clock() + seconds
            if self._delayed.get(key, due + 1) <= due:
                return
            self._delayed[key] = due
            self._sequence += 1
            heapq.heappush(self._heap, (due, self._sequence, key))
            self.telemetry.retried()

    def retry(self, key: K, *, at_least: float = 0.0, pauses: Pauses | None = None) -> None:
        """``key`` failed and may work later: queue it again after its back-off, ``at_least`` so many seconds.

        With other ``pauses`` than the last time, earlier failures do not count.
        """
        pauses = pauses or self.back_off
        with self._changed:
            before, kind = self._failures.get(key, (0, pauses))
            failures = before + 1 if kind is pauses else 1
            self._failures[key] = (failures, pauses)
        self.add_after(key, max(pauses.pause(failures, self.random()), at_least))

    def retry_slowly(self, key: K) -> None:
        """``key`` failed and a person must act: queue it again after the longest pause."""
        self.add_after(key, self.back_off.slow(self.random()))

    def forget(self, key: K) -> None:
        """``key`` worked: its next failure starts with the shortest pause."""
        with self._changed:
            self._failures.pop(key, None)

    def until_due(self, most: float) -> float:
        """Seconds to wait for a key: until the next pause is over, and at most ``most``.

        One thread at a time is told of a pause. If all were, all would wake up at the end of each. Whoever is
        told calls ``release_due`` then; should it be at work instead, the next round does.
        """
        with self._changed:
            now = self.clock()
            due = self._heap[0][0] if self._heap else math.inf
            if now < self._awaited <= due:
                return most
            self._awaited = due
            return min(most, max(0.0, due - now))

    def release_due(self) -> None:
        """Queue the keys whose pause is over."""
        with self._changed:
            now = self.clock()
            while self._heap and self._heap[0][0] <= now:
                due, _, key = heapq.heappop(self._heap)
                if self._delayed.get(key) == due:
                    self.add(key, Lane.SOON)
            if self._lane_of:
                self._wake_one(now)

    def take(self, timeout: float | None = None) -> K | None:
        """The next key, which is then this thread's until ``done``; None when closed or timed out."""
        with self._changed:
            if not self._changed.wait_for(self._can_take, timeout) or self._closed:
                return None
            now = self.clock()
            lane = self._next_lane()
            key, since = self._lanes[lane].take(partial(self._shares.owed, now=now))
            self._begin(key, _Work(lane, self._asked_at.pop(key), started_at=now), now - since)
            if now - min(since, self._woken_at) >= _HELP_AFTER[lane] and self._can_take():
                self._wake_one(now)
            return key

    def take_between(self, busy_with: K, wanted: Callable[[K], bool]) -> K | None:
        """A ``wanted`` key for a worker that is busy with another, which has both until ``done``.

        None unless a key of another group has waited so long that no worker seems to be free for it.
        """
        with self._changed:
            now, own = self.clock(), self.group(busy_with)
            for lane, waiting in zip(_LANES, self._lanes, strict=True):
                for key, since in islice(waiting.heads(), _MOST_HEADS):
                    if now - since < _BETWEEN_AFTER or self.group(key) == own or not wanted(key):
                        continue
                    waiting.remove(key)
                    work = _Work(lane, self._asked_at.pop(key), started_at=now, between=True)
                    self._begin(key, work, now - since)
                    return key
            return None

    def done(self, key: K, *, takes_next: bool = False) -> None:
        """Give ``key`` back; it is queued again if it was added meanwhile.

        A caller that ``takes_next`` calls ``take`` at once, so that no other thread has to be woken.
        """
        with self._changed:
            work = self._working.pop(key)
            now = self.clock()
            self.telemetry.worked(now - work.started_at)
            was_full = self._shares.end(self.group(key), now - work.started_at, now) or not self._has_room()
            self._not_urgent -= work.lane is not Lane.URGENT and not work.between
            again = self._again.pop(key, None)
            if again is not None:
                self._enqueue(key, again)
            if was_full and not takes_next and self._can_take():
                self._wake_one(now)

    def close(self) -> None:
        """Hand out nothing more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def depth(self) -> int:
        """Keys that are ready and wait for a worker."""
        with self._changed:
            return len(self._lane_of)

    def waiting(self, *lanes: Lane) -> list[K]:
        """The keys that are ready, lane by lane; of these lanes, or of all."""
        with self._changed:
            return [key for lane in lanes or _LANES for key in self._lanes[lane]]

    def idle(self) -> bool:
        """Whether no key is ready or being worked on."""
        with self._changed:
            return not self._working and not self._lane_of

    def oldest_wait(self) -> float:
        """Seconds that the oldest key has been ready; 0 when there is none."""
        with self._changed:
            heads = [lane.oldest() for lane in self._lanes if lane]
            return self.clock() - min(heads) if heads else 0.0

    def work_ages(self) -> list[float]:
        """For each key being worked on, the seconds since it was taken."""
        with self._changed:
            now = self.clock()
            return [now - work.started_at for work in self._working.values()]

    def asked_at(self, key: K) -> float:
        """When a key that is being worked on was last added: its causes are older than that."""
        return self._working[key].asked_at

    def is_known(self, key: K) -> bool:
        """Whether a key is ready or being worked on."""
        with self._changed:
            return key in self._working or self._is_pending(key)

    def is_pressed(self, key: K) -> bool:
        """Whether other keys wait in the lane of a key that is being worked on, or in a more urgent one."""
        with self._changed:
            return any(self._lanes[: self._working[key].lane + 1])

    def _enqueue(self, key: K, lane: Lane) -> None:
        other, now = self._lane_of.get(key), self.clock()
        if other is not None and other <= lane:
            return
        self._lanes[lane].add(key, now if other is None else self._lanes[other].remove(key))
        self._lane_of[key] = lane
        self.telemetry.queued()
        if now - self._woken_at >= _HELP_AFTER[lane]:
            self._wake_one(now)

    def _wake_one(self, now: float) -> None:
        self._woken_at = now
        self._changed.notify()

    def _is_pending(self, key: K) -> bool:
        return key in self._again or key in self._lane_of

    def _begin(self, key: K, work: _Work, waited: float) -> None:
        self.telemetry.waited(waited)
        del self._lane_of[key]
        self._working[key] = work
        self._shares.begin(self.group(key))
        self._not_urgent += work.lane is not Lane.URGENT and not work.between

    def _can_take(self) -> bool:
        return self._closed or self._first_lane() is not None

    def _first_lane(self) -> Lane | None:
        """The first lane from which a key can be taken now."""
        if not self._lane_of:
            return None
        for lane in _LANES:
            if self._has_turn(lane):
                return lane if lane is Lane.URGENT or self._has_room() else None
        return None

    def _has_turn(self, lane: Lane) -> bool:
        waiting = self._lanes[lane]
        return bool(waiting) and waiting.has_turn(self._shares.has_room)

    def _has_room(self) -> bool:
        """Whether another worker may take a key that is not urgent."""
        return self._not_urgent < max(1, self.workers - 2)

    def _next_lane(self) -> Lane:
        """The lane to take from; there is one."""
        lane = self._first_lane()
        assert lane is not None, "nothing can be taken"  # noqa: S101 - asked before
        for other, share in _SHARES.items():
            if self._is_due(other, share, lane):
                lane = other
                break
        if lane in self._overtaken:
            self._overtaken[lane] = 0
        return lane

    def _is_due(self, lane: Lane, share: int, first: Lane) -> bool:
        """Whether ``lane`` was overtaken so often that it comes before ``first``."""
        if first >= lane or not self._has_turn(lane):
            self._overtaken[lane] = 0
            return False
        self._overtaken[lane] += 1
        return self._overtaken[lane] >= share and self._has_room()
