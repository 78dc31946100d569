"""A program of its own: passes bytes between a port and a server, and can close the port and open it again.

A closed port refuses, as that of a server which is not there; one that holds takes connections and bytes and
never answers, as that of a server which hangs. It takes commands, a line each, from its input: `close`,
`hold`, `open`, and for each answers `done`. It understands nothing of what it passes on, so it costs little.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import sys
from typing import TextIO

_CHUNK = 1 << 16


class Relay:
    """One port in front of one server, closed at first; each connection has one to the server."""

    def __init__(self, port: int, upstream: tuple[str, int], commands: TextIO) -> None:
        self._port = port
        self._upstream = upstream
        self._selector = selectors.DefaultSelector()
        self._commands = commands
        self._selector.register(commands, selectors.EVENT_READ)
        self._listener: socket.socket | None = None
        self._peers: dict[socket.socket, socket.socket] = {}
        self._held: list[socket.socket] | None = None

    def serve(self) -> None:
        """Until the input ends."""
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._commands:
                    if not self._obey(self._commands.readline()):
                        return
                elif key.fileobj is self._listener:
                    self._accept()
                elif isinstance(key.fileobj, socket.socket):
                    self._pass(key.fileobj)

    def open(self) -> None:
        """Listen, unless it does; what was held is ended."""
        if self._held is not None:
            self.close()
        if self._listener is not None:
            return
        self._listener = socket.create_server(("127.0.0.1", self._port), backlog=128)
        self._selector.register(self._listener, selectors.EVENT_READ)

    def close(self) -> None:
        """Refuse, and end every connection."""
        if self._listener is not None:
            self._selector.unregister(self._listener)
            self._listener.close()
            self._listener = None
        for side in list(self._peers):
            self._end(side)
        for client in self._held or ():
            client.close()
        self._held = None

    def hold(self) -> None:
        """Let nothing more through, but keep every connection, and take new ones."""
        self._held = []
        for side in self._peers:
            self._selector.unregister(side)

    def _obey(self, command: str) -> bool:
        """Whether there is more to come."""
        deeds = {"open\n": self.open, "close\n": self.close, "hold\n": self.hold}
        if command not in deeds:
            return False
        deeds[command]()
        print("done", flush=True)
        return True

    def _accept(self) -> None:
        if self._listener is None:
            return
        client, _ = self._listener.accept()
        if self._held is not None:
            self._held.append(client)
            return
        server = socket.create_connection(self._upstream)
        for side, other in ((client, server), (server, client)):
            side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._peers[side] = other
            self._selector.register(side, selectors.EVENT_READ)

    def _pass(self, side: socket.socket) -> None:
        if side not in self._peers or self._held is not None:  # it was ended or held within this round
            return
        data = b""
        with contextlib.suppress(OSError):
            data = side.recv(_CHUNK)
            self._peers[side].sendall(data)
        if not data:
            self._end(side)

    def _end(self, side: socket.socket) -> None:
        other = self._peers.pop(side, None)
        if other is None:
            return
        with contextlib.suppress(KeyError):  # it was held
            self._selector.unregister(side)
        side.close()
        self._end(other)


def main() -> None:
    """`relay PORT HOST:PORT`."""
    host, _, port = sys.argv[2].partition(":")
    Relay(int(sys.argv[1]), (host, int(port)), sys.stdin).serve()


if __name__ == "__main__":
    main()
