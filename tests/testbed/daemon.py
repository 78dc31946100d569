"""The daemon as a user runs it: a process of its own, with flags and environment, on the test servers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from tests.testbed.processes import free_port
from tests.testbed.waiting import wait_until

_STOP_SECONDS = 30.0


class DaemonProcess:
    """One running `secrets-manager`; its log goes to `log_file`. Stopped at the end of a with block."""

    def __init__(
        self,
        folder: Path,
        environ: Mapping[str, str],
        *flags: str,
        launcher: Sequence[str] = (),
        output: int | None = None,
    ) -> None:
        """Start it; what it writes goes to the descriptor `output` if that is given."""
        self.port = free_port()
        self.log_file = folder / f"daemon-{self.port}.log"
        command = [*(launcher or (sys.executable, "-m", "secrets_manager"))]
        with self.log_file.open("wb") as log:
            self.process = subprocess.Popen(
                [*command, f"-metrics-addr=127.0.0.1:{self.port}", *flags],
                stdin=subprocess.DEVNULL,
                stdout=log if output is None else output,
                stderr=log if output is None else output,
                cwd=folder,
                env={**base_environment(), **environ},
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.kill()

    @property
    def pid(self) -> int:
        """The process id."""
        return self.process.pid

    def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(_STOP_SECONDS)

    def kill(self) -> None:
        """SIGKILL, if it still runs."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(_STOP_SECONDS)

    def wait(self, timeout: float = _STOP_SECONDS) -> int:
        """Wait for it to end by itself; returns the exit code."""
        return self.process.wait(timeout)

    def fetch(self, path: str) -> tuple[int, str]:
        """Status and body of an endpoint; status 0 while nobody listens."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def wait_ready(self, timeout: float = 20.0) -> None:
        """Until /readyz says ok."""
        wait_until(lambda: self.fetch("/readyz")[0] == 200, timeout=timeout, what="the daemon to be ready")

    def metric(self, name: str, /, **labels: str) -> float | None:
        """The value of one series, found by some of its labels; None when there is none."""
        for line in self.fetch("/metrics")[1].splitlines():
            series, _, value = line.rpartition(" ")
            if series.partition("{")[0] == name and all(f'{k}="{v}"' in series for k, v in labels.items()):
                return float(value)
        return None

    def output(self) -> str:
        """All that it has written so far, logs included."""
        return self.log_file.read_text(encoding="utf-8", errors="replace")

    def log_lines(self) -> list[dict[str, Any]]:
        """The JSON lines of the log."""
        return [json.loads(line) for line in self.output().splitlines() if line.startswith("{")]

    def logged(self, message: str, **fields: object) -> list[dict[str, Any]]:
        """The log lines with this message and these fields."""
        return [
            line
            for line in self.log_lines()
            if line["msg"] == message and all(line.get(key) == value for key, value in fields.items())
        ]


def base_environment() -> dict[str, str]:
    """What a process needs of ours: nothing that could configure the daemon."""
    kept = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV", "COVERAGE_PROCESS_START", "COVERAGE_RUN")
    root = str(Path(__file__).parents[2])
    return {"PYTHONPATH": root, **{name: os.environ[name] for name in kept if name in os.environ}}


def run_once(environ: Mapping[str, str], *flags: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """`secrets-manager --once` to its end; output captured as text."""
    return subprocess.run(
        [sys.executable, "-m", "secrets_manager", "--once", *flags],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**base_environment(), **environ},
        timeout=60,
        check=False,
    )
