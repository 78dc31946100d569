"""The SDK on our HTTP client: total deadlines, size caps, no redirects, no hidden retries, our proxies.

The SDK's own transport would count its timeouts anew with every byte, read the environment and share one
session of requests among all threads; none of that code runs here. This module must not know what is asked
for, nor which status means what.
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
import ssl
import threading
import time
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

import orjson
import urllib3
from azure.core.exceptions import HttpResponseError, ServiceRequestError
from azure.core.pipeline.transport import HttpTransport
from azure.core.rest import HttpRequest, HttpResponse
from azure.core.utils import case_insensitive_dict
from urllib3.util import make_headers, parse_url

from secrets_manager.backends.azure_key_vault.faults import from_transport
from secrets_manager.backends.base import Clock
from secrets_manager.backends.shared.budget import Budget
from secrets_manager.backends.shared.exchange import exchange
from secrets_manager.backends.shared.proxies import proxy_for
from secrets_manager.backends.shared.rate_limit import RateLimit
from secrets_manager.domain.errors import BackendFault, BackendUnavailable, ConfigError, NoAnswerYet
from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.runtime.http import HttpClient
from secrets_manager.runtime.hurry import current_hurry
from secrets_manager.runtime.messages import Reply, Request
from secrets_manager.runtime.transport_errors import TransportError
from secrets_manager.settings import AzureKvSettings


@dataclass(slots=True)
class Exchange:
    """What happened on the wire during one call of the SDK, which wraps and rewords all of it.

    Attributes:
        budget: the time that the call has in all.
        fault: why the last request got no reply, or None when it got one.
        reply: the last reply. Hidden: it may hold a secret.

    """

    budget: Budget
    fault: BackendFault | NoAnswerYet | None = None
    reply: Reply | None = field(default=None, repr=False)


class Clients:
    """The connection pools, direct and one per proxy, and the pace: shared by all that speak to Azure."""

    def __init__(
        self,
        settings: AzureKvSettings,
        watchdog: Watchdog,
        *,
        connections: int,
        clock: Clock = time.monotonic,
    ) -> None:
        """Raises ConfigError when the trusted certificates or a proxy cannot be used."""
        self.clock = clock
        self.limit = RateLimit(settings.max_requests_per_second, clock)
        self._proxy = settings.proxy
        options: dict[str, Any] = {"maxsize": connections, "ssl_context": _tls_context(settings.ca_cert)}
        proxies = {proxy_for(f"{scheme}://proxied.invalid", self._proxy) for scheme in ("http", "https")}
        self._by_proxy = {
            proxy: HttpClient(_proxied(proxy, options), watchdog) for proxy in sorted(proxies) if proxy
        }
        self._direct = HttpClient(urllib3.PoolManager(**options), watchdog)

    def of(self, url: str) -> HttpClient:
        """The client for ``url``. The machine's own metadata address is never asked through a proxy."""
        if not self._by_proxy or _is_link_local(url):
            return self._direct
        proxy = proxy_for(url, self._proxy)
        return self._by_proxy[proxy] if proxy else self._direct

    def close(self) -> None:
        """Close the idle connections."""
        for client in (self._direct, *self._by_proxy.values()):
            client.close()


class Transport(HttpTransport[HttpRequest, HttpResponse]):
    """What the SDK sends with. Each thread says with ``within`` how much time its call has."""

    def __init__(self, clients: Clients, server: str, *, only_host: str = "") -> None:
        """``server`` is who is spoken to, for messages; ``only_host`` refuses every other host and port."""
        self._clients = clients
        self._server = server
        self._only_host = only_host.lower()
        self._current = threading.local()

    @contextlib.contextmanager
    def within(self, budget: Budget) -> Iterator[Exchange]:
        """Let the calls of this thread that are made in the block share ``budget``."""
        exchange = self._current.exchange = Exchange(budget)
        try:
            yield exchange
        finally:
            self._current.exchange = None

    def time_left(self) -> float:
        """Seconds that are left to the call of this thread; raises BackendTimeout when none are."""
        exchange: Exchange = self._current.exchange
        return exchange.budget.left()

    def send(self, request: HttpRequest, **_options: Any) -> HttpResponse:
        """Send one request; raises ServiceRequestError, and the exchange tells why."""
        current: Exchange = self._current.exchange
        try:
            self._check_host(request.url)
            current.reply, current.fault = self._call(request, current.budget), None
        except TransportError as error:
            current.fault, current.reply = from_transport(error, self._server), None
        except (BackendFault, NoAnswerYet) as fault:
            current.fault, current.reply = fault, None
        else:
            return SdkResponse(request, current.reply)
        raise ServiceRequestError("no reply") from None

    def open(self) -> None:
        """Nothing to do: connections are made when needed."""

    def close(self) -> None:
        """Leave the connections alone: they are shared."""

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _call(self, request: HttpRequest, budget: Budget) -> Reply:
        self._clients.limit.turn(budget)
        content = Request(
            method=request.method,
            url=request.url,
            headers=dict(request.headers),
            body=_body(request.content),
            timeout=budget.left(),
        )
        # Who is in a hurry about a secret is in none about the token for it.
        hurry = current_hurry() if self._only_host else None
        return exchange(self._clients.of(request.url), content, hurry, self._clients.clock)

    def _check_host(self, url: str) -> None:
        # The next page of a list is where the last one says: never take a token anywhere else.
        if self._only_host and urlsplit(url).netloc.lower().removesuffix(":443") != self._only_host:
            raise BackendUnavailable(f"{self._server} points to another host")


