"""One per backend: when every call to it would fail, stop calling, and find out early that it is back.

Trouble of a part of the backend is handled elsewhere (see `fault_domains`). After five faults in a row of
what every call needs (a connection, a login, no seal) the breaker opens: no call is made except one probe at
a time, once a second in the first minute and every five seconds after. The first answer closes it. A reply
about a single path (missing, forbidden) is an answer too. A call that failed while another was answered says
nothing about the backend as a whole.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable

from secrets_manager.domain.errors import BackendFault

FAULTS_TO_OPEN = 5
_FIRST_SECONDS = 60.0
_FIRST_PAUSE = 1.0
_LATER_PAUSE = 5.0
_LONGEST_ASKED = 30.0


class CircuitBreaker:
    """Admits or refuses calls; safe from many threads. ``clock`` gives seconds, ``random`` 0 to 1.

    ``on_close`` is called, on the thread of the call that was answered, when the breaker closes.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        random: Callable[[], float],
        on_close: Callable[[], None] = lambda: None,
    ) -> None:
        self._clock = clock
        self._random = random
        self._on_close = on_close
        self._lock = threading.Lock()
        self._faults = 0
        self._answers = 0
        self._opened_at: float | None = None
        self._probe_at = 0.0
        self._probing = False
        self._fault: BackendFault | None = None

    def admit(self) -> int:
        """Return if the call may be made; otherwise raise the fault that opened the breaker.

        The return value is the number of answers so far; pass it to `failed`.
        """
        with self._lock:
            if self._opened_at is None:
                return self._answers
            if self._probing or self._clock() < self._probe_at:
                assert self._fault is not None  # noqa: S101 - set whenever the breaker opens
                # Drop the traceback: every re-raise would otherwise add frames to it.
                raise self._fault.bare()
            self._probing = True
            return self._answers

    def succeeded(self) -> None:
        """The backend answered."""
        with self._lock:
            self._faults = 0
            self._answers += 1
            self._probing = False
            was_open = self._opened_at is not None
            self._opened_at = None
        if was_open:
            self._on_close()

    def failed(self, fault: BackendFault, answers: int | None = None) -> None:
        """The backend could not serve; ``answers`` is what `admit` returned when the call began."""
        with self._lock:
            if self._opened_at is None and answers is not None and answers != self._answers:
                return
            self._faults += 1
            self._fault = fault
            self._probing = False
            now = self._clock()
            if self._opened_at is None and self._faults >= FAULTS_TO_OPEN:
                self._opened_at = now
            self._plan_probe(now)

    def left(self) -> None:
        """A call was left before its end: if it was the probe, there is another after the usual pause."""
        with self._lock:
            self._probing = False
            self._plan_probe(self._clock())

    def open_for(self) -> float | None:
        """Seconds since the breaker opened, or None while it is closed."""
        with self._lock:
            return None if self._opened_at is None else self._clock() - self._opened_at

    def last_fault(self) -> BackendFault | None:
        """The fault that it refuses calls with, None while it is closed."""
        with self._lock:
            return copy.copy(self._fault) if self._opened_at is not None else None

    def wants_probe(self) -> bool:
        """Whether it is open and the next probe is due."""
        with self._lock:
            return self._opened_at is not None and not self._probing and self._clock() >= self._probe_at

    def _plan_probe(self, now: float) -> None:
        if self._opened_at is not None:
            self._probe_at = now + probe_pause(now - self._opened_at, self._fault, self._random())


def probe_pause(open_for: float, fault: BackendFault | None, random: float) -> float:
    """Seconds to the next probe of something that has been down for so long; ``random`` is in 0 to 1.

    The pause that the last ``fault`` asked for is kept up to half a minute.
    """
    pause = _FIRST_PAUSE if open_for < _FIRST_SECONDS else _LATER_PAUSE
    asked = min((fault.retry_after if fault else None) or 0.0, _LONGEST_ASKED)
    return max(pause * (0.9 + 0.2 * random), asked)
