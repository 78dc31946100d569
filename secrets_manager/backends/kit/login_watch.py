"""Watches logins, since no deadline of a call reaches what a login does besides its calls.

A login has a thread of its own that nobody waits for in the end, and reads files: on a file system that does
not answer it would hang unseen. This module must not know how a login is made.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from secrets_manager.backends.base import Clock
from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.runtime.terms import Deadline

WatchLogin = Callable[[], AbstractContextManager[object]]

_LEAST_SECONDS = 25.0
# No login makes more calls one after the other.
_MOST_CALLS = 4


def watch_login(watchdog: Watchdog, call_seconds: float, clock: Clock) -> WatchLogin:
    """Blocks that ``watchdog`` reports as overdue if they last longer than a login can.

    ``call_seconds`` is the longest time of one call.
    """
    longest = max(_LEAST_SECONDS, _MOST_CALLS * call_seconds)
    return lambda: watchdog.guard(Deadline.within(longest, clock))