class SdkResponse(HttpResponse):
    """A whole reply in the shape that the SDK expects."""

    def __init__(self, request: HttpRequest, reply: Reply) -> None:
        self._request = request
        self._reply = reply
        self._headers = case_insensitive_dict(dict(reply.headers))
        self._encoding: str | None = "utf-8-sig"

    @property
    def request(self) -> HttpRequest:
        """The request that was answered."""
        return self._request

    @property
    def status_code(self) -> int:
        """The HTTP status."""
        return self._reply.status

    @property
    def headers(self) -> MutableMapping[str, str]:
        """The headers, case-insensitive."""
        return self._headers

    @property
    def reason(self) -> str:
        """No phrase: it is the server's to write, and would end in messages."""
        return ""

    @property
    def content_type(self) -> str | None:
        """The Content-Type header."""
        return self._headers.get("content-type")

    @property
    def is_closed(self) -> bool:
        """Always: the reply is here as a whole."""
        return True

    @property
    def is_stream_consumed(self) -> bool:
        """Always: the reply is here as a whole."""
        return True

    @property
    def encoding(self) -> str | None:
        """The encoding of ``text``."""
        return self._encoding

    @encoding.setter
    def encoding(self, value: str | None) -> None:
        self._encoding = value

    @property
    def url(self) -> str:
        """The address that answered."""
        return self._request.url

    @property
    def content(self) -> bytes:
        """The body."""
        return self._reply.body

    def text(self, encoding: str | None = None) -> str:
        """The body as text."""
        return self._reply.body.decode(encoding or self._encoding or "utf-8-sig", errors="replace")

    def json(self) -> Any:
        """The body as JSON; raises ValueError."""
        try:
            return orjson.loads(self._reply.body)
        except ValueError:
            # The other one takes half of a surrogate pair, which a value may hold.
            return json.loads(self._reply.body)

    def raise_for_status(self) -> None:
        """Raise for a status from 400 on."""
        if self.status_code >= 400:
            raise HttpResponseError(response=self)

    def read(self) -> bytes:
        """The body."""
        return self._reply.body

    def iter_raw(self, **_options: Any) -> Iterator[bytes]:
        """The body in one piece."""
        return iter((self._reply.body,))

    def iter_bytes(self, **_options: Any) -> Iterator[bytes]:
        """The body in one piece."""
        return iter((self._reply.body,))

    def close(self) -> None:
        """Nothing is open."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        return None


def _body(content: Any) -> bytes | None:
    if isinstance(content, Mapping):
        fields = {name: value for name, value in content.items() if value is not None}
        return urlencode(fields, doseq=True).encode()
    return content.encode() if isinstance(content, str) else content


def _is_link_local(url: str) -> bool:
    try:
        return ipaddress.ip_address(urlsplit(url).hostname or "").is_link_local
    except ValueError:
        return False


def _proxied(proxy: str, options: dict[str, Any]) -> urllib3.ProxyManager:
    credentials = parse_url(proxy).auth
    headers = make_headers(proxy_basic_auth=credentials) if credentials else None
    return urllib3.ProxyManager(proxy, proxy_headers=headers, **options)


def _tls_context(ca_cert: str) -> ssl.SSLContext:
    context = ssl.create_default_context() if not ca_cert else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not ca_cert:
        return context
    try:
        context.load_verify_locations(cadata=Path(ca_cert).read_text(encoding="latin-1"))
    except OSError as error:
        # ssl.SSLError is an OSError too, and its text says nothing that helps.
        reason = "it holds no PEM certificate" if isinstance(error, ssl.SSLError) else error.strerror
        raise ConfigError(f"azure-kv.ca-cert: file {ca_cert!r} cannot be used: {reason}") from None
    return context
