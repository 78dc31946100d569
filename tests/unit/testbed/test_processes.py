from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.testbed.processes import ServerProcess, StartError, free_port
from tests.testbed.waiting import wait_until

SLEEPER = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"]


def a_sleeper(folder: Path) -> ServerProcess:
    process = ServerProcess("sleeper", SLEEPER, log=folder / "sleeper.log")
    process.start(lambda: "up" in process.tail(), timeout=30)
    return process


def test_ports_are_handed_out_once() -> None:
    ports = [free_port() for _ in range(50)]

    assert len(set(ports)) == 50


def test_a_stopped_process_has_ended(tmp_path: Path) -> None:
    process = a_sleeper(tmp_path)
    assert process.running

    process.stop()

    assert not process.running


def test_a_frozen_process_can_be_stopped(tmp_path: Path) -> None:
    process = a_sleeper(tmp_path)
    process.pause()

    process.stop()

    assert not process.running


def test_a_process_that_is_deaf_to_terminate_is_killed(tmp_path: Path) -> None:
    deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    process = ServerProcess("deaf", [sys.executable, "-c", deaf], log=tmp_path / "deaf.log")
    process.start(lambda: "up" in process.tail(), timeout=30)

    process.stop(timeout=0.1)

    assert not process.running


def test_one_that_ends_while_starting_is_reported_with_its_last_words(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "raise SystemExit('no such flag')"]
    process = ServerProcess("broken", command, log=tmp_path / "broken.log")

    with pytest.raises(StartError, match="broken ended while starting\nno such flag"):
        process.start(lambda: False, timeout=30)


def test_one_that_is_never_ready_is_killed_and_reported(tmp_path: Path) -> None:
    process = ServerProcess("slow", SLEEPER, log=tmp_path / "slow.log")

    with pytest.raises(StartError, match="slow ready: not within"):
        process.start(lambda: False, timeout=0.1)

    assert not process.running


def test_a_process_dies_with_the_one_that_started_it(tmp_path: Path) -> None:
    parent = f"""
from pathlib import Path
from tests.unit.testbed.test_processes import a_sleeper
print(a_sleeper(Path({str(tmp_path)!r})).pid, flush=True)
import time; time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        child = int(running.stdout.readline())
        assert _exists(child)

        running.send_signal(signal.SIGKILL)

        wait_until(lambda: not _exists(child), what="the child gone")


def _exists(pid: int) -> bool:
    """Whether it is there and not a mere entry that its new parent has yet to collect."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


INTERRUPTED = """
import signal, subprocess, sys
from pathlib import Path
from tests.testbed import processes

# Who runs the tests may have been told to ignore it, as what a shell starts in the background is.
signal.signal(signal.SIGINT, signal.default_int_handler)
real = subprocess.Popen

def interrupted(*args, **options):
    started = real(*args, **options)
    signal.raise_signal(signal.SIGINT)
    return started

processes.subprocess.Popen = interrupted
command = [sys.executable, "-c", "import time; time.sleep(600)"]
sleeper = processes.ServerProcess("sleeper", command, log=Path(sys.argv[1]))
try:
    sleeper.start(lambda: False)
except KeyboardInterrupt:
    sleeper.stop()
    print("stopped", sleeper.pid, sleeper.running)
"""


def test_an_interrupt_while_it_is_started_leaves_nobody_unknown(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, str(tmp_path / "sleeper.log")],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert ended.stdout.startswith("stopped ")
    assert ended.stdout.endswith(" False\n")
