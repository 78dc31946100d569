"""A proxy for CONNECT that brings the names of Azure's hosts to servers on loopback.

Tests use the real host names, certificates and challenges with it, and need no name resolution. A name that
was not registered is refused, so nothing ever leaves the machine.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import socketserver
import threading
from collections.abc import Mapping
from typing import cast

__all__ = ["Gateway"]


class Gateway:
    """Serves from the moment it is made; `routes` is from host name to port on loopback."""

    def __init__(self, routes: Mapping[str, int]) -> None:
        self.routes = dict(routes)
        self.asked: list[str] = []
        self._listener = _Listener(("127.0.0.1", 0), self)
        self.port: int = self._listener.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(
            target=self._listener.serve_forever, args=(0.005,), name="azure-gateway", daemon=True
        ).start()

    def stop(self) -> None:
        """Serve no more."""
        self._listener.shutdown()
        self._listener.server_close()


class _Listener(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], gateway: Gateway) -> None:
        self.gateway = gateway
        super().__init__(address, _Tunnel)

    def handle_error(self, request: object, client_address: object) -> None:
        """Either side that goes away is nothing to report."""


class _Tunnel(socketserver.StreamRequestHandler):
    rbufsize = 0

    def handle(self) -> None:
        """Read the CONNECT, then carry bytes both ways until one side ends."""
        first = self.rfile.readline(4096).decode("ascii", "replace").split(" ")
        while self.rfile.readline(4096).strip():
            pass
        host = first[1].rpartition(":")[0] if len(first) > 1 else ""
        gateway = cast("_Listener", self.server).gateway
        gateway.asked.append(host)
        port = gateway.routes.get(host)
        if first[0] != "CONNECT" or port is None:
            self.wfile.write(b"HTTP/1.1 502 No Route\r\nContent-Length: 0\r\n\r\n")
            return
        with contextlib.closing(socket.create_connection(("127.0.0.1", port))) as upstream:
            for one in (self.connection, upstream):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
            with contextlib.suppress(OSError):
                _carry(self.connection, upstream)


def _carry(one: socket.socket, other: socket.socket) -> None:
    peers = {one: other, other: one}
    with selectors.DefaultSelector() as selector:
        for peer in peers:
            selector.register(peer, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                source = cast("socket.socket", key.fileobj)
                data = source.recv(65536)
                if not data:
                    return
                peers[source].sendall(data)
