"""HTTP on urllib3 with a total deadline, a size cap and no hidden policy.

urllib3's own retries and redirects are off: the work queue is the one place that retries, and who may be
redirected where is the caller's to decide. One exception is made, as Go's client does: a GET on a kept-alive
connection that the server closed in the same moment is sent once more, since nothing of it was answered.

This module must not know what it carries: no Vault, no Kubernetes, no credentials.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import cast

import urllib3
from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    MaxRetryError,
    NewConnectionError,
    ProtocolError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)

from secrets_manager.runtime.deadline import Guard, Watchdog, attach_current, current_expired
from secrets_manager.runtime.dialling import DiallingConnection

MAX_REPLY_BYTES = 8 * 1024 * 1024
_CONNECT_SECONDS = 3.0
_CHUNK = 64 * 1024
# Fewer than a manager keeps (10), so that none is closed that is remembered here.
_ORIGINS = 8
# urllib3 copies what it reads several times: of a large reply a piece at a time.
_PIECE = 1024 * 1024


class TransportError(Exception):
    """No usable reply. The text names the kind of fault and never what was sent or received."""


class TimedOut(TransportError):
    """The call did not end within its time; whether the server acted on it is unknown."""


class TlsFailed(TransportError):
    """The certificate was not accepted, or TLS could not be agreed; nothing was sent."""


class Unreachable(TransportError):
    """No connection came about; nothing was sent."""


class Interrupted(TransportError):
    """The connection broke during the call; whether the server acted on it is unknown."""


class UnusableReply(TransportError):
    """The reply is larger than the cap, or compressed although we asked for plain bytes."""


class ReplyTooLarge(UnusableReply):
    """The reply is larger than the cap; what was read of it was dropped."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole HTTP reply. ``headers`` is case-insensitive; ``body`` is hidden since it may hold secrets."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP request. ``timeout`` is in seconds and counts the whole call, connect and body included."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    timeout: float


class HttpClient:
    """Sends requests over a urllib3 pool manager whose connections obey the watchdog."""

    def __init__(
        self, pools: urllib3.PoolManager, watchdog: Watchdog, *, max_bytes: int = MAX_REPLY_BYTES
    ) -> None:
        pools.pool_classes_by_scheme = {"http": _GuardedPool, "https": _GuardedTlsPool}
        self._pools = pools
        self._watchdog = watchdog
        self._max_bytes = max_bytes
        self._by_origin: dict[str, HTTPConnectionPool] = {}

    def call(self, request: Request) -> Reply:
        """Send ``request`` and read the whole reply; raises a TransportError when there is none."""
        with self._watchdog.guard(request.timeout) as guard, _mapped(guard):
            try:
                reply = self._once(request)
            except ProtocolError as error:
                if guard.expired or request.method != "GET" or not _was_stale(error):
                    raise
                reply = self._once(request)
            _refuse_late(guard)
            return reply

    @contextlib.contextmanager
    def stream(self, request: Request, *, idle_timeout: float) -> Iterator[Stream]:
        """Open a long reply.

        ``request.timeout`` bounds the wait for its headers, ``idle_timeout`` each
        pause between two arrivals of bytes, both in seconds.
        """
        with self._watchdog.guard(request.timeout) as guard, _mapped(guard):
            response = self._open(request, read_timeout=idle_timeout)
        try:
            _refuse_late(guard)
            yield Stream(response, self._watchdog, request.timeout)
        finally:
            response.close()

    def close(self) -> None:
        """Close the idle connections."""
        self._by_origin.clear()
        self._pools.clear()

    def _once(self, request: Request) -> Reply:
        response = self._open(request, read_timeout=request.timeout)
        try:
            body = self._read(response)
        except BaseException:
            response.close()
            raise
        response.release_conn()
        return Reply(response.status, response.headers, body)

    def _open(self, request: Request, *, read_timeout: float) -> urllib3.BaseHTTPResponse:
        connect = min(_CONNECT_SECONDS, request.timeout)
        pool, target = self._route(request.url)
        return pool.urlopen(
            request.method,
            target,
            headers=request.headers,
            body=request.body,
            timeout=urllib3.Timeout(connect=connect, read=read_timeout),
            retries=False,
            redirect=False,
            assert_same_host=False,
            preload_content=False,
            decode_content=False,
        )

    def _route(self, url: str) -> tuple[urllib3.PoolManager | HTTPConnectionPool, str]:
        """Whom to ask, and for what.

        A manager takes every address apart and looks its pool up under a lock: a tenth of the cost of a call.
        It is left to it where a proxy may want the whole address.
        """
        if self._pools.proxy is not None:
            return self._pools, url
        origin, target = _split(url)
        pool = self._by_origin.get(origin)
        if pool is None:
            if len(self._by_origin) == _ORIGINS:
                self._by_origin.clear()
            pool = self._by_origin[origin] = self._pools.connection_from_url(origin)
        return pool, target

    def _read(self, response: urllib3.BaseHTTPResponse) -> bytes:
        if response.headers.get("content-encoding", "identity") != "identity":
            raise UnusableReply("the reply is compressed although plain bytes were asked for")
        chunks: list[bytes] = []
        room = self._max_bytes + 1
        # To the end and past it: only a read that finds nothing notices that the reply was cut short.
        while room > 0 and (chunk := response.read(min(room, _PIECE), decode_content=False)):
            chunks.append(chunk)
            room -= len(chunk)
        if room == 0:
            raise ReplyTooLarge(f"the reply is larger than {self._max_bytes} bytes")
        return b"".join(chunks)


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
        with self._watchdog.guard(self._timeout) as guard, _mapped(guard):
            guard.attach(getattr(self._response.connection, "sock", None))
            body = self._response.read(limit, decode_content=False)
            _refuse_late(guard)
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
                raise UnusableReply(f"a line of the reply is larger than {max_bytes} bytes")

    def _chunk(self) -> bytes:
        with _mapped(None):
            response = cast("urllib3.HTTPResponse", self._response)
            return response.read1(_CHUNK, decode_content=False)


