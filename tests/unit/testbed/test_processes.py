"""No server outlives its test, nor the run of the tests."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.testbed.processes import ServerProcess

SLEEP = "import time; print('up', flush=True); time.sleep(60)"


def a_sleeper(folder: Path, before: str = "") -> ServerProcess:
    process = ServerProcess("sleeper", [sys.executable, "-c", before + SLEEP], log=folder / "sleeper.log")
    process.start(lambda: "up" in process.tail(), timeout=30)
    return process


@pytest.mark.parametrize("state", ["frozen", "deaf"])
def test_a_stopped_process_has_ended_even_if_it_is_frozen_or_deaf_to_terminate(
    state: str, tmp_path: Path
) -> None:
    deaf = "import signal; signal.signal(15, signal.SIG_IGN); "
    process = a_sleeper(tmp_path, before=deaf if state == "deaf" else "")
    assert process.running
    if state == "frozen":
        process.pause()

    process.stop(**{"timeout": 0.1} if state == "deaf" else {})

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
        child = os.pidfd_open(int(running.stdout.readline()))
        assert select.select([child], [], [], 0)[0] == []

        running.send_signal(signal.SIGKILL)

        assert select.select([child], [], [], 30)[0] == [child]
        os.close(child)
