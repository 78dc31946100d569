"""The connections to the API server, replaced when the wiring changes."""

from __future__ import annotations

import threading

from secrets_manager.cluster.client.credentials import Credentials, Wiring
from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.runtime.http.client import HttpClient
from secrets_manager.runtime.http.clients import ConnectionOptions, client_for


class Connections:
    """Safe to ask from many threads. Calls on connections that were replaced end as they would."""

    def __init__(self, credentials: Credentials, watchdog: Watchdog, *, kept: int, reply_bytes: int) -> None:
        """``kept`` is the most connections to keep, ``reply_bytes`` the most bytes of a reply."""
        self._credentials = credentials
        self._watchdog = watchdog
        self._kept = kept
        self._reply_bytes = reply_bytes
        self._replacing = threading.Lock()
        self._current = self._made(credentials.wiring)

    def current(self) -> tuple[Wiring, HttpClient]:
        """The wiring as of now, and the client that uses it."""
        current = self._current
        return current if current[0] is self._credentials.wiring else self._replaced()

    def close(self) -> None:
        """Close the idle ones."""
        self._current[1].close()

    def _replaced(self) -> tuple[Wiring, HttpClient]:
        with self._replacing:
            newest, old = self._credentials.wiring, self._current
            if old[0] is newest:
                return old
            self._current = self._made(newest)
        old[1].close()
        return self._current

    def _made(self, wiring: Wiring) -> tuple[Wiring, HttpClient]:
        way = ConnectionOptions(
            context=wiring.context,
            server_name=wiring.server_name,
            kept=self._kept,
            max_bytes=self._reply_bytes,
        )
        return wiring, client_for(way, self._watchdog, wiring.proxy)
