"""Vault and OpenBao as a Backend: reads sources with the session's token and names every fault.

Here the parts meet; each of them is testable without the others. It must not know what readings are for.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import hvac

from secrets_manager.backends.base import Clock, Reading, Source
from secrets_manager.backends.shared.budget import Budget
from secrets_manager.backends.vault import kv
from secrets_manager.backends.vault.adapter import open_client
from secrets_manager.backends.vault.faults import Refused
from secrets_manager.backends.vault.held import Held, RenewalRule
from secrets_manager.backends.vault.lateness import VersionGuard
from secrets_manager.backends.vault.session import Session
from secrets_manager.backends.vault.telemetry import VaultTelemetry
from secrets_manager.backends.vault.token_api import VaultTokenApi
from secrets_manager.backends.vault.transport import Transport
from secrets_manager.domain.errors import (
    BackendFault,
    DynamicSecretUnsupported,
    EngineMismatch,
    PermissionDenied,
    SecretsManagerError,
)
from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.runtime.hurry import current_hurry
from secrets_manager.settings import VaultSettings

# Each look at a dynamic path makes a credential in some database: look seldom whether it is one still.
_DYNAMIC_PAUSE = 600.0
_STANDBY_PAUSE = 0.1


class VaultBackend:
    """See `secrets_manager.backends.base.Backend`. Needs no `maintain` to log in, only to keep the token."""

    name = "vault"

    def __init__(  # noqa: PLR0913 - the last one is for tests
        self,
        settings: VaultSettings,
        *,
        timeout: float,
        poll_period: float,
        connections: int,
        telemetry: VaultTelemetry,
        watchdog: Watchdog,
        clock: Clock = time.monotonic,
    ) -> None:
        """``timeout`` is the total of one read, ``poll_period`` lies between two polls of a path, in seconds.

        Raises ConfigError for unusable TLS files.
        """
        self._settings = settings
        self._timeout = timeout
        self._telemetry = telemetry
        self._clock = clock
        self._transport = Transport(settings, watchdog, connections=connections, clock=clock)
        self._api = VaultTokenApi(settings, self._transport, telemetry, timeout=timeout)
        rule = RenewalRule(renew_below=settings.max_token_ttl, increment=settings.renew_ttl_increment)
        self._session = Session(self._api, rule, telemetry, clock=clock)
        self._versions = VersionGuard(poll_period=poll_period, clock=clock)
        self._dynamic_until: dict[str, float] = {}
        self._client: tuple[int, hvac.Client] | None = None

    def locate(self, path: str) -> Source:
        """The source that ``path`` names; raises InvalidPath."""
        return kv.locate(path)

    def read(self, source: Source) -> Reading:
        """Read ``source``; a token that is missing or turns out dead is replaced on the way."""
        started = self._clock()
        error: SecretsManagerError | None = None
        try:
            return self._read(source, Budget(self._timeout, self._clock, "Vault"))
        except SecretsManagerError as raised:
            error = raised
            raise
        finally:
            self._telemetry.backend_call(self.name, "read", self._clock() - started, error)

    def maintain(self) -> None:
        """Look for new TLS files, then look after the token."""
        self._transport.refresh()
        # A login is two calls.
        self._session.maintain(2 * self._timeout)

    def ready(self) -> bool:
        """Whether a login ever worked, and the next was not refused."""
        return self._session.ready()

    def close(self) -> None:
        """Close the connections. The token is left to expire: calls may still be under way."""
        self._transport.close()

    # ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _read(self, source: Source, budget: Budget) -> Reading:
        if self._dynamic_until.get(source.path, 0.0) > self._clock():
            raise DynamicSecretUnsupported(source.path)
        held = self._session.current(budget)
        try:
            reply = self._get(held, source, budget)
        except Refused as refused:
            if refused.status != 403:
                raise self._named(source, refused) from None
            reply = self._get_again(held, source, budget)
        return self._understood(held, source, reply)

    def _get_again(self, held: Held, source: Source, budget: Budget) -> Mapping[str, Any]:
        fresh = self._session.recover(held, budget)
        if fresh is None:
            raise PermissionDenied(source.path)
        try:
            return self._get(fresh, source, budget)
        except Refused as refused:
            raise self._named(source, refused) from None

    def _get(self, held: Held, source: Source, budget: Budget) -> Mapping[str, Any]:
        adapter, hurry = self._client_of(held).adapter, current_hurry()
        while True:
            try:
                reply: Mapping[str, Any] = adapter.request(
                    "GET", kv.url_path(source), timeout=budget.left(), hurry=hurry
                )
            except Refused as refused:
                if refused.status != 412 or budget.left() <= _STANDBY_PAUSE:
                    raise
                time.sleep(_STANDBY_PAUSE)
            else:
                return reply

    def _client_of(self, held: Held) -> hvac.Client:
        # One pair, replaced as a whole: a thread sees a generation with its own client or builds it again.
        cached = self._client
        if cached is None or cached[0] != held.generation:
            client = open_client(
                self._transport, token=held.token, namespace=self._settings.namespace, timeout=self._timeout
            )
            cached = self._client = (held.generation, client)
        return cached[1]

    def _named(self, source: Source, refused: Refused) -> SecretsManagerError:
        if refused.status == 403:
            return PermissionDenied(source.path)
        if refused.status == 404:
            self._versions.forget(source.path)
            return kv.absence(self._settings.engine, source, refused.reply)
        if refused.status in {400, 405}:
            return EngineMismatch(source.path, self._settings.engine)
        return self._api.unavailability(refused)

    def _understood(self, held: Held, source: Source, reply: Mapping[str, Any]) -> Reading:
        try:
            reading = kv.reading(self._settings.engine, source, reply)
        except DynamicSecretUnsupported:
            self._dynamic_until[source.path] = self._clock() + _DYNAMIC_PAUSE
            self._revoke_lease(held, str(reply.get("lease_id")))
            raise
        # Whatever path led there (namespaces have many spellings), our own token is nobody's secret.
        if held.token in reading.values.values():
            raise PermissionDenied(source.path)
        self._versions.admit(reading)
        return reading

    def _revoke_lease(self, held: Held, lease_id: str) -> None:
        try:
            self._client_of(held).adapter.request("PUT", "/v1/sys/leases/revoke", json={"lease_id": lease_id})
        except (Refused, BackendFault):
            return
