"""The terms of a call: its deadline, how soon its first try is left, and whether it gives way to others.

They are made once, where the call begins, and passed on unchanged down to the socket.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from secrets_manager.runtime.since_boot import since_boot

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Deadline:
    """The instant at which a call is over, in seconds of ``clock``."""

    ends_at: float
    clock: Clock = since_boot

    @classmethod
    def within(cls, seconds: float, clock: Clock = since_boot) -> Deadline:
        """``seconds`` from now."""
        return cls(clock() + seconds, clock)

    def left(self) -> float:
        """Seconds until the deadline; 0 or less once it has passed."""
        return self.ends_at - self.clock()

    def sooner(self, seconds: float) -> Deadline:
        """This deadline itself, or ``seconds`` from now if that comes first."""
        ends_at = self.clock() + seconds
        return self if self.ends_at <= ends_at else Deadline(ends_at, self.clock)


def _ignore(_seconds: float) -> None:
    """Ignore it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The terms of one read of a backend.

    Attributes:
        deadline: covers the whole call, with its logins, its redirects and its waits for a turn.
        first_try: seconds after which one exchange with the server is left, even if there is more time.
        background: whether it gives way to calls that are waited for.
        answered: called with the seconds that the last exchange took, whatever its reply was.

    """

    deadline: Deadline
    first_try: float = math.inf
    background: bool = False
    answered: Callable[[float], None] = _ignore

    @classmethod
    def within(cls, seconds: float) -> Terms:
        """A call in the foreground, with all of its ``seconds`` for each exchange."""
        return cls(deadline=Deadline.within(seconds))
