"""Calls without a deadline, of a library or the system: each runs on a thread, and is left at its deadline.

A call that was left runs on until it ends by itself, and keeps its slot until then, so that calls that hang
for ever hold a bounded number of threads.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from secrets_manager.domain.errors import BackendTimeout, NoAnswerYet
from secrets_manager.runtime.terms import Terms

T = TypeVar("T")


class Blocking:
    """Makes calls for many threads, at most ``most`` at once, on threads called ``name``."""

    def __init__(self, most: int, name: str) -> None:
        self._slots = threading.BoundedSemaphore(most)
        self._name = name

    def call(self, work: Callable[[], T], terms: Terms) -> T:
        """The result of ``work``, or what it raised, within ``terms``.

        Raises NoAnswerYet when the time of the first try is over, and BackendTimeout at the deadline.
        """
        until = terms.deadline.sooner(terms.first_try)
        began = time.monotonic()
        if not self._slots.acquire(timeout=max(0.0, until.left())):
            raise _late(terms, all_of_it=until is terms.deadline)
        done: Future[T] = Future()
        try:
            threading.Thread(target=self._make, args=(work, done), name=self._name, daemon=True).start()
        except RuntimeError:
            # The machine has no more threads: free the slot.
            self._slots.release()
            raise
        try:
            raised = done.exception(max(0.0, until.left()))
        except TimeoutError:
            raise _late(terms, all_of_it=until is terms.deadline) from None
        terms.answered(time.monotonic() - began)
        if raised is not None:
            raise raised
        return done.result()

    def _make(self, work: Callable[[], T], done: Future[T]) -> None:
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 - passed to the waiting thread
            self._slots.release()
            done.set_exception(error)
            return
        self._slots.release()
        done.set_result(result)


def _late(terms: Terms, *, all_of_it: bool) -> BackendTimeout | NoAnswerYet:
    if all_of_it or terms.deadline.left() <= 0:
        return BackendTimeout("the backend did not answer in time")
    return NoAnswerYet("the backend did not answer in time")
