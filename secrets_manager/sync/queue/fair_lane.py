"""Keys that wait for their turn, where turns go round groups: no group waits behind all keys of another.

Within a group, first come, first served. The caller of ``take`` may say how much each group owes: then groups
that owe the least come first, and turns go round those. Knows nothing of what keys and groups are, and of
threads.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from operator import itemgetter
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
Owed = Callable[[Hashable], "float | None"]


class FairLane(Generic[K]):
    """Keys, each with the time since which it waits; ``group`` gives the group of a key."""

    def __init__(self, group: Callable[[K], Hashable]) -> None:
        self._group = group
        # The group whose turn is next comes first; there is none without keys.
        self._groups: OrderedDict[Hashable, dict[K, float]] = OrderedDict()

    def __bool__(self) -> bool:
        return bool(self._groups)

    def __iter__(self) -> Iterator[K]:
        """The keys in the order in which they would be taken."""
        turns = [iter(waiting) for waiting in self._groups.values()]
        while turns:
            heads = [(turn, next(turn, None)) for turn in turns]
            turns = [turn for turn, head in heads if head is not None]
            yield from (head for _, head in heads if head is not None)

    def add(self, key: K, since: float) -> None:
        """Add ``key``, which must not wait here yet, as the last of its group."""
        self._groups.setdefault(self._group(key), {})[key] = since

    def remove(self, key: K) -> float:
        """Take ``key`` out of its turn; return since when it waited."""
        group = self._group(key)
        waiting = self._groups[group]
        since = waiting.pop(key)
        if not waiting:
            del self._groups[group]
        return since

    def take(self, owed: Owed = lambda _: 0.0) -> tuple[K, float]:
        """Take the key whose turn it is, and since when it waited; there must be one.

        ``owed`` gives how much a group owes, None where it must not have a turn.
        """
        group = self._next_group(owed)
        waiting = self._groups[group]
        key = next(iter(waiting))
        since = waiting.pop(key)
        if waiting:
            self._go_round(group)
        else:
            del self._groups[group]
        return key, since

    def has_turn(self, may: Callable[[Hashable], bool]) -> bool:
        """Whether there is a group for which ``may`` is true."""
        # A loop, since a generator costs more than the one step that is taken nearly always.
        for group in self._groups:  # noqa: SIM110
            if may(group):
                return True
        return False

    def heads(self) -> Iterator[tuple[K, float]]:
        """The next key of each group, and since when it waits, in the order of turns."""
        for waiting in self._groups.values():
            yield next(iter(waiting.items()))

    def _next_group(self, owed: Owed) -> Hashable:
        least: tuple[float, Hashable] | None = None
        for group in self._groups:
            debt = owed(group)
            if debt == 0.0:
                return group
            if debt is not None and (least is None or debt < least[0]):
                least = debt, group
        assert least is not None, "no group may have its turn"  # noqa: S101 - asked before
        return least[1]

    def _go_round(self, group: Hashable) -> None:
        self._groups.move_to_end(group)

    def oldest(self) -> float:
        """Since when the key that waits longest waits; there must be one."""
        return min(next(iter(waiting.values())) for waiting in self._groups.values())


class DueLane(FairLane[K]):
    """Keys in the order in which they are due; none of a group that may have no turn."""

    def __iter__(self) -> Iterator[K]:
        """The keys in the order in which they would be taken."""
        waiting = [item for group in self._groups.values() for item in group.items()]
        return iter([key for key, _ in sorted(waiting, key=itemgetter(1))])

    def _next_group(self, owed: Owed) -> Hashable:
        heads = zip(self._groups, self.heads(), strict=True)
        due = [(since, group) for group, (_, since) in heads if owed(group) is not None]
        return min(due, key=itemgetter(0))[1]

    def _go_round(self, group: Hashable) -> None:
        """Turns do not go round here: the due times decide."""
