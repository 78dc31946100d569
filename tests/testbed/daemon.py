"""The daemon as a user runs it: a process of its own, with flags and environment, on the test servers."""

from __future__ import annotations

import http.client
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

from tests.testbed.growing_file import GrowingFile
from tests.testbed.processes import free_port
from tests.testbed.waiting import wait_until

# What Kubernetes gives a pod.
_STOP_SECONDS = 30.0
# How long a probe may take before it counts as unanswered, on a machine with other work.
_ANSWER_SECONDS = 20.0


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
        """Start it; its output goes to the descriptor `output` if that is given."""
        self.port = free_port()
        self.log_file = folder / f"daemon-{self.port}.log"
        self._log = GrowingFile(self.log_file, _log_line)
        # A launcher may be a process of its own, which passes signals on.
        self._own_process = not launcher
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
        """SIGTERM, once the daemon handles it; returns the exit code."""
        if self._own_process:
            wait_until(self._catches_sigterm, _STOP_SECONDS, "the daemon catches SIGTERM")
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(_STOP_SECONDS)

    def _catches_sigterm(self) -> bool:
        """Whether SIGTERM ends it in its own way, as it does once Python and its libraries are loaded."""
        if self.process.poll() is not None:
            return True
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii", errors="replace")
        caught = int(status.partition("SigCgt:")[2].split()[0], 16)
        return bool(caught >> (signal.SIGTERM - 1) & 1)

    def kill(self) -> None:
        """SIGKILL, if it still runs."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(_STOP_SECONDS)

    def wait(self, timeout: float = _STOP_SECONDS) -> int:
        """Wait for it to end by itself; returns the exit code."""
        return self.process.wait(timeout)

    def fetch(self, path: str) -> tuple[int, str]:
        """Status and body of an endpoint; status 0 while nothing listens."""
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{self.port}{path}", timeout=_ANSWER_SECONDS
            ) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except (OSError, http.client.HTTPException):
            return 0, ""

    def wait_ready(self, timeout: float = 120.0) -> None:
        """Until /readyz says ok."""
        wait_until(lambda: self.fetch("/readyz")[0] == 200, timeout=timeout, what="the daemon to be ready")

    def metrics(self) -> str:
        """The page of its metrics, asked for until it comes whole, so that a search does not miss it."""
        return wait_until(
            lambda: next((text for status, text in [self.fetch("/metrics")] if status == 200), ""),
            _STOP_SECONDS,
            "the page of metrics",
        )

    def metric(self, name: str, /, **labels: str) -> float | None:
        """The value of one series, found by some of its labels; None when there is none."""
        for line in self.fetch("/metrics")[1].splitlines():
            series, _, value = line.rpartition(" ")
            if series.partition("{")[0] == name and all(f'{k}="{v}"' in series for k, v in labels.items()):
                return float(value)
        return None

    def output(self) -> str:
        """Its output so far, logs included."""
        return self.log_file.read_text(encoding="utf-8", errors="replace")

    def log_lines(self) -> list[dict[str, Any]]:
        """The JSON lines of the log."""
        return self._log.rows()

    def logged(self, message: str, **fields: object) -> list[dict[str, Any]]:
        """The log lines with this message and these fields."""
        return [
            line
            for line in self.log_lines()
            if line["msg"] == message and all(line.get(key) == value for key, value in fields.items())
        ]


def _log_line(line: bytes) -> dict[str, Any] | None:
    return json.loads(line.decode(errors="replace")) if line.startswith(b"{") else None


def base_environment() -> dict[str, str]:
    """The part of our environment that a process needs: nothing that could configure the daemon."""
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
        timeout=120,
        check=False,
    )
