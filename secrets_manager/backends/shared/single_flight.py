"""One piece of work at a time, its result shared by all who ask while it runs.

The work runs in a thread of its own: whoever asked may have little time left, and work that must not be cut
short (a login that uses up a secret id) goes on when nobody waits for it any more.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

from secrets_manager.domain.errors import BackendFault

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """``join`` starts the work or waits for the work that is running."""

    def __init__(self, name: str) -> None:
        """``name`` is that of the thread."""
        self._name = name
        self._lock = threading.Lock()
        self._flight: Future[T] | None = None

    def join(self, work: Callable[[], T], *, wait: float, overdue: BackendFault) -> T:
        """The result of ``work``, or of the one that is running; raises what it raised.

        Waits ``wait`` seconds at most, then raises ``overdue``; the work goes on.
        """
        with self._lock:
            flight = self._flight
            if flight is None:
                flight = self._flight = Future()
                threading.Thread(target=self._fly, args=(work, flight), name=self._name, daemon=True).start()
        try:
            error = flight.exception(wait)
        except TimeoutError:
            raise overdue from None
        if error is not None:
            # A copy for each thread: a raised exception collects the traceback of whoever raised it.
            raise copy.copy(error)
        return flight.result()

    def _fly(self, work: Callable[[], T], flight: Future[T]) -> None:
        result: T
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 - handed to those who wait
            self._land()
            flight.set_exception(error)
            return
        self._land()
        flight.set_result(result)

    def _land(self) -> None:
        with self._lock:
            self._flight = None
