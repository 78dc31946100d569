"""A gate in front of a server: it can be closed, as if the server were gone, or held, as if the server hung,
and opened again.

The traffic goes through `bench.relay`, a process of its own, so that the benchmark's own threads do not delay
it.
"""

from __future__ import annotations

import subprocess
import sys
from typing import Self

from bench.attempts import AttemptCounter
from tests.testbed.daemon import base_environment
from tests.testbed.processes import free_port


class Gate:
    """Open from the start of a with block on; `url` is the way through it to the server at `upstream`."""

    def __init__(self, upstream: str) -> None:
        scheme, _, address = upstream.partition("://")
        self._port = free_port()
        self.url = f"{scheme}://127.0.0.1:{self._port}"
        self._relay = subprocess.Popen(
            [sys.executable, "-m", "bench.relay", str(self._port), address],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=base_environment(),
        )

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self._relay.communicate(timeout=10)  # the end of its input ends it

    def close(self) -> None:
        """End all connections and refuse new ones, from the return of this on."""
        self._command("close")

    def hold(self) -> None:
        """Accept connections and answer nothing, from the return of this on."""
        self._command("hold")

    def open(self) -> None:
        """Let everything through again, from the return of this on."""
        self._command("open")

    def attempts(self) -> AttemptCounter | None:
        """A count of attempts to connect from now on; None where this process may not count them."""
        try:
            return AttemptCounter(self._port)
        except PermissionError:
            return None

    def _command(self, word: str) -> None:
        assert self._relay.stdin is not None
        assert self._relay.stdout is not None
        self._relay.stdin.write(f"{word}\n")
        self._relay.stdin.flush()
        answer = self._relay.stdout.readline()
        assert answer == "done\n", f"the relay ended: {answer!r}"
