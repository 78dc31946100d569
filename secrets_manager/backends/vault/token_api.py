"""The calls that make, look up and renew a token, as values in and values out.

Decisions about a token are made elsewhere, and the transport sends the requests.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar
from urllib.parse import quote

import hvac

from secrets_manager.backends.base import Clock
from secrets_manager.backends.kit.credential_files import Fingerprint
from secrets_manager.backends.kit.named_log import NamedLog
from secrets_manager.backends.kit.timed import Timed
from secrets_manager.backends.vault.adapter import open_client
from secrets_manager.backends.vault.faults import VaultRefused, from_status, is_dr_secondary
from secrets_manager.backends.vault.logins import METHODS, GivenToken, LoginRequest
from secrets_manager.backends.vault.logins.errand import Errands
from secrets_manager.backends.vault.seal import SealStatus
from secrets_manager.backends.vault.standbys import LongLag, Transport
from secrets_manager.backends.vault.telemetry import VaultTelemetry
from secrets_manager.backends.vault.token_replies import (
    Grant,
    ServerFacts,
    TokenFacts,
    grant_in,
    server_facts,
    token_facts,
)
from secrets_manager.domain.errors import (
    AuthFailed,
    BackendFault,
    BackendSealed,
)
from secrets_manager.settings import VaultSettings

_HEALTH_SECONDS = 2.0
# It is asked after a read was answered, so it comes on top of the time that the read may take.
_SEAL_SECONDS = 0.8
_LOG = logging.getLogger(__name__)

T = TypeVar("T")


class TokenRejected(Exception):
    """Vault answered 403 to a call about the token itself, or has lacked its state for a minute (412)."""


class TokenApi(Protocol):
    """The calls that a session makes. Each raises a BackendFault when it fails."""

    def log_in(self) -> Grant:
        """A new token; raises AuthFailed when the credentials are refused."""

    def superseded(self, token: str) -> bool:
        """Whether a file holds another token by now, or another certificate than the one that got it."""

    def look_up(self, token: str) -> TokenFacts:
        """The life of ``token``; raises TokenRejected on 403."""

    def renew(self, token: str, increment: float) -> Grant:
        """Ask for ``increment`` seconds of life; raises TokenRejected on 403."""

    def revoke(self, token: str) -> None:
        """Revoke ``token``; a failure is ignored."""

    def health(self) -> ServerFacts | None:
        """The version and cluster of the server, or None when it does not say."""


class VaultTokenApi:
    """TokenApi on a real server. Each call may take ``timeout`` seconds in total."""

    def __init__(  # noqa: PLR0913 - the last one is for tests
        self,
        settings: VaultSettings,
        transport: Transport,
        telemetry: VaultTelemetry,
        *,
        timeout: float,
        errands: Errands,
        clock: Clock = time.monotonic,
    ) -> None:
        """``errands`` are what a login asks others than Vault."""
        self._errands = errands
        self._settings = settings
        self._method = METHODS[settings.auth_method]
        self._transport = transport
        self._telemetry = telemetry
        self._timeout = timeout
        self._log = NamedLog(_LOG, transport.name)
        self._pair = Fingerprint((settings.client_cert, settings.client_key))
        self._shown = b""
        self._opened = ("", "")
        self._seal = SealStatus(self._ask_whether_sealed, clock)
        self._lag = LongLag(clock)

    def log_in(self) -> Grant:
        """Log in with the credentials as they are in their files now."""
        grant = self._timed("login", self._log_in)
        self._lag.is_over()
        return grant

    def superseded(self, token: str) -> bool:
        """Read the file with the token, if there is one; a file without a token supersedes none.

        A token of a certificate is replaced with it: Vault renews it only over the certificate that got it.
        """
        if self._method.by_tls:
            return self._pair() != self._shown
        if not self._method.followed:
            return False
        try:
            login = self._method.login(self._settings, self._errands.begin())
        except AuthFailed:
            return False
        return isinstance(login, GivenToken) and login.token != token

    def look_up(self, token: str) -> TokenFacts:
        """Call lookup-self."""
        return self._timed("lookup-self", lambda: self._look_up(token))

    def renew(self, token: str, increment: float) -> Grant:
        """Call renew-self."""
        return self._timed("renew-self", lambda: self._renew(token, increment))

    def revoke(self, token: str) -> None:
        """Call revoke-self; a failure is ignored."""
        try:
            self._client(token).auth.token.revoke_self()
        except (VaultRefused, BackendFault):
            return

    def health(self) -> ServerFacts | None:
        """Call sys/health, outside of any namespace, for at most two seconds."""
        try:
            return self._timed("health", self._health)
        except BackendFault:
            return None

    def unavailability(self, refused: VaultRefused) -> BackendFault:
        """The fault behind a status; asks the server whether it is sealed if the status leaves that open."""
        if refused.status not in {501, 503} or refused.reply is None or is_dr_secondary(refused):
            return from_status(refused)
        seal = self._seal.get()
        if seal.get("initialized") is False:
            return BackendSealed("Vault is not initialised")
        return BackendSealed("Vault is sealed") if seal.get("sealed") is True else from_status(refused)

    def _ask_whether_sealed(self) -> Mapping[str, Any]:
        client = open_client(self._transport, timeout=min(_SEAL_SECONDS, self._timeout))
        try:
            answer: Mapping[str, Any] = client.adapter.request("GET", "/v1/sys/seal-status")
        except (VaultRefused, BackendFault):
            return {}
        return answer

    def _client(self, token: str = "") -> hvac.Client:
        return open_client(
            self._transport, token=token, namespace=self._settings.namespace, timeout=self._timeout
        )

    def _health(self) -> ServerFacts | None:
        client = open_client(self._transport, timeout=min(_HEALTH_SECONDS, self._timeout))
        try:
            return server_facts(client.sys.read_health_status(method="GET"), self._settings.namespace)
        except VaultRefused as refused:
            raise from_status(refused) from None

    def _log_in(self) -> Grant:
        if self._method.by_tls:
            return self._log_in_by_tls()
        return self._made(self._method.login(self._settings, self._errands.begin()))

    def _log_in_by_tls(self) -> Grant:
        # Taken before the files are read: one that is replaced meanwhile then counts as new.
        pair = self._pair()
        self._transport.refresh()
        grant = self._made(self._method.login(self._settings, self._errands.begin()))
        self._shown = pair
        return grant

    def _made(self, login: LoginRequest | GivenToken) -> Grant:
        return self._given(login) if isinstance(login, GivenToken) else self._send(login)

    def _given(self, login: GivenToken) -> Grant:
        """The token of a file, once Vault accepts it. It is not ours: it is never revoked here."""
        try:
            reply = self._ask(self._client(login.token).auth.token.lookup_self)
        except TokenRejected:
            raise AuthFailed(
                f"Vault does not accept the token in {self._settings.table}.token-file {login.file!r}: it has"
                " expired, was revoked or is of another namespace, or its policies do not allow lookup-self"
            ) from None
        facts = token_facts(reply)
        if facts.limited:
            raise AuthFailed(
                f"the token in {self._settings.table}.token-file {login.file!r} has a limited number of uses,"
                " which one process cannot share"
            )
        return Grant(token=login.token, ttl=facts.ttl, renewable=facts.renewable)

    def _send(self, login: LoginRequest) -> Grant:
        body = self._unwrapped(login) if login.wrapped else login.body
        path = f"/v1/auth/{quote(login.mount)}/login"
        if login.user:
            path = f"{path}/{quote(login.user, safe='')}"
        try:
            reply: Mapping[str, Any] = self._client().adapter.request("POST", path, json=body)
        except VaultRefused as refused:
            if refused.status in {400, 401, 403, 404, 405} and not is_dr_secondary(refused):
                raise AuthFailed(_refusal(login, refused.status)) from None
            raise self.unavailability(refused) from None
        return grant_in(reply)

    def _unwrapped(self, login: LoginRequest) -> Mapping[str, str | None]:
        """The body with what its wrapping token holds; Vault unwraps it a single time, so it is kept."""
        token = str(login.body[login.wrapped])
        if self._opened[0] != token:
            self._opened = token, self._unwrap(token, login.wrapped)
        return {**login.body, login.wrapped: self._opened[1]}

    def _unwrap(self, token: str, name: str) -> str:
        try:
            reply: Mapping[str, Any] = self._client(token).adapter.request("POST", "/v1/sys/wrapping/unwrap")
        except VaultRefused as refused:
            if refused.status in {400, 403, 404} and not is_dr_secondary(refused):
                raise AuthFailed(
                    f"Vault does not unwrap the {name} ({refused.status}): its wrapping token has expired or"
                    " was used before; if not by an earlier start, by somebody else"
                ) from None
            raise self.unavailability(refused) from None
        data = reply.get("data")
        found = data.get(name) if isinstance(data, dict) else None
        if not isinstance(found, str) or not found:
            raise AuthFailed(f"the wrapping token holds something other than a {name}")
        return found

    def _look_up(self, token: str) -> TokenFacts:
        reply = self._ask(self._client(token).auth.token.lookup_self)
        return token_facts(reply)

    def _renew(self, token: str, increment: float) -> Grant:
        reply = self._ask(
            lambda: self._client(token).auth.token.renew_self(increment=f"{max(1, int(increment))}s")
        )
        return grant_in(reply)

    def _ask(self, call: Callable[[], Any]) -> Any:
        try:
            reply = call()
        except VaultRefused as refused:
            if refused.status == 403 or (refused.status == 412 and self._lag.goes_on()):
                raise TokenRejected from None
            raise self.unavailability(refused) from None
        self._lag.is_over()
        return reply

    def _timed(self, operation: str, work: Callable[[], T]) -> T:
        call = Timed(self._telemetry, "vault", operation)
        try:
            with call:
                try:
                    return work()
                except TokenRejected:
                    call.instead = AuthFailed("Vault does not accept the token")
                    raise
        finally:
            self._log.debug("called Vault", extra=call.log_fields())


def _refusal(login: LoginRequest, status: int) -> str:
    refusal = f"Vault refused the login at auth/{login.mount} ({status})"
    return f"{refusal}; {login.check}" if login.check else refusal
