"""/metrics, /healthz and /readyz.

A server of our own, since prometheus_client's answers every path and holds a thread for ever for each idle
connection. Here each request has a few seconds, connections are not kept, and the number of threads is
bounded.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from socketserver import ThreadingMixIn
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from secrets_manager.daemon.health import Health, Verdict
from secrets_manager.domain.errors import ConfigError
from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.settings import ListenAddress

_REQUEST_SECONDS = 5.0
_POLL_SECONDS = 0.5
_NO_CONNECTION_SECONDS = 0.1
_THREADS = 16
_TEXT = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer."""

    status: int
    content_type: str
    body: bytes


class Endpoints:
    """What each path answers."""

    def __init__(self, registry: CollectorRegistry, health: Health) -> None:
        self._registry = registry
        self._paths: dict[str, Callable[[], Answer]] = {
            "/metrics": self._metrics,
            "/healthz": lambda: _probe(health.liveness()),
            "/readyz": lambda: _probe(health.readiness()),
        }

    def answer(self, path: str) -> Answer:
        """The answer for ``path``, without its query."""
        endpoint = self._paths.get(path.partition("?")[0])
        return endpoint() if endpoint else Answer(404, _TEXT, b"not found\n")

    def _metrics(self) -> Answer:
        return Answer(200, CONTENT_TYPE_LATEST, generate_latest(self._registry))


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
        """Bind to ``address``; raises ConfigError when that cannot be had.

        A request has ``request_seconds`` from first byte to last; a stop is heeded within ``poll_seconds``.
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
        """The port that is listened on."""
        return int(self._http.server_address[1])

    def start(self) -> None:
        """Serve on a thread of its own."""
        self._thread.start()

    def alive(self) -> bool:
        """Whether requests are still taken."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Take no more requests."""
        self._http.shutdown()
        self._http.server_close()


class _BoundedServer(ThreadingMixIn, HTTPServer):
    """At most so many requests at a time; one more is closed unanswered."""

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
        super().__init__(address, handler)

    def server_bind(self) -> None:
        """Listen on IPv4 as well where an IPv6 address stands for every address; skip the name look-up."""
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def get_request(self) -> Any:
        """The next connection; without descriptors there is none, and asking at once again would not help."""
        try:
            return super().get_request()
        except OSError:
            time.sleep(_NO_CONNECTION_SECONDS)
            raise

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
            with self._watchdog.guard(self._request_seconds) as guard:
                guard.attach(request)
                super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is nobody's concern."""


class _Handler(BaseHTTPRequestHandler):
    """Answers GET and HEAD."""

    endpoints: Endpoints
    server_version = "secrets-manager"
    sys_version = ""

    def do_GET(self) -> None:
        """Answer with a body."""
        self.wfile.write(self._head())

    def do_HEAD(self) -> None:
        """Answer without a body."""
        self._head()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Probes come every few seconds: not logged."""

    def _head(self) -> bytes:
        answer = self.endpoints.answer(self.path)
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        return answer.body


def _family(host: str) -> tuple[str, socket.AddressFamily]:
    """Where to bind for ``host``; every address is IPv4 alone on a machine without IPv6."""
    if not host:
        return ("::", socket.AF_INET6) if socket.has_dualstack_ipv6() else ("0.0.0.0", socket.AF_INET)  # noqa: S104
    return host, socket.AF_INET6 if ":" in host else socket.AF_INET


def _probe(verdict: Verdict) -> Answer:
    return Answer(200 if verdict.good else 503, _TEXT, verdict.text().encode())
