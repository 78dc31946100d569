"""A daemon on fakes that runs on a thread of the test."""

from __future__ import annotations

import http.client
import signal
import threading
import urllib.error
import urllib.request
from collections.abc import Callable

from secrets_manager.daemon.daemon import Daemon
from tests.testbed.waiting import wait_until
from tests.unit.daemon.daemon_world import World


class Running:
    """A daemon that runs on a thread of the test."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.program = world.program()
        self.logs_alive = True
        self.daemon = Daemon(self.program, lambda: 4, lambda: self.logs_alive)
        self._status_port = self.daemon.status_port
        self.code: int | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        self.code = self.daemon.run()

    def ask(self, path: str) -> tuple[int, str]:
        """Status and body of an endpoint."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.daemon.port}{path}", timeout=20) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def ask_status(self, path: str) -> tuple[int, str]:
        """The same of the status page; raises OSError where there is none."""
        connection = http.client.HTTPConnection("127.0.0.1", self._status_port, timeout=20)
        try:
            connection.request("GET", path)
            reply = connection.getresponse()
            return reply.status, reply.read().decode()
        finally:
            connection.close()

    def ready(self) -> None:
        wait_until(lambda: self.ask("/readyz")[0] == 200, 30, "the daemon to be ready")

    def ended(self) -> int:
        """The exit code, once it has ended."""
        self._thread.join(60)
        assert self.code is not None
        return self.code

    def stop(self) -> int:
        if self._thread.is_alive() and not self.daemon._stop_requested:
            self.daemon.on_signal(signal.SIGTERM, None)
        return self.ended()

    def tidy(self) -> None:
        """Stop, and end what is left to the end of the process."""
        if self.stop() != 0:
            for server in filter(None, (self.daemon._server, self.daemon._status_server)):
                server.stop()
        self.world.end_watches()


Start = Callable[[World], Running]
