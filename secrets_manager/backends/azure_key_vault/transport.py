"""The SDK on our HTTP client: total deadlines, size caps, no redirects, no hidden retries, our proxies.

The SDK's own transport would restart its timeouts with every byte, read the environment and share one session
of requests among all threads; none of that code runs here. This module must not know the purpose of a
request, nor the meaning of a status.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from azure.core.exceptions import ServiceRequestError
from azure.core.pipeline.transport import HttpTransport
from azure.core.rest import HttpRequest, HttpResponse

from secrets_manager.backends.base import Clock
from secrets_manager.backends.kit.azure_sdk import SdkResponse, body_of
from secrets_manager.backends.kit.call_time import time_left, timed_call
from secrets_manager.backends.kit.named_log import NamedLog
from secrets_manager.backends.kit.no_reply import no_reply
from secrets_manager.backends.kit.rate_limit import RateLimit
from secrets_manager.domain.backend_name import DEFAULT_BACKEND
from secrets_manager.domain.errors import BackendFault, BackendUnavailable, ConfigError, NoAnswerYet
from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.runtime.http.client import HttpClient
from secrets_manager.runtime.http.clients import ClientsByProxy, ConnectionOptions, RenewedClients
from secrets_manager.runtime.http.messages import Reply, Request
from secrets_manager.runtime.http.transport_errors import TransportError
from secrets_manager.runtime.http.trust import TlsFiles, tls_context
from secrets_manager.runtime.terms import Terms
from secrets_manager.settings import AzureKvSettings

# A key vault's values have 25 KB and its pages 25 items; every worker may have such a reply at once.
_MOST_BYTES = 1024 * 1024
_LINK_LOCAL = ("169.254.0.0/16", "fe80::/10")
_LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class SdkExchange:
    """The last request and reply of one call of the SDK, which rewords errors and replies.

    Attributes:
        terms: the terms of the call, for all its requests together.
        fault: why the last request got no reply, or None if it got one.
        reply: the last reply. Hidden: it may hold a secret.

    """

    terms: Terms
    fault: BackendFault | NoAnswerYet | None = None
    reply: Reply | None = field(default=None, repr=False)


class KeyVaultClients(RenewedClients):
    """The HTTP clients and the rate limit, shared by all calls to Azure."""

    def __init__(
        self,
        settings: AzureKvSettings,
        watchdog: Watchdog,
        *,
        connections: int,
        clock: Clock = time.monotonic,
        name: str = DEFAULT_BACKEND,
    ) -> None:
        """Raises ConfigError when the trusted certificates or a proxy cannot be used."""
        self.clock = clock
        self.limit = RateLimit(settings.max_requests_per_second, clock)
        files = tls_files(settings)
        # The metadata address of the machine is never called through a proxy.
        proxies = replace(settings.proxy, no_proxy=(*settings.proxy.no_proxy, *_LINK_LOCAL))

        def make() -> ClientsByProxy:
            options = ConnectionOptions(context=tls_context(files), kept=connections, max_bytes=_MOST_BYTES)
            return ClientsByProxy(options, watchdog, proxies)

        super().__init__(files.paths, make, partial(_log_unusable, NamedLog(_LOG, name)))


class KeyVaultTransport(HttpTransport[HttpRequest, HttpResponse]):
    """The transport of the SDK. Each thread sets the terms of its call with ``on``."""

    def __init__(self, clients: KeyVaultClients, server: str, *, only_host: str = "") -> None:
        """``server`` is its name in messages; with ``only_host`` every other host and port is refused."""
        self._clients = clients
        self._server = server
        self._only_host = only_host.lower()
        self._current = threading.local()

    @contextlib.contextmanager
    def on(self, terms: Terms) -> Iterator[SdkExchange]:
        """Let all requests of this thread in the block share ``terms``."""
        exchange = self._current.exchange = SdkExchange(terms)
        try:
            yield exchange
        finally:
            self._current.exchange = None

    def time_left(self) -> float:
        """Seconds that the call of this thread has left; raises BackendTimeout when there are none."""
        exchange: SdkExchange = self._current.exchange
        return time_left(exchange.terms.deadline, self._server)

    def send(self, request: HttpRequest, **_options: Any) -> HttpResponse:
        """Send one request; raises ServiceRequestError, and the exchange holds the reason."""
        current: SdkExchange = self._current.exchange
        try:
            self._check_host(request.url)
            current.reply, current.fault = self._call(request, current.terms), None
        except TransportError as error:
            current.fault, current.reply = no_reply(error, self._server), None
        except (BackendFault, NoAnswerYet) as fault:
            current.fault, current.reply = fault, None
        else:
            return SdkResponse(request, current.reply)
        raise ServiceRequestError("no reply") from None

    def open(self) -> None:
        """Do nothing: connections are made when needed."""

    def close(self) -> None:
        """Do nothing: the connections are shared."""

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _call(self, request: HttpRequest, terms: Terms) -> Reply:
        content = Request(
            method=request.method,
            url=request.url,
            headers=dict(request.headers),
            body=body_of(request),
            deadline=terms.deadline,
        )
        return self._clients.send(request.url, lambda client: self._send_timed(client, content, terms))

    def _send_timed(self, client: HttpClient, request: Request, terms: Terms) -> Reply:
        self._clients.limit.turn(terms)
        time_left(terms.deadline, self._server)
        return timed_call(client, request, terms, _MOST_BYTES)

    def _check_host(self, url: str) -> None:
        # The last page of a list names the URL of the next: never send a token to another host.
        if self._only_host and urlsplit(url).netloc.lower().removesuffix(":443") != self._only_host:
            raise BackendUnavailable(f"{self._server} points to another host, which is not followed")


def tls_files(settings: AzureKvSettings) -> TlsFiles:
    """The TLS files of ``settings``."""
    return TlsFiles(ca_file=settings.ca_cert, named={"ca_file": f"{settings.table}.ca-cert"})


def _log_unusable(log: NamedLog, error: ConfigError) -> None:
    extra = {"operation": "tls", "error": error.message}
    log.warning("new TLS files cannot be used; the old ones stay in use", extra=extra)
