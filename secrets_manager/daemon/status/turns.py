"""How much of a core the status page may take: one answer at a time, then a pause three times as long.

So whoever asks in a loop, or for what is dear, makes the page slow, and nothing else.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

# After an answer: as many times as long as it took of a core.
_PAUSE = 3.0


class Busy(Exception):
    """Others are served, or rested for, until it is too late."""


@dataclass(eq=False, kw_only=True)
class Turns:
    """``clock`` gives monotonic seconds, ``effort`` those that this thread had of a core."""

    clock: Callable[[], float] = time.monotonic
    effort: Callable[[], float] = time.thread_time
    sleep: Callable[[float], None] = time.sleep
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _free_at: float = 0.0

    @contextlib.contextmanager
    def turn(self, seconds: float) -> Iterator[None]:
        """The block is a turn that begins within so many seconds; raises Busy."""
        ends_at = self.clock() + seconds
        if seconds <= 0 or not self._lock.acquire(timeout=seconds):
            raise Busy
        try:
            pause = self._free_at - self.clock()
            if self.clock() + pause > ends_at:
                raise Busy
            if pause > 0:
                self.sleep(pause)
            began = self.effort()
            try:
                yield
            finally:
                self._free_at = self.clock() + _PAUSE * (self.effort() - began)
        finally:
            self._lock.release()
