"""A TCP connection between two servers that can be held up: bytes wait in it until it is let go.

Knows nothing of what passes.
"""

from __future__ import annotations

import contextlib
import socket
import threading

from tests.testbed.processes import free_port

__all__ = ["Link"]


class Link:
    """Listens on a loopback port, and passes all bytes on to `port` and back."""

    def __init__(self, port: int) -> None:
        self.address = f"127.0.0.1:{free_port()}"
        self._port = port
        self._flows = threading.Event()
        self._flows.set()
        self._closed = False
        host, _, own = self.address.partition(":")
        self._listener = socket.create_server((host, int(own)))
        threading.Thread(target=self._accept, name="link", daemon=True).start()

    def hold(self) -> None:
        """Pass nothing on until `let_go`; connections stay open, and new ones are accepted."""
        self._flows.clear()

    def let_go(self) -> None:
        """Pass on what waits and all that follows."""
        self._flows.set()

    def close(self) -> None:
        """End it: what waits is dropped."""
        self._closed = True
        self._listener.close()
        self._flows.set()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._port), timeout=10)
            except OSError:
                if self._closed:
                    return
                continue
            far.settimeout(None)
            for source, target in ((near, far), (far, near)):
                threading.Thread(target=self._pass_on, args=(source, target), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self._flows.wait()
                if self._closed:
                    break
                target.sendall(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
