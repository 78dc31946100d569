"""Memory of large values goes back to the system."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

# Large blocks with small ones between them, after one that would raise glibc's threshold; the large ones go.
PROGRAM = """
import os, sys
from secrets_manager.daemon.allocator import give_back_large_blocks

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")

if sys.argv[1] == "set":
    give_back_large_blocks()
block = bytearray(30_000_000)
del block
before = resident()
large, small = [], []
for _ in range(100):
    large.append(bytearray(b"x" * 500_000))
    small.append(bytearray(b"x" * 2_000))
large.clear()
print(resident() - before)
"""


def left_behind(how: str) -> int:
    """Bytes that stay with a process after large blocks were freed."""
    done = subprocess.run([sys.executable, "-c", PROGRAM, how], capture_output=True, check=True, text=True)
    return int(done.stdout)


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="the C library has no mallopt")
def test_large_blocks_that_are_freed_leave_nothing_behind() -> None:
    assert left_behind("set") < 5_000_000 < left_behind("leave")
