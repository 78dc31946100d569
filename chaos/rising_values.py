"""The writer: values in OpenBao that only ever rise.

Each path holds two keys with the same number. A Secret that shows a smaller number than before has gone back
in time; one whose two keys differ was written in part.
"""

from __future__ import annotations

import threading
import time

from tests.testbed.openbao import OpenBao


class RisingValues:
    """Raises every path's number every ``pause`` seconds, from `start` to `stop`."""

    def __init__(self, openbao: OpenBao, prefix: str, count: int, pause: float) -> None:
        self._openbao = openbao
        self._prefix = prefix
        self._pause = pause
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rising values", daemon=True)
        self.paths = [f"{prefix}/{number}" for number in range(count)]
        self.level = 0

    def raise_once(self) -> None:
        """Write the next number to every path."""
        level = self.level + 1
        for path in self.paths:
            self.write(path, level)
        self.level = level

    def write(self, path: str, level: int) -> None:
        """Write a number to one path."""
        self._openbao.write_kv2(path, {"one": str(level), "two": str(level)})

    def turn(self) -> None:
        """Raise the numbers; called every ``pause`` seconds."""
        self.raise_once()

    def start(self) -> None:
        """Go on raising in the background."""
        self._thread.start()

    def stop(self) -> int:
        """Stop; returns the last number, which every path holds then."""
        self._stop.set()
        self._thread.join(30)
        return self.level

    def _run(self) -> None:
        while not self._stop.is_set():
            began = time.monotonic()
            self.turn()
            self._stop.wait(max(0.0, self._pause - (time.monotonic() - began)))
