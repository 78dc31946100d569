"""A budget of bytes for large replies, which lasts as long as their bytes are in memory.

A caller that is about to receive a large reply claims bytes of the budget first, and keeps the claim beside
the reply. The claim is returned with the last reference to it, however many objects share it.
"""

from __future__ import annotations

import threading
import time


class NoRoom(Exception):
    """Other claims took the budget for all of the time that was given."""


class Claim:
    """A number of bytes of a budget; returned when the claim is dropped, or by ``release``."""

    __slots__ = ("_budget", "_size")

    def __init__(self, budget: ByteBudget, size: int) -> None:
        self._budget = budget
        self._size = size

    def shrink(self, size: int) -> None:
        """Keep ``size`` bytes and return the rest."""
        spare, self._size = max(0, self._size - size), min(self._size, size)
        self._budget._take_back(spare)  # noqa: SLF001 - the other half of one idea

    def release(self) -> None:
        """Return all of it now."""
        self.shrink(0)

    def __del__(self) -> None:
        self.release()


class ByteBudget:
    """A budget of ``size`` bytes, shared by threads."""

    def __init__(self, size: int) -> None:
        self._free = self._size = size
        # Its lock is re-entrant: the garbage collector may drop a claim on a thread that has the lock.
        self._changed = threading.Condition()

    def claim(self, size: int, seconds: float) -> Claim:
        """Claim ``size`` bytes (or the whole budget, if that is less) within ``seconds``; raises NoRoom."""
        wanted = min(size, self._size)
        ends_at = time.monotonic() + seconds
        with self._changed:
            while self._free < wanted:
                if not self._changed.wait(max(0.0, ends_at - time.monotonic())):
                    raise NoRoom
            self._free -= wanted
        return Claim(self, wanted)

    def free(self) -> int:
        """Bytes that are not claimed."""
        return self._free

    def _take_back(self, size: int) -> None:
        if size:
            with self._changed:
                self._free += size
                self._changed.notify_all()
