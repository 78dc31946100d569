"""What the daemon remembers for people alone: when each source was read, and how many Secrets were written.

It is kept only while there is a status page. Safe from many threads.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from secrets_manager.backends.base import Source
from secrets_manager.domain.outcome import Outcome
from secrets_manager.domain.plan import Operation
from secrets_manager.overview.model import ChangesLine
from secrets_manager.sync.source_ledger import SourceLedger

SPAN_SECONDS = 60.0
SPANS = 60
_WRITES = frozenset({Operation.CREATED, Operation.REPLACED, Operation.DELETED})
# Sources that nobody uses any more are forgotten when there are so many more than those in use.
_MOST_UNUSED = 1000


class Journal:
    """``clock`` gives monotonic seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._ledger: SourceLedger | None = None
        self._read_at: dict[Source, float] = {}
        self._spans: deque[int] = deque([0] * SPANS, maxlen=SPANS)
        self._last_span = self._span()

    def follow(self, ledger: SourceLedger) -> None:
        """Remember no more than the sources of this ledger, and a few."""
        self._ledger = ledger

    def read(self, source: Source) -> None:
        """A source was read just now, or is known to be as it was read."""
        with self._lock:
            self._read_at[source] = self._clock()
            self._tidy()

    def read_at(self, source: Source) -> float | None:
        """When that was, by the clock; None if it was not."""
        return self._read_at.get(source)

    def outcome(self, outcome: Outcome) -> None:
        """Something was reconciled."""
        if outcome.operation in _WRITES:
            with self._lock:
                self._pass_time()
                self._spans[-1] += 1

    def changes(self) -> ChangesLine:
        """How many Secrets were written in each of the last minutes, of which the last is not over."""
        with self._lock:
            self._pass_time()
            return ChangesLine(span=SPAN_SECONDS, counts=tuple(self._spans))

    def _pass_time(self) -> None:
        now = self._span()
        self._spans.extend([0] * min(SPANS, now - self._last_span))
        self._last_span = now

    def _span(self) -> int:
        return int(self._clock() // SPAN_SECONDS)

    def _tidy(self) -> None:
        if self._ledger is None or len(self._read_at) <= 2 * len(self._ledger) + _MOST_UNUSED:
            return
        for source in [each for each in self._read_at if not self._ledger.count_users(each)]:
            del self._read_at[source]
