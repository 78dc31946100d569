"""A reverse proxy in front of a real server that makes chosen requests go wrong and records all of them.

Faults are tested against the real server's behaviour with it, never an imitation. Knows nothing of what the
requests mean.
"""

from __future__ import annotations

import contextlib
import http.client
import re
import socket
import socketserver
import ssl
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Self, cast

from tests.testbed.fault_actions import Action, forward
from tests.testbed.fault_exchange import Connections, Exchange, RecordedRequest, Upstream, reset_connection
from tests.testbed.fault_rules import Rule, RuleBuilder
from tests.testbed.pki import KeyPair
from tests.testbed.processes import free_port
from tests.testbed.waiting import wait_until

__all__ = ["FaultProxy", "RecordedRequest", "Rule"]


class FaultProxy:
    """Serves on a loopback port from the moment it is made; without rules it only passes on and records.

    `upstream_ca` is what an https upstream is checked with; with `tls` the proxy itself serves HTTPS.
    """

    def __init__(self, upstream: str, *, upstream_ca: Path | None = None, tls: KeyPair | None = None) -> None:
        self.connections = Connections()
        self.upstream = Upstream(upstream, str(upstream_ca) if upstream_ca else None, self.connections)
        self.tls = _server_context(tls) if tls else None
        self.requests: list[RecordedRequest] = []
        self._rules: list[Rule] = []
        self._lock = threading.Lock()
        self._listener: _Listener | None = None
        # Not one that the kernel may give to somebody else while connections are refused.
        self._port = free_port()
        self.accept()
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def on(self, method: str, target: str) -> RuleBuilder:
        """Begin a rule for requests whose method and path with query match these regular expressions whole.

        Of several rules that match, the first that was said wins.
        """
        return RuleBuilder(method, target, self._install)

    def clear(self) -> None:
        """Take back all rules and let go what hangs in them."""
        with self._lock:
            rules, self._rules = self._rules, []
        for rule in rules:
            rule.remove()

    def count(self, method: str, path: str) -> int:
        """How many requests so far match these regular expressions whole; `path` is without the query."""
        with self._lock:
            seen = tuple(self.requests)
        return sum(bool(re.fullmatch(method, each.method) and re.fullmatch(path, each.path)) for each in seen)

    def wait_for(self, method: str, path: str, count: int = 1, timeout: float = 30.0) -> None:
        """Return once `count` requests like these have come in since the proxy was made."""
        wait_until(lambda: self.count(method, path) >= count, timeout, f"{count} x {method} {path}")

    def forget(self) -> None:
        """Drop the record of requests, so that `count` begins at 0 again; long runs would fill the memory."""
        with self._lock:
            self.requests.clear()

    def refuse(self) -> None:
        """Close the port and every connection: connecting is refused until `accept`."""
        if self._listener is not None:
            self._listener.shutdown()
            self._listener.server_close()
            self._listener = None
        self.drop_connections()

    def accept(self) -> None:
        """Open the port, the same one after `refuse`."""
        if self._listener is not None:
            return
        self._listener = _Listener(("127.0.0.1", self._port), self)
        threading.Thread(
            target=self._listener.serve_forever, args=(0.02,), name="fault-proxy", daemon=True
        ).start()

    def drop_connections(self) -> None:
        """End every open connection, watches included; new ones are welcome."""
        self.connections.end_all()

    def present(self, tls: KeyPair) -> None:
        """Serve HTTPS with this certificate from now on; open connections end."""
        self.tls = _server_context(tls)
        self.drop_connections()

    def stop(self) -> None:
        """Close everything and let go what hangs."""
        self.refuse()
        self.clear()

    def action_for(self, request: RecordedRequest) -> tuple[Action, threading.Event]:
        """Record a request, and return the action for it."""
        with self._lock:
            self.requests.append(request)
            for rule in self._rules:
                if rule.claims(request.method, request.target):
                    return rule.action, rule.released
        return forward, threading.Event()

    def _install(self, rule: Rule) -> None:
        with self._lock:
            self._rules.append(rule)


class _Listener(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], proxy: FaultProxy) -> None:
        self.proxy = proxy
        super().__init__(address, _Handler)

    def finish_request(self, request: socket.socket, client_address: object) -> None:  # type: ignore[override]
        """Serve one connection, which `drop_connections` can end from its handshake on."""
        with self.proxy.connections.held(request):
            super().finish_request(request, client_address)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away, or does not trust us, is nothing to report."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        proxy = cast("_Listener", self.server).proxy
        if proxy.tls is not None:
            self.request = proxy.tls.wrap_socket(self.request, server_side=True)
        super().setup()

    def finish(self) -> None:
        with contextlib.suppress(OSError):
            super().finish()
        self.connection.close()

    def handle_one_request(self) -> None:
        """Read one request of any method, and apply the rules to it."""
        self.close_connection = True
        self.raw_requestline = self.rfile.readline(65537)
        if not self.raw_requestline or not self.parse_request():
            return
        proxy = cast("_Listener", self.server).proxy
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = RecordedRequest(method=self.command, target=self.requestline.split()[1], headers=headers)
        exchange = Exchange(request, self._body(), client=self.connection, upstream=proxy.upstream)
        keep_alive = not self.close_connection
        action, released = proxy.action_for(request)
        try:
            action(exchange, released)
        except (OSError, http.client.HTTPException):
            # Either side has gone: a client sees the connection break off, as with a server that crashed.
            with contextlib.suppress(OSError):
                reset_connection(self.connection)
            exchange.close()
        self.close_connection = not (keep_alive and exchange.reusable)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Requests are recorded, not printed."""

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return b"".join(self._body_chunks())
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _body_chunks(self) -> list[bytes]:
        chunks = []
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return chunks


def _server_context(pair: KeyPair) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    return context
