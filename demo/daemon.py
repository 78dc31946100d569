"""The daemon as a process of its own, and its log.

Knows how it is started, watched and stopped, not what it works on.
"""

from __future__ import annotations

import sys
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from tests.testbed.processes import ServerProcess, free_port

_START_SECONDS = 60.0
FLAGS = ("-config=settings.toml",)


class Daemon:
    """Started when a with block is entered, ready from then on, stopped in good order at its end."""

    def __init__(self, log: Path, environ: Mapping[str, str]) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "secrets_manager", *FLAGS, f"-metrics-addr=127.0.0.1:{port}"]
        self._process = ServerProcess("secrets-manager", command, log=log, env=environ)
        self._told = 0

    def __enter__(self) -> Self:
        self._process.start(self._ready, _START_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stop()

    @property
    def running(self) -> bool:
        """Whether it still runs."""
        return self._process.running

    def last_words(self) -> str:
        """The end of its log."""
        return self._process.tail()

    def new_lines(self) -> list[str]:
        """The whole lines of its log since the last call."""
        fresh = self._process.log.read_bytes()[self._told :]
        whole = fresh[: fresh.rfind(b"\n") + 1]
        self._told += len(whole)
        return whole.decode(errors="replace").splitlines()

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=5) as reply:  # noqa: S310 - our own
                return bool(reply.status == 200)
        except OSError:
            return False
