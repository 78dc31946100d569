"""Azure Key Vault as a Backend: reads sources with the session's token and maps every fault.

The parts come together here; each of them can be tested alone. This module must not know what readings are
for.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection
from typing import TypeVar

from secrets_manager.backends.azure_key_vault import faults, objects
from secrets_manager.backends.azure_key_vault.client import KeyVaultClient, KeyVaultRefused, StoredSecret
from secrets_manager.backends.azure_key_vault.clouds import endpoint_of
from secrets_manager.backends.azure_key_vault.freshness import Absence, Freshness, LastRead, is_settled
from secrets_manager.backends.azure_key_vault.identity import Choice, choose_login
from secrets_manager.backends.azure_key_vault.login import Login, credential_files, server_of
from secrets_manager.backends.azure_key_vault.readings import key_reading, refuse_invalid, secret_reading
from secrets_manager.backends.azure_key_vault.session import KeyVaultSession
from secrets_manager.backends.azure_key_vault.surveyor import KeyVaultSurveyor
from secrets_manager.backends.azure_key_vault.telemetry import AzureTelemetry
from secrets_manager.backends.azure_key_vault.transport import KeyVaultClients, KeyVaultTransport, tls_files
from secrets_manager.backends.base import Clock, Reading, Source, Survey
from secrets_manager.backends.kit.credential_files import Fingerprint
from secrets_manager.backends.kit.login_watch import watch_login
from secrets_manager.backends.kit.named_log import NamedLog
from secrets_manager.backends.kit.timed import Timed
from secrets_manager.domain.backend_name import DEFAULT_BACKEND
from secrets_manager.domain.errors import (
    ConfigError,
    SecretsManagerError,
    SourceDeleted,
    SourceDisabled,
    SourceNotFound,
)
from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.runtime.terms import Terms
from secrets_manager.settings import AzureKvSettings

T = TypeVar("T")

_LOG = logging.getLogger(__name__)
# A login is a look-up of the token endpoint and a call to it.
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
        name: str = DEFAULT_BACKEND,
    ) -> None:
        """``timeout`` is the total time of one call of a login or a list, in seconds. Makes no call.

        ``name`` is its name in the settings. Raises ConfigError.
        """
        choice = choose_login(settings)
        if choice is None:
            raise ConfigError("azure-kv: no managed identity and no complete service principal", exit_code=1)
        place = endpoint_of(settings)
        self._settings = settings
        self._telemetry = telemetry
        self._clock = clock
        self._now = now
        self._clients = KeyVaultClients(settings, watchdog, connections=connections, clock=clock, name=name)
        transport = KeyVaultTransport(
            self._clients, faults.VAULT, only_host=place.url.removeprefix("https://")
        )
        login = Login(
            settings,
            choice.method,
            place.authority,
            KeyVaultTransport(self._clients, server_of(choice.method)),
        )
        self._session = KeyVaultSession(
            login,
            place.scope,
            telemetry,
            login_seconds=_LOGIN_CALLS * timeout,
            time_left=transport.time_left,
            clock=clock,
            now=now,
            shown=Fingerprint(credential_files(settings, choice.method), tls_files(settings).paths),
            watch=watch_login(watchdog, timeout, clock),
            name=name,
        )
        self._client = KeyVaultClient(place, self._session, transport, clock)
        self._freshness = Freshness()
        self._surveyor = KeyVaultSurveyor(
            self._client, self._freshness, timeout=timeout, clock=clock, now=now, name=name
        )
        self._deleted_hidden_until = float("-inf")
        _log_choice(NamedLog(_LOG, name), choice)

    def locate(self, path: str, version: str = "") -> Source:
        """The source that ``path`` names; raises InvalidPath and InvalidVersion."""
        return objects.locate(path, version)

    def domains(self, source: Source) -> tuple[str, ...]:
        """The kind of the object: secrets, certificates and keys are throttled, and fail, separately."""
        return (objects.item_of(source).kind.value,)

    def read(self, source: Source, terms: Terms) -> Reading:
        """Read ``source``; a token that is missing or turns out dead is replaced on the way."""
        with Timed(self._telemetry, self.name, "read", self._clock):
            return self._read(source, terms)

    def survey(self, sources: Collection[Source]) -> Survey | None:
        """One list of properties instead of a read for each source, where that is allowed and cheaper."""
        for unused in self._freshness.keep_only(sources):
            self._telemetry.source_expiry(unused.path, None)
        with Timed(self._telemetry, self.name, "list", self._clock):
            return self._surveyor.survey(sources)

    def neighbours(self, source: Source, _terms: Terms) -> Collection[str]:
        """The names of all secrets, for a secret; none where the login may not list them."""
        if "/" in source.path:
            return ()
        with Timed(self._telemetry, self.name, "list", self._clock):
            return self._surveyor.names()

    def maintain(self) -> None:
        """Load new trusted certificates, then log in or refresh the token if that is due."""
        self._clients.refresh()
        self._session.maintain()

    def retry_login(self) -> bool:
        """Log in again if the last login was refused and its files changed since; whether that worked."""
        return self._session.retry_refused()

    def login_number(self) -> int:
        """The number of the token in use."""
        return self._session.generation

    def ready(self) -> bool:
        """Whether a login ever worked, and no later login was refused."""
        return self._session.ready()

    def close(self) -> None:
        """Close the connections. The token is left to expire: calls may still be under way."""
        self._clients.close()

    # ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _read(self, source: Source, terms: Terms) -> Reading:
        item = objects.item_of(source)
        try:
            if item.kind is objects.ObjectKind.KEY:
                key = self._get(lambda: self._client.get_key(item, terms))
                return key_reading(source, key.version, key.jwk)
            held = self._get(lambda: self._client.get(item, terms))
        except KeyVaultRefused as refused:
            raise self._error_for(source, refused.refusal, terms) from None
        except SecretsManagerError:
            self._freshness.forget(source)
            raise
        return self._to_reading(source, item, held)

    def _to_reading(self, source: Source, item: objects.Item, held: StoredSecret) -> Reading:
        caution = held.properties.validity.caution(item.name, self._now())
        settled = is_settled(held.properties.updated, began_at=held.began_at)
        self._freshness.record(source, LastRead(found=held.properties, settled=settled, caution=caution))
        self._telemetry.source_expiry(source.path, held.properties.validity.expires)
        refuse_invalid(caution, self._settings)
        return secret_reading(item, source, held.version, held.value, caution)

    def _get(self, call: Callable[[], T]) -> T:
        try:
            return call()
        except KeyVaultRefused as refused:
            if refused.refusal.status != 401:
                raise
        # The token was dropped: try once more with another one.
        try:
            return call()
        except KeyVaultRefused as refused:
            if refused.refusal.status != 401:
                raise
        raise faults.token_refused(self._client.host, self._settings.table)

    def _error_for(self, source: Source, refused: faults.Refusal, terms: Terms) -> SecretsManagerError:
        error = faults.from_vault(refused, source.path)
        if isinstance(error, SourceNotFound):
            error = SourceNotFound(source.path, version=source.version)
        if objects.item_of(source).kind is objects.ObjectKind.KEY:
            # A list of secrets shows no keys.
            return error
        if isinstance(error, SourceNotFound):
            self._freshness.record(source, LastRead(found=Absence.GONE))
            self._telemetry.source_expiry(source.path, None)
            return self._deleted_or_never(source, terms) if refused.status == 404 else error
        if isinstance(error, SourceDisabled):
            self._freshness.record(source, LastRead(found=Absence.DISABLED))
        else:
            self._freshness.forget(source)
        return error

    def _deleted_or_never(self, source: Source, terms: Terms) -> SecretsManagerError:
        """Tell a deleted secret from one that never existed, where the login may see deleted secrets."""
        if self._clock() < self._deleted_hidden_until:
            return SourceNotFound(source.path, version=source.version)
        try:
            deleted = self._client.is_deleted(objects.item_of(source).name, terms)
        except KeyVaultRefused as refused:
            if faults.is_missing_right(refused.refusal):
                self._deleted_hidden_until = self._clock() + _RIGHT_PAUSE
            return SourceNotFound(source.path, version=source.version)
        except SecretsManagerError:
            return SourceNotFound(source.path, version=source.version)
        return SourceDeleted(source.path) if deleted else SourceNotFound(source.path, version=source.version)


def _log_choice(log: NamedLog, choice: Choice) -> None:
    ignored = ", ".join(each.value for each in choice.ignored)
    reason = f"{choice.why} is set" + (f"; configured but not used: {ignored}" if ignored else "")
    log.info(
        "identity chosen",
        extra={
            "operation": "login",
            "reason": f"{choice.method.value}, because {reason}",
        },
    )
