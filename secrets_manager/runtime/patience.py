"""Which calls of a thread can wait for those of others: said where it is known, asked where calls are paced.

Between the two lie layers that have nothing to do with it.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def patient() -> Iterator[None]:
    """Let the calls of this thread that are made in the block give way to others."""
    before = is_patient()
    _current.patient = True
    try:
        yield
    finally:
        _current.patient = before


def is_patient() -> bool:
    """Whether what this thread does now gives way to others."""
    return getattr(_current, "patient", False)


_current = threading.local()
