"""Keeps one line from filling the log, however often it is logged: a net under every logger.

Each part of the program tries to report a fault once. But two faults can take turns, and then each of them is
a change each time. So of lines that are the same except for figures a few come through in ten minutes, and
while there are more, one every ten minutes that says how many. Changes of a Secret are always logged.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from secrets_manager.daemon.logs.formats import OWN_ATTRIBUTES
from secrets_manager.runtime.reminder import REMIND_SECONDS
from secrets_manager.sync import notices

FREE_LINES = 5
_MOST_KEYS = 1000
# Lines about changes of Secrets are as many as the changes.
_DONE = frozenset(notices.DONE.values())


@dataclass(slots=True)
class _Window:
    began: float
    passed: int
    held_back: int = 0


class Repeats(logging.Filter):
    """Lets a record through or not; a record that stands for others as well gets ``times``."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """``clock`` gives monotonic seconds."""
        super().__init__()
        self._clock = clock
        self._lock = threading.Lock()
        self._windows: OrderedDict[int, _Window] = OrderedDict()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is to be written."""
        if not logging.INFO <= record.levelno < logging.CRITICAL:
            return True
        if record.name == notices.log.name and record.msg in _DONE:
            return True
        return self._passes(_key(record), record)

    def _passes(self, key: int, record: logging.LogRecord) -> bool:
        now = self._clock()
        with self._lock:
            window = self._windows.get(key)
            if window is None or now - window.began >= REMIND_SECONDS:
                floods = window is not None and window.held_back > 0
                if window is not None and floods:
                    record.times = window.held_back + 1
                self._open(key, _Window(now, passed=FREE_LINES if floods else 1))
                return True
            if window.passed < FREE_LINES:
                window.passed += 1
                return True
            window.held_back += 1
            return False

    def _open(self, key: int, window: _Window) -> None:
        self._windows[key] = window
        self._windows.move_to_end(key)
        if len(self._windows) > _MOST_KEYS:
            self._windows.popitem(last=False)


def _key(record: logging.LogRecord) -> int:
    """The identity of a record: its logger, its level and every word in it, figures left out."""
    words = sorted(
        (key, value)
        for key, value in vars(record).items()
        if key not in OWN_ATTRIBUTES and isinstance(value, str)
    )
    error = record.exc_info[0] if record.exc_info else None
    # A number, so that no text is kept.
    return hash((record.name, record.levelno, str(record.msg), tuple(words), error))
