"""One piece of work at a time, whose result all callers share that ask while it runs.

The work runs on a thread of its own: a caller may have little time left, and work that must not be cut short
(a login that uses up a secret id) goes on when no caller waits for it any more.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

from secrets_manager.domain.errors import BackendFault, Reach

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """``join`` starts the work or waits for the work that is running."""

    def __init__(self, name: str) -> None:
        """``name`` is the name of the thread."""
        self._name = name
        self._lock = threading.Lock()
        self._flight: Future[T] | None = None

    def join(self, work: Callable[[], T], *, wait: float, overdue: BackendFault) -> T:
        """The result of ``work``, or of the work that is running; raises its error.

        Waits at most ``wait`` seconds, then raises ``overdue``; the work goes on. Every read needs this work,
        so a BackendFault from here is evidence about the backend as a whole.
        """
        with self._lock:
            flight = self._flight
            if flight is None:
                flight = Future()
                # Set it only once it runs: where no thread can be started, no caller must wait for it.
                threading.Thread(target=self._fly, args=(work, flight), name=self._name, daemon=True).start()
                self._flight = flight
        try:
            error = flight.exception(wait)
        except TimeoutError:
            raise _about_all(overdue) from None
        if error is not None:
            # A copy for each thread: a raised exception collects the traceback of the thread that raises it.
            raise _about_all(copy.copy(error))
        return flight.result()

    def _fly(self, work: Callable[[], T], flight: Future[T]) -> None:
        result: T
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 - passed to the waiting threads
            self._land()
            flight.set_exception(error)
            return
        self._land()
        flight.set_result(result)

    def _land(self) -> None:
        with self._lock:
            self._flight = None


def _about_all(error: BaseException) -> BaseException:
    if isinstance(error, BackendFault):
        error.reach = Reach.ALL
    return error
