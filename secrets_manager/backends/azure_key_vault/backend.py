"""Azure Key Vault as a Backend: reads sources with the session's token and names every fault.

Here the parts meet; each of them is testable without the others. It must not know what readings are for.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection
from typing import TypeVar

from secrets_manager.backends.azure_key_vault import faults, objects
from secrets_manager.backends.azure_key_vault.client import Held, Refused, VaultClient
from secrets_manager.backends.azure_key_vault.clouds import place_of
from secrets_manager.backends.azure_key_vault.freshness import Absence, Freshness, Sight, is_settled
from secrets_manager.backends.azure_key_vault.identity import Choice, choose
from secrets_manager.backends.azure_key_vault.login import Login
from secrets_manager.backends.azure_key_vault.readings import key_reading, reading, refuse_invalid
from secrets_manager.backends.azure_key_vault.session import Session
from secrets_manager.backends.azure_key_vault.surveyor import VaultSurveyor
from secrets_manager.backends.azure_key_vault.telemetry import AzureTelemetry
from secrets_manager.backends.azure_key_vault.transport import Clients, Transport
from secrets_manager.backends.base import Clock, Reading, Source, Survey
from secrets_manager.backends.shared.budget import Budget
from secrets_manager.domain.errors import (
    AuthFailed,
    ConfigError,
    SecretsManagerError,
    SourceDeleted,
    SourceDisabled,
    SourceNotFound,
)
from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.settings import AzureKvSettings

T = TypeVar("T")

_LOG = logging.getLogger(__name__)
# A login is a look for the token's address and a call to it.
_LOGIN_CALLS = 2
_RIGHT_PAUSE = 600.0


class AzureKeyVaultBackend:
    """See `secrets_manager.backends.base.Backend` and `Surveyor`. Logs in when first needed."""

    name = "azure-kv"

    def __init__(  # noqa: PLR0913 - the last two are for tests
        self,
        settings: AzureKvSettings,
        *,
        timeout: float,
        connections: int,
        telemetry: AzureTelemetry,
        watchdog: Watchdog,
        clock: Clock = time.monotonic,
        now: Clock = time.time,
    ) -> None:
        """``timeout`` is the total of one read in seconds; raises ConfigError. Makes no call."""
        choice = choose(settings)
        if choice is None:
            raise ConfigError("azure-kv: no managed identity and no complete service principal", exit_code=1)
        place = place_of(settings)
        self._settings = settings
        self._timeout = timeout
        self._telemetry = telemetry
        self._clock = clock
        self._now = now
        self._clients = Clients(settings, watchdog, connections=connections, clock=clock)
        transport = Transport(self._clients, faults.VAULT, only_host=place.url.removeprefix("https://"))
        login = Login(
            settings, choice.way, place.authority, Transport(self._clients, _login_server(choice)), clock
        )
        self._session = Session(
            login,
            place.scope,
            telemetry,
            login_seconds=_LOGIN_CALLS * timeout,
            time_left=transport.time_left,
            clock=clock,
            now=now,
        )
        self._client = VaultClient(place, self._session, transport, clock)
        self._freshness = Freshness()
        self._surveyor = VaultSurveyor(self._client, self._freshness, timeout=timeout, clock=clock, now=now)
        self._deleted_hidden_until = float("-inf")
        _tell(choice)

    def locate(self, path: str) -> Source:
        """The source that ``path`` names; raises InvalidPath."""
        return objects.locate(path)

    def read(self, source: Source) -> Reading:
        """Read ``source``; a token that is missing or turns out dead is replaced on the way."""
        started = self._clock()
        error: SecretsManagerError | None = None
        try:
            return self._read(source, Budget(self._timeout, self._clock, faults.VAULT))
        except SecretsManagerError as raised:
            error = raised
            raise
        finally:
            self._telemetry.backend_call(self.name, "read", self._clock() - started, error)

    def survey(self, sources: Collection[Source]) -> Survey | None:
        """One list of properties instead of a read for each source, where that is allowed and pays."""
        for unused in self._freshness.keep_only(sources):
            self._telemetry.source_expiry(unused.path, None)
        started = self._clock()
        error: SecretsManagerError | None = None
        try:
            return self._surveyor.survey(sources)
        except SecretsManagerError as raised:
            error = raised
            raise
        finally:
            self._telemetry.backend_call(self.name, "list", self._clock() - started, error)

    def maintain(self) -> None:
        """Log in if need be, and look after the token."""
        self._session.maintain()

    def ready(self) -> bool:
        """Whether a login ever worked, and the next was not refused."""
        return self._session.ready()

    def close(self) -> None:
        """Close the connections. The token is left to expire: calls may still be under way."""
        self._clients.close()

    # ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _read(self, source: Source, budget: Budget) -> Reading:
        item = objects.item_of(source)
        try:
            if item.kind is objects.Kind.KEY:
                key = self._get(lambda: self._client.get_key(item, budget))
                return key_reading(source, key.version, key.jwk)
            held = self._get(lambda: self._client.get(item, budget))
        except Refused as refused:
            raise self._named(source, refused.refusal, budget) from None
        except SecretsManagerError:
            self._freshness.forget(source)
            raise
        return self._understood(source, item, held)

    def _understood(self, source: Source, item: objects.Item, held: Held) -> Reading:
        caution = held.properties.validity.caution(item.name, self._now())
        settled = is_settled(held.properties.updated, began_at=held.began_at)
        self._freshness.saw(source, Sight(found=held.properties, settled=settled, caution=caution))
        self._telemetry.source_expiry(source.path, held.properties.validity.expires)
        refuse_invalid(caution, strict=self._settings.strict_expiry)
        return reading(item, source, held.version, held.value, caution)

    def _get(self, call: Callable[[], T]) -> T:
        try:
            return call()
        except Refused as refused:
            if refused.refusal.status != 401:
                raise
        # The token was dropped: once more with another one.
        try:
            return call()
        except Refused as refused:
            if refused.refusal.status != 401:
                raise
        raise AuthFailed("the key vault does not accept our token; is azure-kv.tenant-id the vault's?")

    def _named(self, source: Source, refused: faults.Refusal, budget: Budget) -> SecretsManagerError:
        error = faults.from_vault(refused, source.path)
        if objects.item_of(source).kind is objects.Kind.KEY:
            # A list of secrets shows no keys.
            return error
        if isinstance(error, SourceNotFound):
            self._freshness.saw(source, Sight(found=Absence.GONE))
            self._telemetry.source_expiry(source.path, None)
            return self._deleted_or_never(source, budget) if refused.status == 404 else error
        if isinstance(error, SourceDisabled):
            self._freshness.saw(source, Sight(found=Absence.DISABLED))
        else:
            self._freshness.forget(source)
        return error

    def _deleted_or_never(self, source: Source, budget: Budget) -> SecretsManagerError:
        """Tell a deleted secret from one that never was, where we may see deleted ones."""
        if self._clock() < self._deleted_hidden_until:
            return SourceNotFound(source.path)
        try:
            deleted = self._client.is_deleted(objects.item_of(source).name, budget)
        except Refused:
            self._deleted_hidden_until = self._clock() + _RIGHT_PAUSE
            return SourceNotFound(source.path)
        except SecretsManagerError:
            return SourceNotFound(source.path)
        return SourceDeleted(source.path) if deleted else SourceNotFound(source.path)


def _login_server(choice: Choice) -> str:
    return faults.MACHINE if "managed" in choice.way.value else faults.ENTRA


def _tell(choice: Choice) -> None:
    ignored = ", ".join(way.value for way in choice.ignored)
    reason = f"{choice.why} is set" + (f"; configured and not used: {ignored}" if ignored else "")
    _LOG.info(
        "identity chosen",
        extra={
            "backend": "azure-kv",
            "operation": "login",
            "reason": f"{choice.way.value}, because {reason}",
        },
    )
