"""HTTP on connections of urllib3, with a total deadline, a size cap and no hidden policy.

Nothing is retried or redirected here: the work queue is the one place that retries, and the caller decides
which redirects to follow. There is one exception, as in Go's client: a GET on a kept-alive connection that
the server closed at the same moment is sent once more, since no part of a reply came.

This module must not know what it carries: no Vault, no Kubernetes, no credentials.
"""

from __future__ import annotations

import contextlib
import math
import socket
import time
from collections.abc import Iterator, Mapping
from typing import NamedTuple, cast

import urllib3

from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.runtime.http.exchange import OpenReply, gather, head_of
from secrets_manager.runtime.http.guarded import DirectPool, GuardedPool, GuardedTlsPool
from secrets_manager.runtime.http.messages import Reply, Request
from secrets_manager.runtime.http.transport_errors import (
    ErrorMapping,
    TimedOut,
    UnusableReply,
    refuse_late,
    was_stale,
)
from secrets_manager.runtime.terms import Deadline

MAX_REPLY_BYTES = 8 * 1024 * 1024
# Fewer than a pool manager keeps (10), so that it closes no pool that is remembered here.
_ORIGINS = 8
# So many lines of a stream in a row may be blank: some servers and proxies keep a connection alive so.
_MOST_BLANK_LINES = 1000


class _Origin(NamedTuple):
    """A server: its kept connections, its name in a Host header, and how to ask for it.

    For a proxy without a tunnel, ``before`` stands before each target and ``headers`` among the headers;
    ``tunnel`` says whether connections lead through a proxy.
    """

    pool: DirectPool
    host: str
    before: str = ""
    headers: Mapping[str, str] | None = None
    tunnel: bool = False

    def __repr__(self) -> str:
        """Without the headers, which hold the proxy's password."""
        return f"_Origin({self.host!r})"


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

    def call(self, request: Request, *, max_bytes: int | None = None) -> Reply:
        """Send ``request`` and read the whole reply; raises a TransportError when there is none.

        ``max_bytes`` replaces the client's own cap.
        """
        most = max_bytes or self._max_bytes
        with self._watchdog.guard(request.deadline) as guard, ErrorMapping(guard):
            origin, head = self._addressed(request)
            try:
                reply = origin.pool.call(request, head, most, tunnel=origin.tunnel)
            except OSError as error:
                if guard.expired or request.method != "GET" or not was_stale(error):
                    raise
                reply = origin.pool.call(request, head, most, tunnel=origin.tunnel)
            refuse_late(guard)
            return reply

    @contextlib.contextmanager
    def stream(self, request: Request, *, idle_timeout: float) -> Iterator[Stream]:
        """Open a long reply.

        ``request.deadline`` bounds the wait for its headers, and ``idle_timeout`` each pause between two
        arrivals of bytes, in seconds.
        """
        with contextlib.ExitStack() as stack:
            with self._watchdog.guard(request.deadline) as guard, ErrorMapping(guard):
                origin, head = self._addressed(request)
                opened, sock = stack.enter_context(origin.pool.opened(request, head, tunnel=origin.tunnel))
                refuse_late(guard)
            sock.settimeout(idle_timeout)
            yield Stream(opened, sock, self._watchdog)

    def close(self) -> None:
        """Close the idle connections; calls that are under way are not disturbed."""
        self._by_origin.clear()
        self._pools.clear()

    def _addressed(self, request: Request) -> tuple[_Origin, bytes]:
        """The server to ask, and the bytes to send before the body.

        A pool manager would parse every URL and look up its pool under a lock: a tenth of the cost of a call.
        """
        start, target = _split(request.url)
        origin = self._by_origin.get(start)
        if origin is None:
            if len(self._by_origin) == _ORIGINS:
                self._by_origin.clear()
            origin = self._by_origin[start] = self._origin(start)
        return origin, head_of(request, origin.host, origin.before + target, origin.headers)

    def _origin(self, start: str) -> _Origin:
        pool = cast("DirectPool", self._pools.connection_from_url(start))
        host = _host(start)
        if self._pools.proxy is None:
            return _Origin(pool, host)
        if pool.scheme == "https":
            return _Origin(pool, host, tunnel=True)
        return _Origin(pool, host, f"http://{host}", pool.proxy_headers)


class Stream:
    """An open reply that is read line by line."""

    def __init__(self, opened: OpenReply, sock: socket.socket | None, watchdog: Watchdog) -> None:
        """Read the reply ``opened`` on ``sock``."""
        self._opened = opened
        self._sock = sock
        self._watchdog = watchdog

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self._opened.status

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, case-insensitive."""
        return self._opened.headers

    def read_all(self, deadline: Deadline, limit: int = MAX_REPLY_BYTES) -> bytes:
        """The rest of a short reply (an error, for example), read until ``deadline``.

        Raises ReplyTooLarge above ``limit`` bytes.
        """
        with self._watchdog.guard(deadline) as guard, ErrorMapping(guard):
            guard.attach(self._sock)
            body = gather(self._opened.body, limit)
            refuse_late(guard)
            return body

    def lines(self, max_bytes: int = MAX_REPLY_BYTES, line_timeout: float = math.inf) -> Iterator[bytes]:
        """Whole lines without their ends, as they arrive; an incomplete last line is dropped.

        A line of nothing but blanks is none. Raises TimedOut after the idle timeout, or when bytes arrive and
        no line is whole for ``line_timeout`` seconds; Interrupted on a broken connection, UnusableReply for a
        line longer than ``max_bytes``, or very many blank ones in a row.
        """
        pending: list[bytes] = []
        size = blanks = 0
        whole_at = time.monotonic()
        while chunk := self._chunk():
            *whole, rest = chunk.split(b"\n")
            told = False
            for end in whole:
                line = b"".join((*pending, end))
                pending, size = [], 0
                if line and not line.isspace():
                    told, blanks = True, 0
                    yield line
                elif (blanks := blanks + 1) > _MOST_BLANK_LINES:
                    raise UnusableReply("the reply says nothing in very many lines")
            if told:
                whole_at = time.monotonic()
            elif time.monotonic() - whole_at > line_timeout:
                raise TimedOut("no line of the reply was complete in time")
            pending.append(rest)
            size += len(rest)
            if size > max_bytes:
                pending.clear()
                raise UnusableReply(f"a line of the reply is larger than {max_bytes} bytes")

    def _chunk(self) -> bytes:
        with ErrorMapping(None):
            return next(self._opened.body, b"")


def _split(url: str) -> tuple[str, str]:
    """The origin of an absolute URL, and the rest of it."""
    start = url.find("/", url.find("://") + 3)
    return (url, "/") if start < 0 else (url[:start], url[start:])


def _host(origin: str) -> str:
    """The Host header for an origin, with the port only where it is not the usual one (RFC 9110, 7.2)."""
    parsed = urllib3.util.parse_url(origin)
    usual = {"http": 80, "https": 443}[parsed.scheme or "http"]
    return f"{parsed.host}" if parsed.port in (None, usual) else f"{parsed.host}:{parsed.port}"