class _GuardedConnection(DiallingConnection):
    """Tells the guard of the running call which socket it waits on."""

    def connect(self) -> None:
        super().connect()
        attach_current(self.sock)

    def _new_conn(self) -> socket.socket:
        sock = super()._new_conn()
        attach_current(sock)
        return sock

    def putrequest(self, *args: object, **kwargs: object) -> None:
        attach_current(self.sock)
        super().putrequest(*args, **kwargs)  # type: ignore[arg-type]


class _GuardedTlsConnection(DiallingConnection, HTTPSConnection):
    """As above; during the handshake the guard holds a duplicate, since wrapping detaches the original."""

    _handshake: socket.socket | None = None

    def connect(self) -> None:
        try:
            super().connect()
            attach_current(self.sock)
        finally:
            if self._handshake is not None:
                self._handshake.close()
                self._handshake = None

    def _new_conn(self) -> socket.socket:
        sock = super()._new_conn()
        self._handshake = sock.dup()
        attach_current(self._handshake)
        return sock

    def _tunnel(self) -> None:
        super()._tunnel()
        if current_expired():
            # A socket that is shut amid the proxy's headers looks like a tunnel, and TLS would not notice.
            self.close()
            raise TimeoutError

    def putrequest(self, *args: object, **kwargs: object) -> None:
        attach_current(self.sock)
        super().putrequest(*args, **kwargs)  # type: ignore[arg-type]


class _GuardedPool(HTTPConnectionPool):
    ConnectionCls = _GuardedConnection


class _GuardedTlsPool(HTTPSConnectionPool):
    ConnectionCls = _GuardedTlsConnection


@contextlib.contextmanager
def _mapped(guard: Guard | None) -> Iterator[None]:
    """The one place where urllib3's and the socket's errors become ours."""
    try:
        yield
    except TransportError:
        raise
    except (HTTPError, OSError, ssl.SSLError, ValueError, EOFError) as error:
        if guard is not None and guard.expired:
            raise TimedOut("the call did not end within its time") from None
        raise _named(error) from None


def _split(url: str) -> tuple[str, str]:
    """The origin of an absolute URL, and the rest of it."""
    start = url.find("/", url.find("://") + 3)
    return (url, "/") if start < 0 else (url[:start], url[start:])


def _refuse_late(guard: Guard) -> None:
    # A socket that is shut amid the headers looks like their end: a reply without a body, not an error.
    if guard.expired:
        raise TimedOut("the call did not end within its time")


def _named(error: BaseException) -> TransportError:
    if isinstance(error, MaxRetryError) and error.reason is not None:
        return _named(error.reason)
    if isinstance(error, (SSLError, ssl.SSLError)):
        return TlsFailed(_tls_reason(error))
    for kinds, ours, text in _NAMES:
        if isinstance(error, kinds):
            return ours(text)
    return Interrupted("the connection broke")


# The first that fits: a NewConnectionError is a ConnectTimeoutError to urllib3.
_NAMES: tuple[
    tuple[type[BaseException] | tuple[type[BaseException], ...], type[TransportError], str], ...
] = (
    (ProxyError, Unreachable, "the proxy cannot be reached"),
    (NewConnectionError, Unreachable, "no connection"),
    (ConnectTimeoutError, Unreachable, "no connection within the time allowed"),
    ((ReadTimeoutError, TimeoutError), TimedOut, "the server went silent"),
)


def _tls_reason(error: BaseException) -> str:
    for candidate in (error, *error.args):
        if isinstance(candidate, ssl.SSLCertVerificationError):
            return f"certificate not accepted: {candidate.verify_message}"
    return "TLS could not be agreed"


def _was_stale(error: ProtocolError) -> bool:
    # urllib3 wraps as ProtocolError("Connection aborted.", cause); RemoteDisconnected is a reset too.
    cause = error.args[1] if len(error.args) > 1 else None
    return isinstance(cause, (ConnectionResetError, BrokenPipeError)) or (
        isinstance(cause, OSError) and cause.errno in (errno.EPIPE, errno.ECONNRESET)
    )
