"""A wall clock that a test can set, for one process: libfaketime, loaded before everything else.

The monotonic clock goes on as it is, as it does when the clock of a real machine is set.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

_LIBRARY = Path("vendor/libfaketime/src/libfaketime.so.1")
# How long a process may go by a time it read before, in seconds.
_STALE_SECONDS = "1"


class FakedClock:
    """The clock of the processes that are started with `environ`; set it with `step`."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock"
        self.step(0)

    @property
    def environ(self) -> dict[str, str]:
        """The additions to the environment of a process."""
        return {
            "LD_PRELOAD": str(_library()),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_CACHE_DURATION": _STALE_SECONDS,
        }

    def step(self, seconds: int) -> None:
        """Let the clock be off by so many seconds from now on."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{seconds:+d}\n", encoding="ascii")
        new.replace(self._file)

    def works(self) -> bool:
        """Whether this machine can load the library at all: its package brings it for one kind of machine."""
        self.step(86_400)
        program = [sys.executable, "-c", "import time; print(time.time())"]
        shown = subprocess.run(
            program, capture_output=True, text=True, env={**os.environ, **self.environ}, check=False
        )
        real = subprocess.run(program, capture_output=True, text=True, check=True)
        self.step(0)
        return shown.returncode == 0 and float(shown.stdout) - float(real.stdout) > 80_000


def _library() -> Path:
    found = importlib.util.find_spec("libfaketime")
    assert found is not None, "run scripts/venv"
    assert found.origin is not None
    return Path(found.origin).parent / _LIBRARY
