"""Connections of urllib3 that report their socket to the guard of the running call, and their pools.

A pool makes and keeps connections; `exchange` sends and reads on them.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Iterator, Mapping
from http.client import HTTPException
from typing import cast

from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError

from secrets_manager.runtime.deadline import attach_current, current_expired
from secrets_manager.runtime.http.dialling import DiallingConnection
from secrets_manager.runtime.http.exchange import ExchangeResult, OpenReply, exchange, open_reply
from secrets_manager.runtime.http.messages import Reply, Request
from secrets_manager.runtime.http.transport_errors import TransportError, Unreachable
from secrets_manager.runtime.http.tunnel import open_tunnel
from secrets_manager.runtime.terms import Deadline

CONNECT_SECONDS = 3.0
# An address that accepts connections and then is silent, or drops them, before TLS or a tunnel is agreed.
_NOBODY_THERE = (TimeoutError, ConnectionError, EOFError, ssl.SSLEOFError, ssl.SSLZeroReturnError)


class _GuardedConnection(DiallingConnection):
    """Reports the socket that the running call waits on to its guard."""

    def connect(self) -> None:
        super().connect()
        attach_current(self.sock)

    def _new_conn(self) -> socket.socket:
        sock = super()._new_conn()
        attach_current(sock)
        return sock


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
        """Replaces the one of http.client, whose errors quote the proxy."""
        headers: Mapping[str, str] = self._tunnel_headers  # type: ignore[attr-defined]
        try:
            open_tunnel(self.sock, str(self._tunnel_host), int(self._tunnel_port or 443), headers)
        except BaseException:
            self.close()
            raise
        if current_expired():
            self.close()
            raise TimeoutError


class DirectPool(HTTPConnectionPool):
    """Connections on which a call can be made without urllib3."""

    def call(self, request: Request, head: bytes, max_bytes: int, *, tunnel: bool = False) -> Reply:
        """Make the call on a kept connection or a new one, which goes through the proxy if ``tunnel``.

        Raises what `secrets_manager.runtime.http.exchange.exchange` does, and urllib3's errors of connecting.
        """
        connection = cast("DiallingConnection", self._get_conn())
        done: ExchangeResult | None = None
        try:
            done = exchange(
                self._ready(connection, request.deadline, tunnel=tunnel), request, head, max_bytes
            )
            return done.reply
        finally:
            # From here on the socket may serve another call, which the end of this one must not reach.
            attach_current(None)
            _noted(connection, answered=done is not None)
            if done is None or not done.reusable or current_expired() or not _is_plain(connection.sock):
                connection.close()
            # A closed connection goes back too: it reconnects on its next use.
            self._put_conn(connection)

    @contextlib.contextmanager
    def opened(
        self, request: Request, head: bytes, *, tunnel: bool = False
    ) -> Iterator[tuple[OpenReply, socket.socket]]:
        """The same for a reply that is read as it arrives, with its socket."""
        connection = cast("DiallingConnection", self._get_conn())
        reply: OpenReply | None = None
        try:
            sock = self._ready(connection, request.deadline, tunnel=tunnel)
            reply = open_reply(sock, request, head)
            _noted(connection, answered=True)
            yield reply, sock
        finally:
            if reply is None:
                _noted(connection, answered=False)
            attach_current(None)
            connection.close()
            self._put_conn(connection)

    def _ready(self, connection: DiallingConnection, deadline: Deadline, *, tunnel: bool) -> socket.socket:
        """The socket of ``connection``, opened if it is not, and known to the guard of the running call.

        The socket has no timeout of its own; only the connect uses ``deadline``.
        """
        if connection.is_closed:
            connection.timeout = min(CONNECT_SECONDS, deadline.left())
            connection.begin_dial()
            self._connect(connection, tunnel=tunnel)
        else:
            attach_current(connection.sock)
        sock: socket.socket = connection.sock
        # The guard ends the call. A timeout on the socket would cost a poll and a release of the interpreter
        # lock with each send and read: up to a tenth of the CPU of a cold start.
        if sock.gettimeout() is not None:
            sock.settimeout(None)
        return sock

    def _connect(self, connection: DiallingConnection, *, tunnel: bool) -> None:
        try:
            self._dial(connection, tunnel=tunnel)
        except TransportError:
            raise
        except (HTTPError, HTTPException, OSError):
            if self.proxy is None or connection.has_connected_to_proxy or current_expired():
                raise
            raise Unreachable("the proxy cannot be reached") from None

    def _dial(self, connection: DiallingConnection, *, tunnel: bool) -> None:
        """Connect to one address of the host after the other."""
        while True:
            try:
                if tunnel:
                    self._prepare_proxy(connection)
                else:
                    connection.connect()
            except _NOBODY_THERE:
                if current_expired() or not connection.may_dial_on():
                    raise
                connection.close()
            else:
                return


class GuardedPool(DirectPool):
    """Connections without TLS."""

    ConnectionCls = _GuardedConnection


class GuardedTlsPool(HTTPSConnectionPool, DirectPool):
    """Connections with TLS."""

    ConnectionCls = _GuardedTlsConnection


def _noted(connection: DiallingConnection, *, answered: bool) -> None:
    """Let the address of ``connection`` be tried last where a call got no answer in its time."""
    if answered or current_expired():
        connection.ended(answered=answered)


def _is_plain(sock: object) -> bool:
    """Whether ``sock`` can show that no data is left on it: TLS within TLS has a buffer of its own."""
    return isinstance(sock, socket.socket)
