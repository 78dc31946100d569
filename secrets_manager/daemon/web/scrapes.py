"""The metrics as bytes, written once for all clients that ask meanwhile.

Writing very many series takes a second and tens of megabytes. If they were written for each client, a handful
of clients could keep the process busy, hold all places of the server past their time and use up its memory.
This module must not know what is measured or how a client asks.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from secrets_manager.daemon.web import exposition
from secrets_manager.daemon.web.exposition import Form

# Metrics that took no longer are written for each client, so that none gets older figures without need.
_QUICK_SECONDS = 0.1
# Otherwise they are kept so many times as long as the writing took: a form costs a fifth of a core at most.
_REUSED_FOR = 4.0

Write = Callable[[CollectorRegistry], bytes]


@dataclass(slots=True)
class _Written:
    body: bytes
    until: float
    compressed: bytes = b""


class Scrapes:
    """Safe from many threads; one writes at a time."""

    def __init__(self, registry: CollectorRegistry, clock: Callable[[], float] = time.monotonic) -> None:
        self._registry = registry
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[Write, _Written] = {}

    def body(self, form: Form, *, compressed: bool, timeout: float | None) -> bytes | None:
        """The metrics in that form; None if others are still served after ``timeout`` seconds."""
        if not self._lock.acquire(timeout=-1 if timeout is None else max(0.0, timeout)):
            return None
        try:
            written = self._written(form.write)
            if not compressed:
                return written.body
            written.compressed = written.compressed or exposition.compress(written.body)
            return written.compressed
        finally:
            self._lock.release()

    def _written(self, write: Write) -> _Written:
        began = self._clock()
        self._kept = {key: kept for key, kept in self._kept.items() if began < kept.until}
        if (kept := self._kept.get(write)) is not None:
            return kept
        body = write(self._registry)
        ended = self._clock()
        took = ended - began
        made = _Written(body, ended + _REUSED_FOR * took)
        if took > _QUICK_SECONDS:
            self._kept[write] = made
        return made
