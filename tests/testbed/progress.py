"""What a person who waits is told: what is being done, how far it is, how long it takes.

Knows nothing of what is being done.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence

__all__ = ["Progress", "duration", "listing", "say"]

_EVERY_SECONDS = 10.0


def say(message: str) -> None:
    """A line on standard error."""
    print(f"testbed: {message}", file=sys.stderr, flush=True)


def duration(seconds: float) -> str:
    """`42 s`, `3 min 5 s`: whole seconds, never less than one."""
    whole = max(1, round(seconds))
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60} s"


def _rough(seconds: float) -> str:
    return duration(max(10, round(seconds, -1)))


def listing(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


class Progress:
    """Tells ``tell`` of a number that grows, at most every ten seconds; ``clock`` counts seconds."""

    def __init__(
        self, what: str, tell: Callable[[str], None] = say, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._what = what
        self._tell = tell
        self._clock = clock
        self._started = self._told = clock()

    @property
    def seconds(self) -> float:
        """Since it began."""
        return self._clock() - self._started

    def at(self, done: int, total: int | None = None) -> None:
        """Say so, unless something was said a moment ago. `total` None: nobody knows it."""
        if self._clock() - self._told < _EVERY_SECONDS:
            return
        self._told = self._clock()
        of_all = f" of {total:,}" if total is not None else ""
        to_go = f", about {_rough(self.seconds * (total - done) / done)} to go" if total and done else ""
        self._tell(f"{self._what}: {done:,}{of_all}, after {duration(self.seconds)}{to_go}")
