"""Settings of the C library's allocator.

By default glibc raises the size from which a block gets pages of its own to that of the largest block ever
freed. After the first values of half a megabyte such blocks lie among small ones in the heaps of all
threads, and the memory is never given back: a hundred values of 500 KiB left 40 MB behind.
"""

from __future__ import annotations

import contextlib
import ctypes

# From malloc.h.
_TRIM_THRESHOLD = -1
_MMAP_THRESHOLD = -3

_OWN_PAGES_FROM = 128 * 1024
_KEPT_AT_THE_TOP = 4 * 1024 * 1024


def give_back_large_blocks() -> bool:
    """Let blocks from 128 KiB on always have pages of their own; false where the C library cannot."""
    with contextlib.suppress(OSError, AttributeError):
        set_option = ctypes.CDLL(None).mallopt
        # The first call ends the adjustment of both, so the second has to follow.
        return bool(set_option(_MMAP_THRESHOLD, _OWN_PAGES_FROM)) and bool(
            set_option(_TRIM_THRESHOLD, _KEPT_AT_THE_TOP)
        )
    return False
