"""A worker in a long reconcile serves short work of other groups in between.

This happens between two steps of the long reconcile, where nothing is half done: its readings stay with it,
and the order of reading is kept, since the work in between only delays the rest. Half of the worker's time
stays with the long reconcile, and the work in between is never interrupted itself.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from secrets_manager.sync.queue.work_queue import WorkQueue

K = TypeVar("K", bound=Hashable)

# Seconds: a reconcile that is shorter delays no other key.
_FIRST_AFTER = 0.02


class GivingWay(Generic[K]):
    """For all workers of one queue. ``is_short`` says which keys may come in between."""

    def __init__(
        self,
        queue: WorkQueue[K],
        clock: Callable[[], float],
        is_short: Callable[[K], bool],
        work_on: Callable[[K], None],
    ) -> None:
        self._queue = queue
        self._clock = clock
        self._is_short = is_short
        self._work_on = work_on
        self._mine = threading.local()

    def between_steps(self, busy_with: K) -> None:
        """This worker is between two steps of ``busy_with``: serve another key if it is time for that."""
        mine, now = self._mine, self._clock()
        if getattr(mine, "inside", False):
            return
        if getattr(mine, "busy_with", None) != busy_with:
            mine.busy_with, mine.not_before = busy_with, now + _FIRST_AFTER
        if now < mine.not_before:
            return
        key = self._queue.take_between(busy_with, self._is_short)
        if key is not None:
            self._serve(key)
        now, began = self._clock(), now
        mine.not_before = now + max(_FIRST_AFTER, now - began)

    def _serve(self, key: K) -> None:
        self._mine.inside = True
        try:
            self._work_on(key)
        finally:
            self._mine.inside = False
