"""A small HTTP server on loopback that answers with JSON or a text. Knows nothing of the content."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

__all__ = ["Answer", "Call", "Server"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request; header names in lower case, query and form as last value by name."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str] = field(repr=False)
    form: Mapping[str, str] = field(repr=False)
    body: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply: JSON, or a text as it stands."""

    status: int
    content: Mapping[str, Any] | str
    headers: Mapping[str, str] = field(default_factory=dict)


class Server:
    """Serves plain HTTP from the moment it is made; `now` gives the Unix time of its Date headers."""

    def __init__(self, answer: Callable[[Call], Answer], now: Callable[[], float]) -> None:
        self.answer = answer
        self.now = now
        self._listener = _Listener(("127.0.0.1", 0), self)
        self.port: int = self._listener.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(
            target=self._listener.serve_forever, args=(0.005,), name="azure-double", daemon=True
        ).start()

    def stop(self) -> None:
        """Serve no more."""
        self._listener.shutdown()
        self._listener.server_close()


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], owner: Server) -> None:
        self.owner = owner
        super().__init__(address, _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is nothing to report."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Nothing is printed."""

    def date_time_string(self, timestamp: float | None = None) -> str:
        """The Date header, by the double's clock."""
        owner = cast("_Listener", self.server).owner
        return formatdate(owner.now() if timestamp is None else timestamp, usegmt=True)

    def _serve(self) -> None:
        owner = cast("_Listener", self.server).owner
        answer = owner.answer(self._call())
        text = answer.content if isinstance(answer.content, str) else None
        body = (json.dumps(answer.content) if text is None else text).encode()
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        kind = "application/json; charset=utf-8" if text is None else "text/xml"
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _call(self) -> Call:
        target = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        return Call(
            method=self.command,
            path=target.path,
            query=dict(parse_qsl(target.query, keep_blank_values=True)),
            headers={name.lower(): value for name, value in self.headers.items()},
            form=dict(parse_qsl(body, keep_blank_values=True)),
            body=body,
        )
