"""HTTP on urllib3 with a total deadline, a size cap and no hidden policy.

urllib3's own retries and redirects are off: the work queue is the one place that retries, and who may be
redirected where is the caller's to decide. One exception is made, as Go's client does: a GET on a kept-alive
connection that the server closed in the same moment is sent once more, since nothing of it was answered.

This module must not know what it carries: no Vault, no Kubernetes, no credentials.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from functools import partial
from typing import NamedTuple, cast

import urllib3
from urllib3.exceptions import ProtocolError

from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.runtime.exchange import gathered, head_of, refuse_compressed
from secrets_manager.runtime.guarded import CONNECT_SECONDS, DirectPool, GuardedPool, GuardedTlsPool
from secrets_manager.runtime.messages import Reply, Request
from secrets_manager.runtime.transport_errors import (
    UnusableReply,
    mapped,
    refuse_late,
    was_stale,
)

MAX_REPLY_BYTES = 8 * 1024 * 1024
_CHUNK = 64 * 1024
# Fewer than a manager keeps (10), so that none is closed that is remembered here.
_ORIGINS = 8


class _Origin(NamedTuple):
    """A server that is asked without a proxy: its kept connections, and its name in a Host header."""

    pool: DirectPool
    host: str


class HttpClient:
    """Sends requests over a urllib3 pool manager whose connections obey the watchdog."""

    def __init__(
        self, pools: urllib3.PoolManager, watchdog: Watchdog, *, max_bytes: int = MAX_REPLY_BYTES
    ) -> None:
        pools.pool_classes_by_scheme = {"http": GuardedPool, "https": GuardedTlsPool}
        self._pools = pools
        self._watchdog = watchdog
        self._max_bytes = max_bytes
        self._by_origin: dict[str, _Origin] = {}

    def call(self, request: Request) -> Reply:
        """Send ``request`` and read the whole reply; raises a TransportError when there is none."""
        with self._watchdog.guard(request.timeout) as guard, mapped(guard):
            try:
                reply = self._once(request)
            except (ProtocolError, OSError) as error:
                if guard.expired or request.method != "GET" or not was_stale(error):
                    raise
                reply = self._once(request)
            refuse_late(guard)
            return reply

    @contextlib.contextmanager
    def stream(self, request: Request, *, idle_timeout: float) -> Iterator[Stream]:
        """Open a long reply.

        ``request.timeout`` bounds the wait for its headers, ``idle_timeout`` each
        pause between two arrivals of bytes, both in seconds.
        """
        with self._watchdog.guard(request.timeout) as guard, mapped(guard):
            response = self._open(request, read_timeout=idle_timeout)
        try:
            refuse_late(guard)
            yield Stream(response, self._watchdog, request.timeout)
        finally:
            response.close()

    def close(self) -> None:
        """Close the idle connections."""
        self._by_origin.clear()
        self._pools.clear()

    def _once(self, request: Request) -> Reply:
        if self._pools.proxy is not None:
            return self._by_urllib3(request)
        origin, target = self._route(request.url)
        return origin.pool.exchange(request, head_of(request, origin.host, target), self._max_bytes)

    def _by_urllib3(self, request: Request) -> Reply:
        """The same for a call through a proxy, of which urllib3 knows more than we want to."""
        response = self._open(request, read_timeout=request.timeout)
        try:
            refuse_compressed(response.headers)
            body = gathered(partial(response.read, decode_content=False), self._max_bytes)
        except BaseException:
            response.close()
            raise
        response.release_conn()
        return Reply(response.status, response.headers, body)

    def _open(self, request: Request, *, read_timeout: float) -> urllib3.BaseHTTPResponse:
        connect = min(CONNECT_SECONDS, request.timeout)
        return self._pools.urlopen(
            request.method,
            request.url,
            headers=request.headers,
            body=request.body,
            timeout=urllib3.Timeout(connect=connect, read=read_timeout),
            retries=False,
            redirect=False,
            assert_same_host=False,
            preload_content=False,
            decode_content=False,
        )

    def _route(self, url: str) -> tuple[_Origin, str]:
        """Whom to ask, and for what.

        A manager takes every address apart and looks its pool up under a lock: a tenth of the cost of a call.
        """
        start, target = _split(url)
        origin = self._by_origin.get(start)
        if origin is None:
            if len(self._by_origin) == _ORIGINS:
                self._by_origin.clear()
            pool = self._pools.connection_from_url(start)
            origin = self._by_origin[start] = _Origin(cast("DirectPool", pool), _host(start))
        return origin, target


class Stream:
    """An open reply that is read line by line."""

    def __init__(self, response: urllib3.BaseHTTPResponse, watchdog: Watchdog, timeout: float) -> None:
        self._response = response
        self._watchdog = watchdog
        self._timeout = timeout

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self._response.status

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, case-insensitive."""
        return self._response.headers

    def read_all(self, limit: int = MAX_REPLY_BYTES) -> bytes:
        """The rest of a reply that turned out to be short (an error), within the request's timeout."""
        with self._watchdog.guard(self._timeout) as guard, mapped(guard):
            guard.attach(getattr(self._response.connection, "sock", None))
            body = self._response.read(limit, decode_content=False)
            refuse_late(guard)
            return body

    def lines(self, max_bytes: int = MAX_REPLY_BYTES) -> Iterator[bytes]:
        """Whole lines without their end, as they arrive; a line cut off by the end is dropped.

        Raises TimedOut after the idle timeout, Interrupted on a broken connection, UnusableReply for a
        line longer than ``max_bytes``.
        """
        pending: list[bytes] = []
        size = 0
        while chunk := self._chunk():
            *whole, rest = chunk.split(b"\n")
            for line in whole:
                yield b"".join((*pending, line))
                pending, size = [], 0
            pending.append(rest)
            size += len(rest)
            if size > max_bytes:
                pending.clear()
                raise UnusableReply(f"a line of the reply is larger than {max_bytes} bytes")

    def _chunk(self) -> bytes:
        with mapped(None):
            response = cast("urllib3.HTTPResponse", self._response)
            return response.read1(_CHUNK, decode_content=False)


def _split(url: str) -> tuple[str, str]:
    """The origin of an absolute URL, and the rest of it."""
    start = url.find("/", url.find("://") + 3)
    return (url, "/") if start < 0 else (url[:start], url[start:])


def _host(origin: str) -> str:
    """What a Host header says of an origin: the port only where it is not the usual one (RFC 9110, 7.2)."""
    parsed = urllib3.util.parse_url(origin)
    usual = {"http": 80, "https": 443}[parsed.scheme or "http"]
    return f"{parsed.host}" if parsed.port in (None, usual) else f"{parsed.host}:{parsed.port}"
