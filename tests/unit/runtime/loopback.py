"""A small scripted server on loopback: a test decides, byte for byte, what each connection does.

For replies that no real server gives. Knows nothing of what is asked.
"""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from email.parser import BytesParser
from typing import Any, Self

from tests.testbed.pki import KeyPair
from tests.testbed.processes import free_port


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it arrived; header names in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class Connection:
    """One accepted connection, and what the test's script can do with it."""

    sock: socket.socket
    over: threading.Event
    number: int
    seen: list[Received]
    _buffer: bytes = field(default=b"")

    def receive(self) -> Received | None:
        """The next request, or None when the client has gone."""
        while b"\r\n\r\n" not in self._buffer:
            if not self._more():
                return None
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        first, _, lines = head.partition(b"\r\n")
        headers = {
            name.lower(): value for name, value in BytesParser().parsebytes(lines + b"\r\n\r\n").items()
        }
        length = int(headers.get("content-length", "0"))
        while len(self._buffer) < length and self._more():
            pass
        body, self._buffer = self._buffer[:length], self._buffer[length:]
        method, target, _ = first.decode("ascii").split(" ")
        received = Received(method, target, headers, body)
        self.seen.append(received)
        return received

    def send(self, content: bytes) -> None:
        """Send bytes as they are."""
        self.sock.sendall(content)

    def reply(self, status: int, body: bytes = b"", **headers: str) -> None:
        """Send a whole reply; `_` in the name of a header stands for `-`."""
        lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.send("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    def reply_json(self, status: int, content: Any, **headers: str) -> None:
        """Send a whole reply in JSON."""
        self.reply(status, json.dumps(content).encode(), Content_Type="application/json", **headers)

    def drip(self, content: bytes) -> None:
        """Send `content` again and again, a little at a time, until the client goes or the test ends."""
        while not self.over.wait(0.02):
            self.send(content)

    def hang(self) -> None:
        """Say nothing more until the test ends."""
        self.over.wait(30)

    def _more(self) -> bool:
        chunk = self.sock.recv(65536)
        self._buffer += chunk
        return bool(chunk)


Script = Callable[[Connection], None]


class Loopback:
    """Runs a script for each connection; a context manager."""

    def __init__(self, script: Script, *, tls: KeyPair | None = None) -> None:
        self._script = script
        self._over = threading.Event()
        self._tls = _context(tls) if tls else None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._socks: list[socket.socket] = []
        self._serving: list[threading.Thread] = []
        self.seen: list[Received] = []
        self.connections = 0
        self.port: int = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)
        # A client that keeps its connection would keep the thread that serves it.
        for sock in self._socks:
            with contextlib.suppress(OSError):
                # Not SSLSocket's own: that takes the TLS from under the thread that reads.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
        for serving in self._serving:
            serving.join(5)

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._socks.append(sock)
            serving = threading.Thread(target=self._serve, args=(sock, self.connections), daemon=True)
            self._serving.append(serving)
            serving.start()

    def _serve(self, sock: socket.socket, number: int) -> None:
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            stack.callback(sock.close)
            if self._tls is not None:
                # A handshake that fails leaves a socket to close.
                wrapped = self._tls.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
                self._socks.append(wrapped)
                sock = stack.enter_context(wrapped)
                wrapped.do_handshake()
            self._script(Connection(sock, self._over, number, self.seen))


def each_request(answer: Callable[[Connection, Received], None]) -> Script:
    """A script that answers every request of a kept-alive connection with `answer`."""

    def script(connection: Connection) -> None:
        while (received := connection.receive()) is not None:
            answer(connection, received)

    return script


def refused_port() -> int:
    """A port that nobody listens on, and that the kernel gives to nobody meanwhile."""
    return free_port()


@contextlib.contextmanager
def silent_listener() -> Iterator[int]:
    """A port that accepts connections and never speaks, not even TLS."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def _context(pair: KeyPair) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    return context
