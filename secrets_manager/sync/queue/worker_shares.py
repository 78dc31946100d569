"""Turns by the time that each group has used of the workers; pure except for its memory.

A group that used much time lately owes it, and comes after groups that did not, until as much time has
passed: each group has the time of about one worker for nothing. No group begins with more than half of the
workers, whatever it has queued, since a worker that is busy cannot be taken away from it. Short work delays
no other group: for each short piece of work in a row a group may have one worker more, up to all except the
last two, until one piece takes longer.

Some groups have to share: those of them whose last piece of work was long have half of the workers together,
so that many which are slow leave room for one that is quick.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable

# A group owes no more seconds than this, however much time it used.
_MOST_OWED = 5.0
# Work of fewer seconds is short.
_SHORT = 0.25
# Work of so many seconds is long.
_LONG = 1.0
# Workers that no group ever takes, since another may come.
_KEPT_FREE = 2
_NO_GROUP: frozenset[Hashable] = frozenset({None, ""})


class WorkerShares:
    """The time that groups have used, and how many of the ``workers`` are at work for each.

    Times are monotonic seconds, given by the caller. Keys without a group (None or "") owe nothing.
    ``has_to_share`` says which groups have half of the workers together while they are slow.
    """

    def __init__(self, workers: int, has_to_share: Callable[[Hashable], bool] = lambda _: False) -> None:
        self._has_to_share = has_to_share
        # Those whose last piece of work was long.
        self._slow: set[Hashable] = set()
        self._half = max(1, workers // 2)
        self._most = max(self._half, workers - _KEPT_FREE)
        self._paid_at: dict[Hashable, float] = {}
        # The workers of each group, and how many beyond half of all it may have.
        self._at_work: dict[Hashable, int] = {}
        self._beyond: dict[Hashable, int] = {}

    def has_room(self, group: Hashable) -> bool:
        """Whether a group may have another worker."""
        if group in self._slow and self._slow_at_work() >= self._half:
            return False
        at_work = self._at_work.get(group, 0)
        if at_work < self._half or group in _NO_GROUP:
            return True
        return at_work < self._half + self._beyond.get(group, 0)

    def owed(self, group: Hashable, now: float) -> float | None:
        """Seconds that a group owes; None when it may not have another worker."""
        if not self.has_room(group):
            return None
        paid_at = self._paid_at.get(group)
        return 0.0 if paid_at is None else max(0.0, paid_at - now)

    def begin(self, group: Hashable) -> None:
        """A worker begins with a key of a group."""
        self._at_work[group] = self._at_work.get(group, 0) + 1

    def end(self, group: Hashable, seconds: float, now: float) -> bool:
        """A worker is done after so many seconds; return whether the group could have no more workers."""
        was_full = not self.has_room(group)
        self._judge(group, seconds)
        left = self._at_work.pop(group) - 1
        beyond = self._beyond.pop(group, 0)
        if left:
            self._at_work[group] = left
        if left and seconds < _SHORT:
            self._beyond[group] = min(self._most - self._half, beyond + 1)
        if group not in _NO_GROUP:
            paid_at = max(now, self._paid_at.get(group, now)) + seconds
            self._paid_at[group] = min(paid_at, now + _MOST_OWED)
            self._forget_what_is_paid(now)
        return was_full

    def _slow_at_work(self) -> int:
        return sum(self._at_work.get(group, 0) for group in self._slow)

    def _judge(self, group: Hashable, seconds: float) -> None:
        if seconds < _LONG:
            self._slow.discard(group)
        elif self._has_to_share(group):
            self._slow.add(group)

    def _forget_what_is_paid(self, now: float) -> None:
        # Two at a time are enough, since each call adds one at most.
        for group in [group for group, _ in zip(self._paid_at, range(2), strict=False)]:
            if self._paid_at[group] <= now:
                del self._paid_at[group]
            else:
                # To the end, so that the others come up.
                self._paid_at[group] = self._paid_at.pop(group)
