"""/metrics, /healthz and /readyz.

A server of our own, since prometheus_client's server answers every path and holds a thread for ever for each
idle connection. Here each request has a few seconds, connections are not kept, and the number of threads is
bounded.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import LineTooLong
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import BufferedIOBase
from socketserver import ThreadingMixIn
from typing import Any
from urllib.parse import parse_qs

from prometheus_client import CollectorRegistry

from secrets_manager.daemon.web import exposition
from secrets_manager.daemon.web.health import Health, ProbeResult
from secrets_manager.daemon.web.scrapes import Scrapes
from secrets_manager.domain.errors import ConfigError
from secrets_manager.runtime.deadline import Watchdog, current_remaining
from secrets_manager.runtime.terms import Deadline
from secrets_manager.settings.checks import ListenAddress

_REQUEST_SECONDS = 5.0
_POLL_SECONDS = 0.5
_NO_CONNECTION_SECONDS = 0.1
_THREADS = 16
# No more of a request is read. The base class reads a hundred lines of 64 KiB, and to parse those of all
# places takes longer than a request may, and hundreds of megabytes.
_LONGEST_HEAD = 32 * 1024
_TEXT = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """One HTTP answer."""

    status: int
    content_type: str
    body: bytes
    more_headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Preferences:
    """The headers of a request about the form of the answer, "" for none."""

    accept: str = ""
    encoding: str = ""


class Endpoints:
    """The answer of each path."""

    def __init__(self, registry: CollectorRegistry, health: Health) -> None:
        self._scrapes = Scrapes(registry)
        self._probes = {"/healthz": health.liveness, "/readyz": health.readiness}

    def answer(self, path: str, preferences: Preferences = Preferences()) -> HttpAnswer:
        """The answer for ``path``; its query counts only for probes, which then may be ``verbose``."""
        path, _, query = path.partition("?")
        if path == "/metrics":
            return self._metrics(preferences)
        if (probe := self._probes.get(path)) is not None:
            return _probe(probe(), verbose="verbose" in parse_qs(query, keep_blank_values=True))
        return HttpAnswer(404, _TEXT, b"not found\n")

    def _metrics(self, preferences: Preferences) -> HttpAnswer:
        form, content_type = exposition.choose_form(preferences.accept)
        headers = {"Vary": "Accept, Accept-Encoding"}
        if compressed := exposition.takes_gzip(preferences.encoding):
            headers["Content-Encoding"] = "gzip"
        body = self._scrapes.body(form, compressed=compressed, timeout=current_remaining())
        if body is None:
            return HttpAnswer(503, _TEXT, b"busy: the metrics are being written for other clients\n")
        return HttpAnswer(200, content_type, body, headers)


class Server:
    """Serves the endpoints from ``start`` to ``stop``."""

    def __init__(
        self,
        address: ListenAddress,
        endpoints: Endpoints,
        *,
        request_seconds: float = _REQUEST_SECONDS,
        poll_seconds: float = _POLL_SECONDS,
    ) -> None:
        """Bind to ``address``; raises ConfigError when that fails.

        A request has ``request_seconds`` from first byte to last. A stop wakes the server's thread; if that
        fails, it takes up to ``poll_seconds``.
        """
        handler = type("Handler", (_Handler,), {"endpoints": endpoints})
        host, family = _family(address.host)
        try:
            self._http = _BoundedServer((host, address.port), handler, family, request_seconds)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise ConfigError(f"metrics-addr {str(address)!r}: {reason}", exit_code=1) from None
        self._thread = threading.Thread(
            target=self._http.serve_forever, args=(poll_seconds,), name="http", daemon=True
        )

    @property
    def port(self) -> int:
        """The port of the server."""
        return int(self._http.server_address[1])

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


class _BoundedServer(ThreadingMixIn, HTTPServer):
    """Answers a bounded number of requests at a time; one more is closed without an answer."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(
        self,
        address: tuple[str, int],
        handler: type[BaseHTTPRequestHandler],
        family: socket.AddressFamily,
        request_seconds: float,
    ) -> None:
        self.address_family = family
        self._request_seconds = request_seconds
        self._places = threading.BoundedSemaphore(_THREADS)
        self._watchdog = Watchdog()
        self._ending = False
        super().__init__(address, handler)

    def server_bind(self) -> None:
        """Listen on IPv4 as well where an IPv6 address stands for every address; skip the name look-up."""
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

    endpoints: Endpoints
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

    def _head(self) -> bytes:
        answer = self.endpoints.answer(
            self.path, Preferences(self._header("Accept"), self._header("Accept-Encoding"))
        )
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        for name, value in answer.more_headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        return answer.body

    def _header(self, name: str) -> str:
        return ",".join(self.headers.get_all(name, []))


def _family(host: str) -> tuple[str, socket.AddressFamily]:
    """Where to bind for ``host``; every address is IPv4 alone on a machine without IPv6."""
    if not host:
        return ("::", socket.AF_INET6) if socket.has_dualstack_ipv6() else ("0.0.0.0", socket.AF_INET)  # noqa: S104
    return host, socket.AF_INET6 if ":" in host else socket.AF_INET


def _probe(verdict: ProbeResult, *, verbose: bool) -> HttpAnswer:
    return HttpAnswer(200 if verdict.good else 503, _TEXT, verdict.text(verbose=verbose).encode())
