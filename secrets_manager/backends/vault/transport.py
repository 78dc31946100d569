"""Requests to Vault over pooled connections: addresses, proxies, TLS files, redirects, JSON.

It reports what came back and decides nothing about it. It must not know of tokens' lives, engines or paths,
and hvac must not know how any of this is done.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
import urllib3
from urllib3.exceptions import InsecureRequestWarning
from urllib3.util import make_headers, parse_url

from secrets_manager.backends.base import Clock
from secrets_manager.backends.shared.budget import Budget
from secrets_manager.backends.shared.exchange import exchange
from secrets_manager.backends.shared.proxies import proxy_for
from secrets_manager.backends.shared.rate_limit import RateLimit
from secrets_manager.backends.vault.faults import from_transport
from secrets_manager.backends.vault.redirects import MAX_REDIRECTS, REDIRECTS, host_of, next_address
from secrets_manager.backends.vault.tls import fingerprint, tls_context
from secrets_manager.domain.errors import BackendUnavailable, ConfigError
from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.runtime.http import HttpClient
from secrets_manager.runtime.hurry import Hurry
from secrets_manager.runtime.messages import Reply, Request
from secrets_manager.runtime.retry_after import asked_pause
from secrets_manager.runtime.transport_errors import TlsFailed, TransportError
from secrets_manager.settings import VaultSettings

_LOG = logging.getLogger(__name__)
_LONGEST_PAUSE = 3600.0
# The parser's word for more than 1024 maps or lists within each other.
_TOO_DEEP = "depth limit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of Vault's API; ``path`` starts with ``/v1/`` and is percent-encoded already.

    ``timeout`` is in seconds and counts redirects and the wait for its turn; ``hurry`` each exchange alone.
    """

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    timeout: float
    hurry: Hurry | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What Vault said: ``content`` is the body's JSON map, None for anything else.

    It is {} for 204 No Content, and for a map that is nested too deep to be read.
    """

    status: int
    content: Mapping[str, Any] | None = field(repr=False)
    retry_after: float | None = None


class Transport:
    """Sends calls from many threads, so many a second at most. TLS files are read again when they change."""

    def __init__(
        self, settings: VaultSettings, watchdog: Watchdog, *, connections: int, clock: Clock = time.monotonic
    ) -> None:
        """Raises ConfigError when the TLS files or the proxy cannot be used."""
        self._settings = settings
        self._watchdog = watchdog
        self._connections = connections
        self._clock = clock
        self._base = settings.url.rstrip("/")
        self._trusted_hosts = frozenset((host_of(settings.url), *map(str.lower, settings.redirect_hosts)))
        self._limit = RateLimit(settings.max_requests_per_second, clock)
        self._rebuilding = threading.Lock()
        self._seen = fingerprint(settings)
        self._clients = _Clients(settings, watchdog, connections)

    def send(self, call: Call) -> Answer:
        """Send ``call`` and follow its redirects; raises BackendFault or NoAnswerYet if there is no reply."""
        budget = Budget(call.timeout, self._clock, "Vault")
        url = self._base + call.path
        for _ in range(MAX_REDIRECTS + 1):
            reply = self._exchange(url, call, budget)
            if reply.status not in REDIRECTS:
                return _answer(reply)
            url = next_address(url, reply.headers.get("location"), self._trusted_hosts)
        raise BackendUnavailable("Vault sent too many redirects")

    def refresh(self) -> bool:
        """Read the TLS files again if they changed; true when new ones are in use from now on.

        Files that cannot be used (half written, say) leave the old ones in force.
        """
        with self._rebuilding:
            current = fingerprint(self._settings)
            if current == self._seen:
                return False
            self._seen = current
            try:
                fresh = _Clients(self._settings, self._watchdog, self._connections)
            except ConfigError:
                _LOG.warning("new TLS files cannot be used", extra={"backend": "vault", "operation": "tls"})
                return False
            old, self._clients = self._clients, fresh
        old.close()
        return True

    def close(self) -> None:
        """Close the idle connections."""
        self._clients.close()

    def _exchange(self, url: str, call: Call, budget: Budget) -> Reply:
        try:
            return self._once(url, call, budget)
        except TlsFailed as error:
            # Nothing was sent yet, so with a renewed authority the call may simply be made again.
            if not self.refresh():
                raise from_transport(error) from None
        except TransportError as error:
            raise from_transport(error) from None
        try:
            return self._once(url, call, budget)
        except TransportError as error:
            raise from_transport(error) from None

    def _once(self, url: str, call: Call, budget: Budget) -> Reply:
        self._limit.turn(budget)
        request = Request(
            method=call.method, url=url, headers=call.headers, body=call.body, timeout=budget.left()
        )
        return exchange(self._clients.of(url), request, call.hurry, self._clock)


class _Clients:
    """The connection pools of one set of TLS files: direct ones and one per proxy."""

    def __init__(self, settings: VaultSettings, watchdog: Watchdog, connections: int) -> None:
        self._proxy = settings.proxy
        options = _pool_options(settings, connections)
        proxies = {proxy_for(f"{scheme}://proxied.invalid", self._proxy) for scheme in ("http", "https")}
        self._by_proxy = {
            proxy: HttpClient(_proxied(proxy, options), watchdog) for proxy in sorted(proxies) if proxy
        }
        self._direct = HttpClient(urllib3.PoolManager(**options), watchdog)

    def of(self, url: str) -> HttpClient:
        if not self._by_proxy:
            return self._direct
        proxy = proxy_for(url, self._proxy)
        return self._by_proxy[proxy] if proxy else self._direct

    def close(self) -> None:
        for client in (self._direct, *self._by_proxy.values()):
            client.close()


def _pool_options(settings: VaultSettings, connections: int) -> dict[str, Any]:
    options: dict[str, Any] = {"maxsize": connections, "ssl_context": tls_context(settings)}
    if settings.tls_server_name:
        options["server_hostname"] = settings.tls_server_name
    if settings.skip_verify:
        # Said once, loudly; urllib3 would say it for each connection.
        _LOG.warning("certificates of Vault are NOT verified", extra={"backend": "vault", "operation": "tls"})
        urllib3.disable_warnings(InsecureRequestWarning)
    return options


def _proxied(proxy: str, options: dict[str, Any]) -> urllib3.ProxyManager:
    credentials = parse_url(proxy).auth
    headers = make_headers(proxy_basic_auth=credentials) if credentials else None
    return urllib3.ProxyManager(proxy, proxy_headers=headers, **options)


def _answer(reply: Reply) -> Answer:
    asked, date = reply.headers.get("retry-after"), reply.headers.get("date")
    return Answer(reply.status, _content(reply), asked_pause(asked, date, longest=_LONGEST_PAUSE))


def _content(reply: Reply) -> Mapping[str, Any] | None:
    if reply.status == 204:
        return {}
    try:
        content = orjson.loads(reply.body)
    except ValueError as error:
        # A secret may be nested deeper than can be read: that is its own fault, not the server's.
        return {} if _TOO_DEEP in str(error) and reply.body.lstrip()[:1] == b"{" else None
    return content if isinstance(content, dict) else None
