"""How long the first try of a call may take: said where it is known, and kept where the call is made.

Between the two lie layers that have nothing to do with it. A call's own deadline stays what it is, with its
waits for a turn and its logins; a hurry counts each exchange with the server alone.
"""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(slots=True)
class Hurry:
    """``seconds`` that one exchange may take; ``took`` is what the last one that was answered did take."""

    seconds: float = math.inf
    took: float | None = None


@contextlib.contextmanager
def hurried(seconds: float) -> Iterator[Hurry]:
    """Have the exchanges that this thread makes in the block end within ``seconds``."""
    before = current_hurry()
    _current.hurry = hurry = Hurry(seconds)
    try:
        yield hurry
    finally:
        _current.hurry = before


def current_hurry() -> Hurry | None:
    """The hurry that this thread is in, if it is."""
    return getattr(_current, "hurry", None)


_current = threading.local()
