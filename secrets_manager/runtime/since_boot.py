"""Seconds since the machine was started, including the time that it was suspended.

Python's monotonic clock stands still on Linux while a machine is suspended, or while a virtual machine is
frozen and knows it. A period that must be over after such a sleep, above all a lead, is measured by this
clock.
"""

from __future__ import annotations

import time
from collections.abc import Callable


def clock_of(clock_id: int | None) -> Callable[[], float]:
    """The clock of that number, or the monotonic clock where the system does not have it."""
    if clock_id is None:
        return time.monotonic
    try:
        time.clock_gettime(clock_id)
    except OSError:
        # A kernel or a sandbox may know the name and not have the clock.
        return time.monotonic
    return lambda: time.clock_gettime(clock_id)


since_boot = clock_of(getattr(time, "CLOCK_BOOTTIME", None))
