"""Connections of urllib3 that tell the guard of the running call which socket it waits on."""

from __future__ import annotations

import socket

from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from secrets_manager.runtime.deadline import attach_current, current_expired
from secrets_manager.runtime.dialling import DiallingConnection
from secrets_manager.runtime.headers import PlainResponse


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


class GuardedPool(HTTPConnectionPool):
    """Connections without TLS."""

    ConnectionCls = _GuardedConnection


class GuardedTlsPool(HTTPSConnectionPool):
    """Connections with TLS."""

    ConnectionCls = _GuardedTlsConnection
