"""Waiting for something to become true, instead of sleeping and hoping.

Knows nothing of what is waited for.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

__all__ = ["wait_until"]

T = TypeVar("T")

_POLL_SECONDS = 0.02


def wait_until(
    condition: Callable[[], T | None],
    timeout: float = 10.0,
    what: str = "the condition",
    poll: float = _POLL_SECONDS,
) -> T:
    """Ask `condition` every `poll` seconds until it gives something truthy, and return that.

    Raises AssertionError naming `what` after `timeout` seconds; what `condition` raises passes through.
    """
    deadline = time.monotonic() + timeout
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() >= deadline:
            raise AssertionError(f"{what}: not within {timeout:g} s")
        time.sleep(poll)
