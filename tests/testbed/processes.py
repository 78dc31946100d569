"""Child processes that cannot outlive the run: started, waited for, stopped, their output kept in a file.

Knows nothing of which server it runs.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from tests.testbed.waiting import wait_until

__all__ = ["ServerProcess", "StartError", "free_port"]

_handed_out: set[int] = set()
# Below the ports that the kernel gives to outgoing connections and to servers that name none: a server is
# started a moment after its port was chosen, and other test runs open thousands of connections meanwhile.
_LEAST_PORT = 10_000
_KERNELS_PORTS = Path("/proc/sys/net/ipv4/ip_local_port_range")


def free_port() -> int:
    """A loopback TCP port that nothing uses, that the kernel gives to no process, and that is new here."""
    kernels = int(_KERNELS_PORTS.read_text().split()[0])
    while True:
        # 0 lets the kernel choose, where it leaves too few to choose from.
        ours = kernels - _LEAST_PORT
        wanted = _LEAST_PORT + secrets.randbelow(ours) if ours >= 1000 else 0
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", wanted))
            port: int = probe.getsockname()[1]
            if port not in _handed_out:
                _handed_out.add(port)
                return port


class StartError(Exception):
    """A server ended, or was not ready in time; the message ends with the last lines of its output."""


class ServerProcess:
    """One server: the same command each time it is started, so that a restart keeps its port and data.

    The kernel kills it when the thread that started it ends: start servers from the main thread.
    """

    def __init__(
        self, name: str, command: Sequence[str], *, log: Path, env: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self.log = log
        self._command = [*_die_with_parent(), *command]
        self._env = {**os.environ, **env} if env is not None else None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The process id of the running server."""
        if self._process is None:
            raise StartError(f"{self.name} was not started")
        return self._process.pid

    def start(self, ready: Callable[[], bool], timeout: float = 60.0) -> None:
        """Start it and return once `ready()` is true; raise StartError if it ends first or takes too long."""
        self.launch()
        self.await_ready(ready, timeout)

    def launch(self) -> None:
        """Start it and return at once."""
        if self.running:
            raise StartError(f"{self.name} is running already")
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output, _undisturbed():
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self._env,
                start_new_session=True,  # Ctrl-C is for the person's program, which stops its servers itself
            )

    def await_ready(self, ready: Callable[[], bool], timeout: float = 60.0) -> None:
        """Return once `ready()` is true; raise StartError if it ends first or takes too long."""
        try:
            wait_until(lambda: self._alive() and ready(), timeout, f"{self.name} ready")
        except AssertionError as late:
            self.kill()
            raise StartError(f"{late}\n{self.tail()}") from None

    def stop(self, timeout: float = 10.0) -> None:
        """Ask it to end, and kill it after `timeout` seconds; fine when it has ended already."""
        if self._process is None:
            return
        self.resume()
        if self.running:
            self._process.terminate()
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def pause(self) -> None:
        """Freeze it: it keeps its connections and answers nothing from when this returns."""
        self._signal(signal.SIGSTOP)
        if self._process is not None and self.running:
            # On a busy machine some of its threads run on for a while after the signal.
            os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def resume(self) -> None:
        """Let a frozen one go on."""
        self._signal(signal.SIGCONT)

    def tail(self, lines: int = 25) -> str:
        """The last lines of its output."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def _alive(self) -> bool:
        if not self.running:
            raise StartError(f"{self.name} ended while starting\n{self.tail()}")
        return True

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self.running:
            self._process.send_signal(number)


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Hold a signal until the process of the block is known: otherwise nothing would stop that process."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    waiting: list[int] = []
    before = {
        number: signal.signal(number, lambda caught, _: waiting.append(caught))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for caught in waiting:
            signal.raise_signal(caught)


def _die_with_parent() -> list[str]:
    """The prefix that makes the kernel kill the command when we die, even by SIGKILL."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []
