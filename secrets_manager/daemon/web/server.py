"""A server of HTTP for a few paths, whatever they are.

A server of our own, since prometheus_client's server answers every path and holds a thread for ever for each
idle connection. Here each request has a few seconds, connections are not kept, and the number of threads is
bounded. What is answered is a `Site`'s.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import LineTooLong
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import BufferedIOBase
from socketserver import ThreadingMixIn
from typing import Any, NamedTuple, Protocol

from secrets_manager.domain.errors import ConfigError
from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.runtime.terms import Deadline
from secrets_manager.settings.listening import ListenAddress

_REQUEST_SECONDS = 5.0
_POLL_SECONDS = 0.5
_NO_CONNECTION_SECONDS = 0.1
_PLACES = 16
# No more of a request is read. The base class reads a hundred lines of 64 KiB, and to parse those of all
# places takes longer than a request may, and hundreds of megabytes.
_LONGEST_HEAD = 32 * 1024
_TEXT = "text/plain; charset=utf-8"
_ERROR_HEADERS = {"Connection": "close", "X-Content-Type-Options": "nosniff"}


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """One HTTP answer."""

    status: int
    content_type: str
    body: bytes
    more_headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """The head of one request: a GET, or a HEAD that gets the same answer without its body.

    Attributes:
        target: path and query as they came.
        headers: by their names in small letters; those of one name are joined by commas.

    """

    target: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def header(self, name: str) -> str:
        """The header of that name, "" for none."""
        return self.headers.get(name, "")


class Site(Protocol):
    """What a server serves."""

    option: str
    """The option that holds its address, for messages."""

    def answer(self, request: HttpRequest) -> HttpAnswer:
        """The answer to a request; called from several threads."""


class Server:
    """Serves a site from ``start`` to ``stop``."""

    def __init__(
        self,
        address: ListenAddress,
        site: Site,
        *,
        request_seconds: float = _REQUEST_SECONDS,
        poll_seconds: float = _POLL_SECONDS,
        places: int = _PLACES,
    ) -> None:
        """Bind to ``address``; raises ConfigError when that fails.

        A request has ``request_seconds`` from first byte to last, and ``places`` of them are answered at a
        time. A stop wakes the server's thread; if that fails, it takes up to ``poll_seconds``.
        """
        handler = type("Handler", (_Handler,), {"site": site})
        host, family = _family(address.host)
        try:
            self._http = _BoundedServer(
                (host, address.port), handler, family, _Bounds(request_seconds, places)
            )
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise ConfigError(f"{site.option} {str(address)!r}: {reason}", exit_code=1) from None
        self._thread = threading.Thread(
            target=self._http.serve_forever, args=(poll_seconds,), name=f"http {site.option}", daemon=True
        )

    @property
    def host(self) -> str:
        """The address that it listens at; a name of the settings was looked up."""
        return self._http.server_name

    @property
    def port(self) -> int:
        """The port of the server."""
        return self._http.server_port

    def start(self) -> None:
        """Serve on a thread of its own."""
        self._thread.start()

    def alive(self) -> bool:
        """Whether requests are still taken."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Take no more requests, at once."""
        self._http.wake()
        self._http.shutdown()
        self._http.server_close()


class _Bounds(NamedTuple):
    request_seconds: float
    places: int


class _BoundedServer(ThreadingMixIn, HTTPServer):
    """Answers a bounded number of requests at a time; one more is closed without an answer."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(
        self,
        address: tuple[str, int],
        handler: type[BaseHTTPRequestHandler],
        family: socket.AddressFamily,
        bounds: _Bounds,
    ) -> None:
        self.address_family = family
        self._request_seconds = bounds.request_seconds
        self._places = threading.BoundedSemaphore(bounds.places)
        self._watchdog = Watchdog()
        self._ending = False
        super().__init__(address, handler)

    def server_bind(self) -> None:
        """Listen on IPv4 as well where an IPv6 address stands for every address; skip the name look-up."""
        # A container that starts again in its pod would find the port taken for a minute by what probes left.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def get_request(self) -> Any:
        """The next connection; without descriptors there is none, and an attempt at once would fail again."""
        try:
            return super().get_request()
        except OSError:
            if not self._ending:
                time.sleep(_NO_CONNECTION_SECONDS)
            raise

    def wake(self) -> None:
        """End the wait for the next connection: there will be none."""
        self._ending = True
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer on a thread, if there is a place."""
        if not self._places.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except RuntimeError:
            # No thread could be started: the probes fail, and Kubernetes restarts us.
            self._places.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer within the time allowed, and give the place back."""
        try:
            with self._watchdog.guard(Deadline.within(self._request_seconds)) as guard:
                guard.attach(request)
                super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a client that went away."""


class _Head:
    """The lines of a request, up to its largest size; the base class handles LineTooLong."""

    def __init__(self, lines: BufferedIOBase) -> None:
        self._lines = lines
        self._left = _LONGEST_HEAD

    def readline(self, limit: int) -> bytes:
        """The next line, no more of it than ``limit`` bytes."""
        line = self._lines.readline(min(limit, self._left + 1))
        self._left -= len(line)
        if self._left < 0:
            raise LineTooLong("head")
        return line

    def close(self) -> None:
        """Read nothing more."""
        self._lines.close()


class _Handler(BaseHTTPRequestHandler):
    """Answers GET and HEAD."""

    site: Site
    server_version = "secrets-manager"
    sys_version = ""

    def setup(self) -> None:
        """Read no more than a head of a sensible size."""
        super().setup()
        self.rfile = _Head(self.rfile)  # type: ignore[assignment]

    def handle_one_request(self) -> None:
        """Answer one request; a first line without an end gets no answer."""
        with contextlib.suppress(LineTooLong):
            super().handle_one_request()

    def do_GET(self) -> None:
        """Answer with a body."""
        self.wfile.write(self._head())

    def do_HEAD(self) -> None:
        """Answer without a body."""
        self._head()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Probes come every few seconds: not logged."""

    def send_error(self, code: int, *_: object, **__: object) -> None:
        """Answer a request that is none in a line of text: the base class's page has words of the client."""
        self.close_connection = True
        answer = HttpAnswer(code, _TEXT, f"{int(code)} {HTTPStatus(code).phrase}\n".encode(), _ERROR_HEADERS)
        self._send_head(answer)
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def _head(self) -> bytes:
        answer = self.site.answer(HttpRequest(self.path, self._headers()))
        self._send_head(answer)
        return answer.body

    def _send_head(self, answer: HttpAnswer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        for name, value in answer.more_headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()

    def _headers(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for name, value in self.headers.items():
            known = found.get(name.lower())
            found[name.lower()] = value if known is None else f"{known},{value}"
        return found


def _family(host: str) -> tuple[str, socket.AddressFamily]:
    """Where to bind for ``host``; every address is IPv4 alone on a machine without IPv6."""
    if not host:
        return ("::", socket.AF_INET6) if socket.has_dualstack_ipv6() else ("0.0.0.0", socket.AF_INET)  # noqa: S104
    return host, socket.AF_INET6 if ":" in host else socket.AF_INET
