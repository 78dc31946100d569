"""Connections of urllib3 that tell the guard of the running call which socket it waits on, and their pools.

A pool has a short way for a call that needs nothing of urllib3 but the connection.
"""

from __future__ import annotations

import socket
from typing import cast

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from secrets_manager.runtime.deadline import attach_current, current_expired
from secrets_manager.runtime.dialling import DiallingConnection
from secrets_manager.runtime.exchange import Exchanged, exchange
from secrets_manager.runtime.headers import PlainResponse
from secrets_manager.runtime.messages import Reply, Request

CONNECT_SECONDS = 3.0


class _GuardedConnection(DiallingConnection):
    """Tells the guard of the running call which socket it waits on."""

    response_class = PlainResponse

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

    response_class = PlainResponse
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


class DirectPool(HTTPConnectionPool):
    """Connections on which a call can be made without urllib3."""

    def exchange(self, request: Request, head: bytes, max_bytes: int) -> Reply:
        """Make the call on a kept connection or a new one, never by way of a proxy.

        Raises what `secrets_manager.runtime.exchange.exchange` does, and urllib3's errors of connecting.
        """
        connection = cast("HTTPConnection", self._get_conn())
        done: Exchanged | None = None
        try:
            done = exchange(_ready(connection, request.timeout), request, head, max_bytes)
            return done.reply
        finally:
            if done is None or not done.reusable:
                connection.close()
            # One that is closed connects anew when it is taken.
            self._put_conn(connection)


class GuardedPool(DirectPool):
    """Connections without TLS."""

    ConnectionCls = _GuardedConnection


class GuardedTlsPool(HTTPSConnectionPool, DirectPool):
    """Connections with TLS."""

    ConnectionCls = _GuardedTlsConnection


def _ready(connection: HTTPConnection, timeout: float) -> socket.socket:
    """The socket of ``connection``, opened if it is not, and known to the guard of the running call.

    It waits without a limit of its own. ``timeout`` is in seconds, and bounds the connect only.
    """
    if connection.is_closed:
        connection.timeout = min(CONNECT_SECONDS, timeout)
        connection.connect()
    else:
        attach_current(connection.sock)
    sock: socket.socket = connection.sock
    # The guard ends the call. A timeout of the socket's own would cost a poll, and a hand-over of the
    # interpreter's lock, with each send and read: up to a tenth of the CPU of a cold start.
    if sock.gettimeout() is not None:
        sock.settimeout(None)
    return sock
