"""How often the users of each source wish it to be read, and the shortest of these wishes.

A source may have thousands of users, each with a period of its own, and any of them may go at any time. So
the periods of a source are counted, and the shortest is at the top of a heap, from which those that nobody
wishes any more are dropped when they come up. Sources without a wish cost nothing.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter
from dataclasses import dataclass, field

from secrets_manager.backends.base import Source

# A heap is made anew when it has more than this, and more than twice as many periods as are wished for.
_FEW = 16


@dataclass(eq=False, slots=True)
class _Wishes:
    """The wishes for one source; a period that nobody wishes any more may still be in the heap."""

    users: int = 0
    counts: Counter[float] = field(default_factory=Counter)
    heap: list[float] = field(default_factory=list)

    def add(self, period: float) -> None:
        self.users += 1
        self.counts[period] += 1
        if self.counts[period] == 1:
            heapq.heappush(self.heap, period)
            if len(self.heap) > max(_FEW, 2 * len(self.counts)):
                self.heap = sorted(self.counts)

    def remove(self, period: float) -> None:
        self.users -= 1
        self.counts[period] -= 1
        if not self.counts[period]:
            del self.counts[period]

    def shortest(self) -> float:
        while self.heap[0] not in self.counts:
            heapq.heappop(self.heap)
        return self.heap[0]


class RefreshPeriods:
    """The wishes for each source; periods are in seconds. Not safe from many threads."""

    def __init__(self) -> None:
        self._wishes: dict[Source, _Wishes] = {}

    def __contains__(self, source: Source) -> bool:
        """Whether any user wishes a period for it."""
        return source in self._wishes

    def __len__(self) -> int:
        return len(self._wishes)

    def add(self, source: Source, period: float) -> None:
        """One more user of ``source`` wishes this period."""
        self._wishes.setdefault(source, _Wishes()).add(period)

    def remove(self, source: Source, period: float) -> None:
        """A user that wished this period does not any more."""
        wishes = self._wishes[source]
        wishes.remove(period)
        if not wishes.users:
            del self._wishes[source]

    def users(self, source: Source) -> int:
        """How many users wish a period for it."""
        wishes = self._wishes.get(source)
        return wishes.users if wishes else 0

    def shortest(self, source: Source) -> float:
        """The shortest period that is wished for it; infinite where none is."""
        wishes = self._wishes.get(source)
        return wishes.shortest() if wishes else math.inf
