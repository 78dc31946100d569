"""Waiting for something to become true, instead of sleeping and hoping.

Knows nothing of the condition.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

__all__ = ["wait_until"]

T = TypeVar("T")

# A busy machine does late what an idle one does at once; only a test that fails waits for so long.
_PATIENCE = 30.0
_POLL_SECONDS = 0.02


def wait_until(
    condition: Callable[[], T | None],
    timeout: float = _PATIENCE,
    what: str = "the condition",
    poll: float = _POLL_SECONDS,
) -> T:
    """Ask `condition` every `poll` seconds until it gives something truthy, and return that.

    Raises AssertionError naming `what` after `timeout` seconds; exceptions of `condition` pass through.
    """
    deadline = time.monotonic() + timeout
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() >= deadline:
            raise AssertionError(f"{what}: not within {timeout:g} s")
        time.sleep(poll)
