"""Keeps other processes of the same user from reading this process.

It loads next to nothing, since it comes before all else: until then every process of that user may read the
credentials in the environment, and loading the program takes a second or more. It logs nothing; where this is
not possible it raises OSError or AttributeError.
"""

from __future__ import annotations

import contextlib
import ctypes

_PR_SET_DUMPABLE = 4


def forbid_attaching() -> None:
    """Not dumpable: no core dump, no ptrace, and only root reads our memory or environment."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def try_to_forbid_attaching() -> None:
    """As ``forbid_attaching`` without an error; ``harden`` tries again later and logs why it failed."""
    with contextlib.suppress(OSError, AttributeError):
        forbid_attaching()
