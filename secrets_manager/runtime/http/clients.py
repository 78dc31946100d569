"""HTTP clients, made in one place for every server: how connections are made, and through which proxy.

So trust, proxies and files that are rotated at runtime are treated alike for all servers.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import urllib3
from urllib3.util import make_headers, parse_url

from secrets_manager.domain.errors import ConfigError
from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.runtime.http.client import MAX_REPLY_BYTES, HttpClient
from secrets_manager.runtime.http.proxies import proxy_for
from secrets_manager.runtime.http.transport_errors import TlsFailed
from secrets_manager.runtime.http.trust import FileBacked
from secrets_manager.settings import ProxySettings

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionOptions:
    """How connections to a server are made.

    Attributes:
        context: the certificates that are trusted, and the one that is shown.
        server_name: the name in the server's certificate, "" for that of the address.
        kept: the most connections that are kept for each server and proxy.
        max_bytes: the size limit of a reply, unless the call gives another.

    """

    context: ssl.SSLContext
    server_name: str = ""
    kept: int
    max_bytes: int = MAX_REPLY_BYTES


def client_for(options: ConnectionOptions, watchdog: Watchdog, proxy: str = "") -> HttpClient:
    """A client with connections of its own, which lead through ``proxy`` if it is not ""."""
    arguments: dict[str, Any] = {"maxsize": options.kept, "ssl_context": options.context}
    if options.server_name:
        arguments["server_hostname"] = options.server_name
    if not proxy:
        return HttpClient(urllib3.PoolManager(**arguments), watchdog, max_bytes=options.max_bytes)
    credentials = parse_url(proxy).auth
    headers = make_headers(proxy_basic_auth=credentials) if credentials else None
    pools = urllib3.ProxyManager(proxy, proxy_headers=headers, **arguments)
    return HttpClient(pools, watchdog, max_bytes=options.max_bytes)


class ClientsByProxy:
    """A client for direct connections and one for each proxy."""

    def __init__(self, options: ConnectionOptions, watchdog: Watchdog, proxies: ProxySettings) -> None:
        """Raises ConfigError for a proxy of a kind that is not supported."""
        self._proxies = proxies
        self._direct = client_for(options, watchdog)
        named = {proxy_for(f"{scheme}://proxied.invalid", proxies) for scheme in ("http", "https")}
        self._by_proxy = {proxy: client_for(options, watchdog, proxy) for proxy in sorted(named) if proxy}

    def of(self, url: str) -> HttpClient:
        """The client for ``url``."""
        if not self._by_proxy:
            return self._direct
        proxy = proxy_for(url, self._proxies)
        return self._by_proxy[proxy] if proxy else self._direct

    def close(self) -> None:
        """Close the idle connections."""
        for client in (self._direct, *self._by_proxy.values()):
            client.close()


class RenewedClients:
    """Clients that are made again when their TLS files change; safe to use from many threads.

    Files that cannot be used (half written, for example) leave the old clients in use; ``on_unusable`` is
    called.
    """

    def __init__(
        self,
        paths: Callable[[], Iterable[Path]],
        make: Callable[[], ClientsByProxy],
        on_unusable: Callable[[ConfigError], None],
    ) -> None:
        """Raise what ``make`` raises, which reads the files at ``paths``."""
        self._made = FileBacked(paths, make, ClientsByProxy.close)
        self._on_unusable = on_unusable

    def of(self, url: str) -> HttpClient:
        """The client for ``url``, made from the files that are in use."""
        return self._made.current.of(url)

    def send(self, url: str, send: Callable[[HttpClient], T]) -> T:
        """The result of ``send`` with the client for ``url``; tried again with newer files if TLS fails."""
        used = self._made.current
        try:
            return send(used.of(url))
        except TlsFailed:
            # No request was sent yet, so the call can safely be made again with renewed files.
            if not self._made.newer_than(used, self._on_unusable):
                raise
        return send(self.of(url))

    def refresh(self) -> bool:
        """Read the TLS files again if they changed; returns whether new ones are in use."""
        return self._made.refresh(self._on_unusable)

    def close(self) -> None:
        """Close the idle connections."""
        self._made.current.close()
