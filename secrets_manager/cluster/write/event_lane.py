"""Which Event is posted next: namespaces take turns, and none waits behind the flood of another.

Each namespace has a bucket of its own, so that Events beyond its rate are dropped at once, and all share
another, which is emptied in turns. When too many wait, the namespace with most of them loses one. Times are
given by the caller, in seconds of any clock that does not go back; nothing here waits, and nothing is locked.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import Generic, TypeVar

from secrets_manager.runtime.token_bucket import TokenBucket

# Buckets of so many namespaces are kept; a namespace that is forgotten begins with a full one.
_REMEMBERED = 1000

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRate:
    """``rate`` a second in the long run, and ``burst`` at once."""

    rate: float
    burst: int

    def bucket(self, now: float) -> TokenBucket:
        """A full bucket of that pace."""
        return TokenBucket(rate=self.rate, burst=self.burst, now=now)


@dataclass(frozen=True, slots=True)
class Waiting(Generic[Item]):
    """An item that waits, and the time since which it waits."""

    item: Item
    since: float


class EventLane(Generic[Item]):
    """One lane of Events. ``dropped`` counts those that will not be posted."""

    def __init__(self, *, pace: EventRate, capacity: int, longest: float, now: float) -> None:
        """``pace`` holds for each namespace and for all together; ``longest`` is how old one may become."""
        self.dropped = 0
        self._pace = pace
        self._capacity = capacity
        self._longest = longest
        self._all = pace.bucket(now)
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()
        # In the order of turns, without namespaces for which nothing waits.
        self._waiting: OrderedDict[str, deque[Waiting[Item]]] = OrderedDict()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def put(self, namespace: str, item: Item, now: float) -> None:
        """Let it wait for its turn, or drop it or another where that is fairer."""
        if not self._bucket(namespace, now).try_take(now) or not self._make_room(namespace):
            self.dropped += 1
            return
        self._waiting.setdefault(namespace, deque()).append(Waiting(item, now))
        self._count += 1

    def next_in(self, now: float) -> float | None:
        """Seconds until one may be taken; None when nothing waits."""
        return self._all.wait(now) if self._count else None

    def take(self, now: float, *, unpaced: bool = False) -> Item | None:
        """The next one, if one waits and the pace allows it; ``unpaced`` ignores the pace."""
        while self._count and (unpaced or self._all.wait(now) == 0):
            waiting = self._pop()
            if not unpaced and now - waiting.since > self._longest:
                self.dropped += 1
                continue
            if not unpaced:
                self._all.take(now)
            return waiting.item
        return None

    def give_up_one(self) -> None:
        """Drop the newest of the namespace with most waiting."""
        namespace = max(self._waiting, key=lambda name: len(self._waiting[name]))
        self._waiting[namespace].pop()
        self._count -= 1
        if not self._waiting[namespace]:
            del self._waiting[namespace]
        self.dropped += 1

    def _make_room(self, namespace: str) -> bool:
        if self._count < self._capacity:
            return True
        own = len(self._waiting.get(namespace, ()))
        if max(map(len, self._waiting.values())) <= own + 1:
            return False
        self.give_up_one()
        return True

    def _pop(self) -> Waiting[Item]:
        namespace, line = self._waiting.popitem(last=False)
        first = line.popleft()
        if line:
            self._waiting[namespace] = line
        self._count -= 1
        return first

    def _bucket(self, namespace: str, now: float) -> TokenBucket:
        bucket = self._buckets.setdefault(namespace, self._pace.bucket(now))
        self._buckets.move_to_end(namespace)
        if len(self._buckets) > _REMEMBERED:
            self._buckets.popitem(last=False)
        return bucket
