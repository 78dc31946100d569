"""Signed calls by the daemon's HTTP client: total deadlines, size caps, no redirects, no hidden retries.

This module must not know what the actions of the API mean, nor the meaning of a refusal.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import orjson

from secrets_manager.backends.base import Clock
from secrets_manager.backends.kit.call_time import time_left, timed_call
from secrets_manager.backends.kit.named_log import NamedLog
from secrets_manager.backends.kit.no_reply import no_reply
from secrets_manager.backends.kit.rate_limit import RateLimit
from secrets_manager.domain.errors import ConfigError
from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.runtime.http.client import HttpClient
from secrets_manager.runtime.http.clients import ClientsByProxy, ConnectionOptions, RenewedClients
from secrets_manager.runtime.http.messages import Reply, Request
from secrets_manager.runtime.http.transport_errors import TransportError
from secrets_manager.runtime.http.trust import TlsFiles, tls_context
from secrets_manager.runtime.terms import Terms
from secrets_manager_aws import faults
from secrets_manager_aws.endpoints import endpoint_of
from secrets_manager_aws.settings import AwsSettings
from secrets_manager_aws.signing import AccessKey, signed_headers

_LOG = logging.getLogger(__name__)
# A secret has at most 64 KiB, and each of its bytes may take six in JSON; a batch has twenty secrets.
_MOST_BYTES = 8 * 1024 * 1024
_HEADERS = {"Content-Type": "application/x-amz-json-1.1"}


class SignedCalls(RenewedClients):
    """Sends actions of the API, for many threads; ``refresh`` reads new trusted certificates."""

    def __init__(
        self, settings: AwsSettings, watchdog: Watchdog, *, connections: int, clock: Clock, name: str
    ) -> None:
        """``name`` is the backend's in the settings.

        Raises ConfigError when the trusted certificates or a proxy cannot be used.
        """
        self._url = endpoint_of(settings)
        self._region = settings.region
        self._limit = RateLimit(settings.max_requests_per_second, clock)
        files = TlsFiles(ca_file=settings.ca_cert, named={"ca_file": "ca-cert"})

        def make() -> ClientsByProxy:
            options = ConnectionOptions(context=tls_context(files), kept=connections, max_bytes=_MOST_BYTES)
            return ClientsByProxy(options, watchdog, settings.proxy)

        log = NamedLog(_LOG, name)
        super().__init__(files.paths, make, lambda error: _log_unusable(log, error))

    def call(self, action: str, content: Mapping[str, Any], key: AccessKey, terms: Terms) -> dict[str, Any]:
        """The answer to an action of the API.

        Raises Refused for an answer with an error, otherwise a BackendFault, or NoAnswerYet.
        """
        body = orjson.dumps(content)
        headers = {**_HEADERS, "X-Amz-Target": f"secretsmanager.{action}"}
        try:
            reply = self.send(self._url, lambda client: self._sent(client, headers, body, key, terms))
        except TransportError as error:
            raise no_reply(error, faults.SERVICE) from None
        if reply.status != 200:
            raise faults.Refused(faults.parse_refusal(reply))
        return _content(reply)

    def _sent(
        self, client: HttpClient, headers: Mapping[str, str], body: bytes, key: AccessKey, terms: Terms
    ) -> Reply:
        self._limit.turn(terms)
        time_left(terms.deadline, faults.SERVICE)
        # Signed after the wait for a turn, since a signature has the time in it.
        signed = signed_headers(self._url, headers, body, key, self._region)
        request = Request(method="POST", url=self._url, headers=signed, body=body, deadline=terms.deadline)
        return timed_call(client, request, terms, _MOST_BYTES)


def _content(reply: Reply) -> dict[str, Any]:
    try:
        content = orjson.loads(reply.body)
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise faults.not_ours()
    return content


def _log_unusable(log: NamedLog, error: ConfigError) -> None:
    extra = {"operation": "tls", "error": error.message}
    log.warning("new TLS files cannot be used; the old ones stay in use", extra=extra)
