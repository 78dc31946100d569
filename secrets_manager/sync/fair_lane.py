"""Keys that wait for their turn, where turns go round groups: nobody waits behind all that others queued.

Within a group, first come, first served. Knows nothing of what keys and groups are, and of threads.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class FairLane(Generic[K]):
    """Keys, each with the time since which it waits; ``group`` tells whose turn a key is part of."""

    def __init__(self, group: Callable[[K], Hashable]) -> None:
        self._group = group
        # The group whose turn is next comes first; there is none without keys.
        self._groups: OrderedDict[Hashable, dict[K, float]] = OrderedDict()

    def __bool__(self) -> bool:
        return bool(self._groups)

    def __len__(self) -> int:
        return sum(map(len, self._groups.values()))

    def __contains__(self, key: K) -> bool:
        return key in self._groups.get(self._group(key), ())

    def __iter__(self) -> Iterator[K]:
        """The keys in the order in which they would be taken."""
        turns = [iter(waiting) for waiting in self._groups.values()]
        while turns:
            heads = [(turn, next(turn, None)) for turn in turns]
            turns = [turn for turn, head in heads if head is not None]
            yield from (head for _, head in heads if head is not None)

    def add(self, key: K, since: float) -> None:
        """Let ``key``, which must not wait here yet, wait as the last of its group."""
        self._groups.setdefault(self._group(key), {})[key] = since

    def remove(self, key: K) -> float:
        """Take ``key`` out of its turn; returns since when it waited."""
        group = self._group(key)
        waiting = self._groups[group]
        since = waiting.pop(key)
        if not waiting:
            del self._groups[group]
        return since

    def take(self) -> tuple[K, float]:
        """Take the key whose turn it is, and since when it waited; there must be one."""
        group, waiting = next(iter(self._groups.items()))
        key = next(iter(waiting))
        since = waiting.pop(key)
        if waiting:
            self._groups.move_to_end(group)
        else:
            del self._groups[group]
        return key, since

    def oldest(self) -> float:
        """Since when the first of any group waits; there must be one."""
        return min(next(iter(waiting.values())) for waiting in self._groups.values())
