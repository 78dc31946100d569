"""The calls that make, look up and renew a token, as values in and values out.

Here Vault's replies about tokens are understood; what to do with a token is decided elsewhere, and how
requests travel is the transport's.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import hvac

from secrets_manager.backends.vault.adapter import open_client
from secrets_manager.backends.vault.credentials import AppRoleCredentials, read_credentials
from secrets_manager.backends.vault.faults import Refused, from_status
from secrets_manager.backends.vault.telemetry import VaultTelemetry
from secrets_manager.backends.vault.transport import Transport
from secrets_manager.domain.errors import (
    AuthFailed,
    BackendFault,
    BackendSealed,
    BackendUnavailable,
    SecretsManagerError,
)
from secrets_manager.settings import VaultSettings

_HEALTH_SECONDS = 2.0

T = TypeVar("T")


class TokenRejected(Exception):
    """Vault answered 403 to a call about the token itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A token as a login or a renewal gave it; ``ttl`` in seconds, 0 for one that never expires."""

    token: str = field(repr=False)
    ttl: float
    renewable: bool
    uses: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenFacts:
    """What lookup-self says; ``full`` is the life in seconds that a renewal could at best give."""

    ttl: float
    full: float
    expires: bool
    renewable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFacts:
    """Who the server is; each text is "" where it did not say."""

    version: str
    cluster_id: str
    cluster_name: str
    serving: bool


class TokenApi(Protocol):
    """What a session needs of the server. Every call raises a BackendFault when it could not be made."""

    def log_in(self) -> Grant:
        """A new token; raises AuthFailed when the credentials are refused."""

    def look_up(self, token: str) -> TokenFacts:
        """The life of ``token``; raises TokenRejected on 403."""

    def renew(self, token: str, increment: float) -> Grant:
        """Ask for ``increment`` seconds of life; raises TokenRejected on 403."""

    def revoke(self, token: str) -> None:
        """End ``token``, if that works."""

    def health(self) -> ServerFacts | None:
        """Who the server is, or None when it does not say."""


class VaultTokenApi:
    """TokenApi on a real server. Each call may take ``timeout`` seconds in total."""

    def __init__(
        self, settings: VaultSettings, transport: Transport, telemetry: VaultTelemetry, *, timeout: float
    ) -> None:
        self._settings = settings
        self._transport = transport
        self._telemetry = telemetry
        self._timeout = timeout

    def log_in(self) -> Grant:
        """Log in with the credentials as they are in their files now."""
        return self._told("login", self._log_in)

    def look_up(self, token: str) -> TokenFacts:
        """Ask lookup-self."""
        return self._told("lookup-self", lambda: self._look_up(token))

    def renew(self, token: str, increment: float) -> Grant:
        """Ask renew-self."""
        return self._told("renew-self", lambda: self._renew(token, increment))

    def revoke(self, token: str) -> None:
        """Ask revoke-self and do not insist."""
        try:
            self._client(token).auth.token.revoke_self()
        except (Refused, BackendFault):
            return

    def health(self) -> ServerFacts | None:
        """Ask sys/health, outside of any namespace, for at most two seconds."""
        try:
            return self._told("health", self._health)
        except BackendFault:
            return None

    def unavailability(self, refused: Refused) -> BackendFault:
        """The fault behind a status; asks the server whether it is sealed where only that can tell."""
        if refused.status not in {501, 503} or refused.reply is None:
            return from_status(refused)
        client = open_client(self._transport, timeout=min(_HEALTH_SECONDS, self._timeout))
        try:
            seal: Mapping[str, Any] = client.adapter.request("GET", "/v1/sys/seal-status")
        except (Refused, BackendFault):
            return from_status(refused)
        if seal.get("initialized") is False:
            return BackendSealed("Vault is not initialised")
        return BackendSealed("Vault is sealed") if seal.get("sealed") is True else from_status(refused)

    def _client(self, token: str = "") -> hvac.Client:
        return open_client(
            self._transport, token=token, namespace=self._settings.namespace, timeout=self._timeout
        )

    def _health(self) -> ServerFacts | None:
        client = open_client(self._transport, timeout=min(_HEALTH_SECONDS, self._timeout))
        try:
            return _server_facts(client.sys.read_health_status(method="GET"))
        except Refused as refused:
            raise from_status(refused) from None

    def _log_in(self) -> Grant:
        credentials = read_credentials(self._settings)
        mount = f"auth/{credentials.mount}"
        auth = self._client().auth
        try:
            if isinstance(credentials, AppRoleCredentials):
                reply = auth.approle.login(
                    role_id=credentials.role_id,
                    secret_id=credentials.secret_id or None,
                    use_token=False,
                    mount_point=credentials.mount,
                )
            else:
                reply = auth.kubernetes.login(
                    role=credentials.role, jwt=credentials.jwt, use_token=False, mount_point=credentials.mount
                )
        except Refused as refused:
            if refused.status in {400, 401, 403, 404, 405}:
                raise AuthFailed(f"Vault refused the login at {mount} ({refused.status})") from None
            raise self.unavailability(refused) from None
        return _grant(reply)

    def _look_up(self, token: str) -> TokenFacts:
        reply = self._ask(self._client(token).auth.token.lookup_self)
        return _token_facts(reply)

    def _renew(self, token: str, increment: float) -> Grant:
        reply = self._ask(
            lambda: self._client(token).auth.token.renew_self(increment=f"{max(1, int(increment))}s")
        )
        return _grant(reply)

    def _ask(self, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except Refused as refused:
            if refused.status == 403:
                raise TokenRejected from None
            raise self.unavailability(refused) from None

    def _told(self, operation: str, work: Callable[[], T]) -> T:
        started = time.monotonic()
        error: SecretsManagerError | None = None
        try:
            return work()
        except TokenRejected:
            error = AuthFailed("Vault does not accept the token")
            raise
        except SecretsManagerError as raised:
            error = raised
            raise
        finally:
            self._telemetry.backend_call("vault", operation, time.monotonic() - started, error)


def _grant(reply: Mapping[str, Any]) -> Grant:
    auth = reply.get("auth")
    token = auth.get("client_token") if isinstance(auth, dict) else None
    if not isinstance(auth, dict) or not isinstance(token, str) or not _is_token(token):
        raise AuthFailed("Vault accepted the login and gave no token")
    return Grant(
        token=token,
        ttl=_seconds(auth.get("lease_duration")),
        renewable=auth.get("renewable") is True,
        uses=int(_seconds(auth.get("num_uses"))),
    )


def _is_token(text: str) -> bool:
    # It has to fit into a header.
    return bool(text) and text.isascii() and text.isprintable()


def _token_facts(reply: Mapping[str, Any]) -> TokenFacts:
    data = reply.get("data")
    if not isinstance(data, dict):
        raise BackendUnavailable("Vault's reply about the token has an unknown shape")
    ttl = _seconds(data.get("ttl"))
    return TokenFacts(
        ttl=ttl,
        full=_seconds(data.get("period")) or _seconds(data.get("creation_ttl")),
        expires=ttl > 0 or data.get("expire_time") is not None,
        renewable=data.get("renewable") is True,
    )


def _server_facts(reply: Mapping[str, Any]) -> ServerFacts | None:
    version = reply.get("version")
    if not isinstance(version, str):
        return None
    return ServerFacts(
        version=version,
        cluster_id=str(reply.get("cluster_id") or ""),
        cluster_name=str(reply.get("cluster_name") or ""),
        serving=reply.get("sealed") is False,
    )


def _seconds(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) and value > 0 else 0.0
