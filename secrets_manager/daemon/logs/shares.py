"""Limits the log lines of one namespace, so that its flood drops no line of another.

Each namespace has a rate of warnings and errors, and a burst; lines about finished work are written beyond
that as long as the queue of lines has room. Lines that are left out are counted, and the count is reported
once a minute. The caller gives the time, in seconds of any clock that does not go back.
"""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict

from secrets_manager.runtime.token_bucket import TokenBucket

LINES_PER_SECOND = 20.0
LINES_AT_ONCE = 2000
REPORT_SECONDS = 60.0
# The shares of so many namespaces are kept; a namespace that is forgotten begins with a full share again.
REMEMBERED = 1000


class LogShares:
    """Decides which lines of a namespace are written. Safe from many threads."""

    def __init__(self, now: float) -> None:
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()
        self._left_out: Counter[str] = Counter()
        self._reported_at = now

    def admit(self, namespace: str, now: float, *, has_room: bool) -> bool:
        """Whether a line of this namespace is written; ``has_room`` admits it beyond the share, too."""
        with self._lock:
            if self._bucket(namespace, now).try_take(now) or has_room:
                return True
            if namespace in self._left_out or len(self._left_out) < REMEMBERED:
                self._left_out[namespace] += 1
            return False

    def left_out(self, now: float, *, last: bool = False) -> list[tuple[str, int]]:
        """Lines left out by namespace since the last report: once a minute, or now for the ``last`` one."""
        with self._lock:
            if not self._left_out or (not last and now - self._reported_at < REPORT_SECONDS):
                return []
            self._reported_at = now
            counts, self._left_out = self._left_out.most_common(), Counter()
            return counts

    def _bucket(self, namespace: str, now: float) -> TokenBucket:
        bucket = self._buckets.get(namespace)
        if bucket is None:
            bucket = TokenBucket(rate=LINES_PER_SECOND, burst=LINES_AT_ONCE, now=now)
            self._buckets[namespace] = bucket
        self._buckets.move_to_end(namespace)
        if len(self._buckets) > REMEMBERED:
            self._buckets.popitem(last=False)
        return bucket
