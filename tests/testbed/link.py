"""A TCP connection between two servers that can be held up: bytes wait in it until it is let go.

Knows nothing of what passes.
"""

from __future__ import annotations

import contextlib
import select
import socket
import socketserver
import threading

from tests.testbed.processes import free_port

__all__ = ["Link"]

# How soon a connection notices that it is held up or that the link ended, in seconds.
_NOTICED = 0.05


class Link:
    """Listens at a loopback address, and passes all bytes on to `port` and back."""

    def __init__(self, port: int) -> None:
        own = free_port()
        self.address = f"127.0.0.1:{own}"
        self.port = port
        self.flows = threading.Event()
        self.closed = False
        self.flows.set()
        self._listener = _Listener(("127.0.0.1", own), self)
        threading.Thread(target=self._listener.serve_forever, args=(0.02,), name="link", daemon=True).start()

    def hold(self) -> None:
        """Pass nothing on until `let_go`; connections stay open, and new ones are accepted."""
        self.flows.clear()

    def let_go(self) -> None:
        """Pass on what waits and all that follows."""
        self.flows.set()

    def close(self) -> None:
        """End it with all its connections: what waits is dropped."""
        self.closed = True
        self.flows.set()
        self._listener.shutdown()
        self._listener.server_close()


class _Listener(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], link: Link) -> None:
        self.link = link
        super().__init__(address, socketserver.BaseRequestHandler)

    def finish_request(self, request: socket.socket, client_address: object) -> None:  # type: ignore[override]
        """Serve one connection. Where nobody listens yet, or either side goes away, it ends."""
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.link.port)) as far:
            while not self.link.closed and self._pass_on(request, far):
                pass

    def _pass_on(self, near: socket.socket, far: socket.socket) -> bool:
        """Pass on what there is by now; returns False when one side has ended."""
        self.link.flows.wait()
        ready, _, _ = select.select([near, far], [], [], _NOTICED)
        # Held up meanwhile: what came stays where it is.
        for source in ready if self.link.flows.is_set() else ():
            data = source.recv(65536)
            if not data:
                return False
            (far if source is near else near).sendall(data)
        return True
