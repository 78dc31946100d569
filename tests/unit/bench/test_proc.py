"""CPU and memory as the kernel tells them."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from bench import proc

STATUS = "Name:\tpython (x)\nVmPeak:\t 900000 kB\nVmHWM:\t   81920 kB\nVmRSS:\t   61440 kB\nThreads:\t24\n"


def test_memory_is_what_is_resident_now_and_at_most() -> None:
    assert proc.parse_memory(STATUS) == proc.Memory(resident=60.0, peak=80.0)


def test_the_memory_of_this_process_is_plausible() -> None:
    now = proc.memory(os.getpid())

    assert 5 < now.resident <= now.peak < 10_000


def test_work_shows_in_the_cpu_time() -> None:
    before = proc.cpu_seconds(os.getpid())
    own = time.process_time()
    while time.process_time() - own < 0.1:
        sum(range(1000))

    assert proc.cpu_seconds(os.getpid()) - before >= 0.05


def test_children_are_known_while_they_run() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert child.pid in proc.children(os.getpid())
        child.communicate(b"\n")

    assert child.pid not in proc.children(os.getpid())
    with pytest.raises(OSError, match=str(child.pid)):
        proc.cpu_seconds(child.pid)
