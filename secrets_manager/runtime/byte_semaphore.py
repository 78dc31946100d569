"""A semaphore that counts bytes: heavy work waits until other heavy work is done.

A worker that handles a value has several copies of it for a moment. Sixteen workers with a megabyte each
would need more memory than all the rest of the program.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Iterator

from secrets_manager.runtime.heartbeat import beat_here

_BEAT_SECONDS = 5.0


class ByteSemaphore:
    """Lets threads hold ``size`` bytes at once; a larger request waits until it is alone."""

    def __init__(self, size: int, *, light: int) -> None:
        """Requests for fewer than ``light`` bytes are not counted."""
        self._size = size
        self._light = light
        self._used = 0
        self._line: deque[object] = deque()
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def hold(self, size: int) -> Iterator[None]:
        """Hold ``size`` bytes during the block; waits for them, first come, first served."""
        if size < self._light:
            yield
            return
        self._enter(size)
        try:
            yield
        finally:
            with self._changed:
                self._used -= size
                self._changed.notify_all()

    def _enter(self, size: int) -> None:
        ticket = object()
        with self._changed:
            self._line.append(ticket)
            try:
                # A worker that waits long is not dead.
                while not self._changed.wait_for(lambda: self._is_next(ticket, size), _BEAT_SECONDS):
                    beat_here()
            finally:
                self._line.remove(ticket)
            self._used += size
            # The next one may fit as well.
            self._changed.notify_all()

    def _is_next(self, ticket: object, size: int) -> bool:
        return self._line[0] is ticket and (self._used == 0 or self._used + size <= self._size)
