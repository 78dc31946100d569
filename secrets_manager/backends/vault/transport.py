"""Requests to Vault over pooled connections: addresses, proxies, TLS files, redirects, JSON.

It returns replies and decides nothing about them. It must not know the life of tokens, engines or paths, and
hvac must not know how any of this is done.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import urllib3
from urllib3.exceptions import InsecureRequestWarning

from secrets_manager.backends.base import Clock
from secrets_manager.backends.kit.call_time import time_left, timed_call
from secrets_manager.backends.kit.named_log import NamedLog
from secrets_manager.backends.kit.rate_limit import RateLimit
from secrets_manager.backends.vault.faults import from_transport
from secrets_manager.backends.vault.redirects import MAX_REDIRECTS, REDIRECTS, TrustedHosts, next_address
from secrets_manager.domain.backend_name import DEFAULT_BACKEND
from secrets_manager.domain.errors import BackendUnavailable, ConfigError, NoAnswerYet
from secrets_manager.runtime import huge_numbers
from secrets_manager.runtime.byte_budget import ByteBudget, Claim, NoRoom
from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.runtime.http.client import MAX_REPLY_BYTES, HttpClient
from secrets_manager.runtime.http.clients import ClientsByProxy, ConnectionOptions, RenewedClients
from secrets_manager.runtime.http.messages import Reply, Request
from secrets_manager.runtime.http.retry_after import asked_pause
from secrets_manager.runtime.http.transport_errors import ReplyTooLarge, TransportError
from secrets_manager.runtime.http.trust import TlsFiles, tls_context
from secrets_manager.runtime.json_spans import Malformed
from secrets_manager.runtime.json_view import Parsed, view
from secrets_manager.runtime.shallow import TOO_DEEP
from secrets_manager.runtime.terms import Terms
from secrets_manager.settings import VaultSettings

_LOG = logging.getLogger(__name__)
_LONGEST_PAUSE = 3600.0
# The usual storages hold 1 MiB in one entry; the rest is JSON around it. Every worker may receive this much
# at once; larger replies claim bytes of a budget, which has enough for three replies of the largest size.
_USUAL_BYTES = 1280 * 1024
_ROOM_FOR_LARGE = 24 * 1024 * 1024
# The longest wait of a worker for that budget, in seconds.
_LONGEST_WAIT = 2.0
# Up to this size a reply is parsed: at worst it becomes thirty times as large.
_PARSED_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultCall:
    """One call of Vault's API; ``path`` starts with ``/v1/`` and is percent-encoded already.

    The deadline of ``terms`` covers redirects and the wait for its turn; their first try limits each
    exchange. The reply to a ``read`` may be large, and is then returned as a view of its bytes.
    """

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    terms: Terms
    read: bool = False


@dataclass(frozen=True, slots=True)
class VaultAnswer:
    """Vault's reply: ``content`` is the JSON map of the body, None for any other body.

    It is {} for 204 No Content, and for a map that is nested too deep to be read. ``index`` is the name that
    the reply gives to the state it comes from, "" if it gives none.
    """

    status: int
    content: Mapping[str, Any] | None = field(repr=False)
    retry_after: float | None = None
    index: str = field(default="", repr=False)


class VaultTransport:
    """Sends calls from many threads, within a rate limit. TLS files are read again when they change."""

    def __init__(
        self,
        settings: VaultSettings,
        watchdog: Watchdog,
        *,
        connections: int,
        clock: Clock = time.monotonic,
        name: str = DEFAULT_BACKEND,
    ) -> None:
        """``name`` is that of the backend in the settings.

        Raises ConfigError when the TLS files or the proxy cannot be used.
        """
        self.name = name
        self._base = settings.url.rstrip("/")
        self._trusted = TrustedHosts.of(settings)
        self._limit = RateLimit(settings.max_requests_per_second, clock)
        log = NamedLog(_LOG, name)
        self._clients = RenewedClients(
            tls_files(settings).paths,
            lambda: _make_clients(settings, watchdog, connections, log),
            partial(_log_unusable, log),
        )
        self._large = ByteBudget(_ROOM_FOR_LARGE)

    def send(self, call: VaultCall) -> VaultAnswer:
        """Send ``call`` and follow its redirects; raises BackendFault or NoAnswerYet if there is no reply.

        Raises TooManyParts for the reply to a read that has too many parts to be examined.
        """
        url = self._base + call.path
        for _ in range(MAX_REDIRECTS + 1):
            try:
                reply, hold = self._clients.send(url, partial(self._send_sized, url, call))
            except TransportError as error:
                raise from_transport(error) from None
            if reply.status not in REDIRECTS:
                return _answer(reply, viewed=call.read, hold=hold)
            url = next_address(url, reply.headers.get("location"), self._trusted)
        raise BackendUnavailable("Vault sent too many redirects")

    def refresh(self) -> bool:
        """Read the TLS files again if they changed; returns whether new ones are in use.

        Files that cannot be used (half written, for example) leave the old ones in use.
        """
        return self._clients.refresh()

    def close(self) -> None:
        """Close the idle connections."""
        self._clients.close()

    def _send_sized(self, url: str, call: VaultCall, client: HttpClient) -> tuple[Reply, Claim | None]:
        """The reply, and its claim on the budget for large replies."""
        try:
            return self._send_timed(url, call, client, _USUAL_BYTES), None
        except ReplyTooLarge:
            if not call.read:
                raise
        hold = self._room(call.terms)
        try:
            reply = self._send_timed(url, call, client, MAX_REPLY_BYTES)
        except BaseException:
            # The frames of an error live until they are collected, and must not keep the claim until then.
            hold.release()
            raise
        hold.shrink(len(reply.body))
        return reply, hold

    def _send_timed(self, url: str, call: VaultCall, client: HttpClient, max_bytes: int) -> Reply:
        self._limit.turn(call.terms)
        deadline = call.terms.deadline
        time_left(deadline, "Vault")
        request = Request(
            method=call.method, url=url, headers=call.headers, body=call.body, deadline=deadline
        )
        return timed_call(client, request, call.terms, max_bytes)

    def _room(self, terms: Terms) -> Claim:
        try:
            return self._large.claim(MAX_REPLY_BYTES, min(time_left(terms.deadline, "Vault"), _LONGEST_WAIT))
        except NoRoom:
            raise NoAnswerYet("too many large replies are being read; the next try follows") from None


def tls_files(settings: VaultSettings) -> TlsFiles:
    """The TLS files of ``settings``."""
    return TlsFiles(
        ca_file=settings.ca_cert,
        ca_folder=settings.ca_path,
        certificate=settings.client_cert,
        key=settings.client_key,
        verify=not settings.skip_verify,
        named={
            "ca_file": f"{settings.table}.ca-cert",
            "ca_folder": f"{settings.table}.ca-path",
            "certificate": f"{settings.table}.client-cert",
            "key": f"{settings.table}.client-key",
        },
    )


def _log_unusable(log: NamedLog, error: ConfigError) -> None:
    extra = {"operation": "tls", "error": error.message}
    log.warning("new TLS files cannot be used; the old ones stay in use", extra=extra)


def _make_clients(
    settings: VaultSettings, watchdog: Watchdog, connections: int, log: NamedLog
) -> ClientsByProxy:
    context = tls_context(tls_files(settings))
    if settings.skip_verify:
        # Logged once; urllib3 would warn for each connection.
        log.warning(
            "Vault's certificate is NOT verified, as %s.skip-verify says",
            settings.table,
            extra={"operation": "tls"},
        )
        urllib3.disable_warnings(InsecureRequestWarning)
    options = ConnectionOptions(context=context, server_name=settings.tls_server_name, kept=connections)
    return ClientsByProxy(options, watchdog, settings.proxy)


def _answer(reply: Reply, *, viewed: bool = False, hold: Claim | None = None) -> VaultAnswer:
    content = _view_content(reply, hold) if viewed else _content(reply)
    return VaultAnswer(reply.status, content, _pause(reply), reply.headers.get("x-vault-index", ""))


def _pause(reply: Reply) -> float | None:
    asked = reply.headers.get("retry-after")
    if asked is None and reply.status == 429:
        # A gateway in front of Vault may name only the end of the quota's interval.
        asked = reply.headers.get("x-ratelimit-reset")
    return asked_pause(asked, reply.headers.get("date"), longest=_LONGEST_PAUSE)


def _content(reply: Reply) -> Mapping[str, Any] | None:
    if reply.status == 204:
        return {}
    try:
        content = huge_numbers.loads(reply.body)
    except ValueError as error:
        # A secret that is nested too deep is a fault of that secret, not of the server.
        return {} if TOO_DEEP in str(error) and reply.body.lstrip()[:1] == b"{" else None
    return content if isinstance(content, dict) else None


def _view_content(reply: Reply, hold: Claim | None) -> Mapping[str, Any] | None:
    """The same; a reply that is large or nested too deep for the parser becomes a view of its bytes."""
    small = len(reply.body) <= _PARSED_BYTES
    content = _content(reply) if small else {}
    if small and (content or content is None or reply.status == 204):
        return Parsed(content, reply.body) if content else content
    try:
        return view(reply.body, hold)
    except Malformed:
        return None
