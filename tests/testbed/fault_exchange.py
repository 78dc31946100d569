"""One request on its way through the fault proxy: the client's side, the upstream's side, and moving bytes.

Knows HTTP/1.1 framing; knows nothing of rules, Kubernetes or Vault.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import select
import socket
import ssl
import struct
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import urlsplit

__all__ = ["Connections", "Cut", "Exchange", "RecordedRequest", "Upstream", "reset_connection"]

Transform = Callable[[Iterator[bytes]], Iterable[bytes]]

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "upgrade", "te", "host"}
_READ_SIZE = 65536


class Cut(Exception):
    """Raised by a transform: its output so far is sent, and the connection is closed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedRequest:
    """A request as it came in; header names in lower case, their values kept out of the repr."""

    method: str
    target: str
    headers: Mapping[str, str] = field(repr=False)
    at: float = field(default_factory=time.monotonic)

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """The text after the question mark."""
        return self.target.partition("?")[2]

    @property
    def header_names(self) -> frozenset[str]:
        """The names of the headers, in lower case."""
        return frozenset(self.headers)


class Connections:
    """Handles on open sockets, so that a thread can unblock others."""

    def __init__(self) -> None:
        self._handles: set[socket.socket] = set()

    @contextlib.contextmanager
    def held(self, connection: socket.socket) -> Iterator[None]:
        """While this lasts, `end_all` ends the connection."""
        # A duplicate: an SSLSocket must not be touched by two threads, its descriptor may.
        handle = socket.socket(fileno=os.dup(connection.fileno()))
        self._handles.add(handle)
        try:
            yield
        finally:
            self._handles.discard(handle)
            handle.close()

    def end_all(self) -> None:
        """End every connection that is held, in both directions."""
        for handle in tuple(self._handles):
            with contextlib.suppress(OSError):
                handle.shutdown(socket.SHUT_RDWR)


class Upstream:
    """The real server; one fresh connection for each request."""

    def __init__(self, url: str, ca_file: str | None, connections: Connections) -> None:
        parts = urlsplit(url)
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._tls = ssl.create_default_context(cafile=ca_file) if parts.scheme == "https" else None
        self._connections = connections

    @contextlib.contextmanager
    def call(self, request: RecordedRequest, body: bytes) -> Iterator[http.client.HTTPResponse]:
        """Send the request on and give the reply, its body still to be read."""
        connection = self._connect()
        try:
            connection.connect()
            with self._connections.held(connection.sock):
                connection.putrequest(request.method, request.target, skip_accept_encoding=True)
                for name, value in request.headers.items():
                    if name not in _HOP_BY_HOP:
                        connection.putheader(name, value)
                if body or "content-length" in request.headers:
                    connection.putheader("Content-Length", str(len(body)))
                connection.endheaders(body or None)
                with connection.getresponse() as response:
                    yield response
        finally:
            connection.close()

    def _connect(self) -> http.client.HTTPConnection:
        if self._tls is None:
            return http.client.HTTPConnection(self._host, self._port)
        return http.client.HTTPSConnection(self._host, self._port, context=self._tls)


class Exchange:
    """A request with its body, and the ways to answer it."""

    def __init__(
        self, request: RecordedRequest, body: bytes, *, client: socket.socket, upstream: Upstream
    ) -> None:
        self.request = request
        self.body = body
        self.reusable = True  # whether the client's connection may carry a further request
        self._client = client
        self._upstream = upstream

    def upstream_reply(self) -> contextlib.AbstractContextManager[http.client.HTTPResponse]:
        """Let the real server have the request; OSError if the client has given up waiting meanwhile."""
        if _has_gone(self._client):
            raise ConnectionAbortedError("the client has gone")
        return self._upstream.call(self.request, self.body)

    def forward(self, transform: Transform = iter) -> None:
        """Let the real server answer, its body passed through `transform` as it arrives."""
        with self.upstream_reply() as response:
            self.relay(response, transform)

    def relay(self, response: http.client.HTTPResponse, transform: Transform = iter) -> None:
        """Pass a reply on without gathering it first, so that a watch stays a watch."""
        headers = [(name, value) for name, value in response.getheaders() if name.lower() not in _HOP_BY_HOP]
        if self.request.method == "HEAD" or response.status in {204, 304}:
            self.send_head(response.status, headers)
            return
        length = response.getheader("Content-Length")
        if length is not None:
            self.send_head(response.status, [*headers, ("Content-Length", length)])
            self._send_all(transform(_chunks(response)), lambda chunk: chunk, b"")
            return
        self.send_head(response.status, [*headers, ("Transfer-Encoding", "chunked")])
        self._send_all(transform(_chunks(response)), _as_chunk, b"0\r\n\r\n")

    def reply(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Answer ourselves; the real server never sees the request."""
        self.send_head(status, [*headers.items(), ("Content-Length", str(len(body)))])
        if self.request.method != "HEAD":
            self.send(body)

    def stream(self, status: int, headers: Mapping[str, str], body: Iterable[bytes]) -> None:
        """Answer ourselves with a body of unannounced length."""
        self.send_head(status, [*headers.items(), ("Transfer-Encoding", "chunked")])
        self._send_all(body, _as_chunk, b"0\r\n\r\n")

    def send_head(self, status: int, headers: Iterable[tuple[str, str]]) -> None:
        """The status line and the headers."""
        lines = [f"HTTP/1.1 {status} {_phrase(status)}", *(f"{name}: {value}" for name, value in headers)]
        self.send("\r\n".join([*lines, "", ""]).encode("latin-1"))

    def send(self, data: bytes) -> None:
        """Raw bytes; a client that has gone raises OSError."""
        self._client.sendall(data)

    def close(self) -> None:
        """End the client's connection after what was sent."""
        self.reusable = False

    def reset(self) -> None:
        """End the client's connection as a crash would: with a reset, not a goodbye."""
        self.reusable = False
        reset_connection(self._client)

    def _send_all(self, parts: Iterable[bytes], frame: Callable[[bytes], bytes], end: bytes) -> None:
        try:
            for part in parts:
                if part:
                    self.send(frame(part))
            self.send(end)
        except Cut:
            self.close()


def reset_connection(connection: socket.socket) -> None:
    """Close at once with a reset; fine when it is closed already."""
    if connection.fileno() == -1:
        return
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.shutdown(socket.SHUT_RD)
    os.close(connection.detach())


def _has_gone(connection: socket.socket) -> bool:
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLRDHUP | select.POLLHUP | select.POLLERR)
    return bool(poll.poll(0))


def _chunks(response: http.client.HTTPResponse) -> Iterator[bytes]:
    while chunk := response.read1(_READ_SIZE):
        yield chunk


def _as_chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
