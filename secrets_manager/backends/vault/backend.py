"""Vault and OpenBao as a Backend: reads sources with the session's token and maps every fault.

The parts come together here; each of them can be tested alone. This module must not know what readings are
for.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import hvac

from secrets_manager.backends.base import Clock, Reading, Remark, Source
from secrets_manager.backends.kit.credential_files import Fingerprint
from secrets_manager.backends.kit.login_watch import watch_login
from secrets_manager.backends.kit.timed import Timed
from secrets_manager.backends.vault import examination, kv, listing
from secrets_manager.backends.vault.adapter import open_client
from secrets_manager.backends.vault.dynamic_paths import DynamicPaths
from secrets_manager.backends.vault.faults import VaultRefused, not_vault
from secrets_manager.backends.vault.logins import METHODS
from secrets_manager.backends.vault.logins.errand import Errands
from secrets_manager.backends.vault.own_tokens import OwnTokens
from secrets_manager.backends.vault.session import VaultSession
from secrets_manager.backends.vault.standbys import StandbyTransport
from secrets_manager.backends.vault.telemetry import VaultTelemetry
from secrets_manager.backends.vault.token_api import TokenRejected, VaultTokenApi
from secrets_manager.backends.vault.token_life import RenewalRule, VaultToken
from secrets_manager.backends.vault.transport import VaultTransport, tls_files
from secrets_manager.backends.vault.version_guard import VersionGuard
from secrets_manager.domain.backend_name import DEFAULT_BACKEND
from secrets_manager.domain.errors import (
    BackendFault,
    DynamicSecretUnsupported,
    EngineMismatch,
    PermissionDenied,
    SecretsManagerError,
    SourceTooLarge,
)
from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.runtime.json_spans import Malformed
from secrets_manager.runtime.json_view import MOST_PARTS, TooManyParts
from secrets_manager.runtime.terms import Terms
from secrets_manager.settings import VaultSettings

# Each read of a dynamic path creates a credential in a database: seldom check whether it is still dynamic.
_DYNAMIC_PAUSE = 600.0
# Of one question about rights.
_PATHS_AT_ONCE = 200


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
        name: str = DEFAULT_BACKEND,
    ) -> None:
        """Times are in seconds: ``timeout`` of one call of a login, ``poll_period`` between two polls.

        ``name`` is its name in the settings. Raises ConfigError for unusable TLS files.
        """
        self._settings = settings
        self._timeout = timeout
        self._telemetry = telemetry
        self._clock = clock
        transport = VaultTransport(settings, watchdog, connections=connections, clock=clock, name=name)
        self._transport = StandbyTransport(transport, clock)
        self._errands = Errands(settings.proxy, watchdog, seconds=timeout)
        self._api = VaultTokenApi(
            settings, self._transport, telemetry, timeout=timeout, errands=self._errands, clock=clock
        )
        rule = RenewalRule(renew_below=settings.max_token_ttl, increment=settings.renew_ttl_increment)
        method = METHODS[settings.auth_method]
        shown = Fingerprint(method.files(settings), tls_files(settings).paths)
        watch = watch_login(watchdog, timeout, clock)
        self._session = VaultSession(
            self._api,
            rule,
            telemetry,
            clock=clock,
            shown=shown,
            watch=watch,
            refused_pause=method.refused_pause,
            name=name,
        )
        self._versions = VersionGuard(poll_period=poll_period, clock=clock)
        self._dynamic = DynamicPaths(_DYNAMIC_PAUSE, clock)
        self._own_tokens = OwnTokens()
        self._client: tuple[int, hvac.Client] | None = None

    def locate(self, path: str, version: str = "") -> Source:
        """The source that ``path`` names; raises InvalidPath and InvalidVersion."""
        return kv.locate(path, self._settings.engine, version)

    def domains(self, source: Source) -> tuple[str, ...]:
        """Each path above ``source``: a Vault namespace, a mount, or a folder in one."""
        return kv.domains(source)

    def read(self, source: Source, terms: Terms) -> Reading:
        """Read ``source``; a token that is missing or turns out dead is replaced on the way."""
        with Timed(self._telemetry, self.name, "read", self._clock):
            return self._read(source, terms)

    def maintain(self) -> None:
        """Load new TLS files, then keep the token alive."""
        self._transport.refresh()
        # A login is two calls.
        self._session.maintain(2 * self._timeout)

    def retry_login(self) -> bool:
        """Log in again if the last login was refused and its files changed since; whether that worked."""
        return self._session.retry_refused(2 * self._timeout)

    def login_number(self) -> int:
        """The number of the token in use."""
        return self._session.generation

    def session_life(self) -> float | None:
        """Seconds that the token has left; None without one, and for one that never ends."""
        return self._session.life_left()

    def ready(self) -> bool:
        """Whether a login ever worked, and no later login was refused."""
        return self._session.ready()

    def examine(self, sources: Collection[Source], terms: Terms) -> Iterator[Remark]:
        """What the token is like, and which of the sources its policies do not let it read."""
        if (server := self._api.health()) is not None and server.version:
            yield Remark("ok", "server", f"version {server.version}")
        token = self._session.current(terms.deadline)
        yield from self._look_at(token)
        paths = sorted({source.path for source in sources})
        for some in (paths[at : at + _PATHS_AT_ONCE] for at in range(0, len(paths), _PATHS_AT_ONCE)):
            try:
                reply = self._client_of(token).adapter.request(
                    "POST", examination.CAPABILITIES, json={"paths": some}, terms=terms
                )
            except VaultRefused as refused:
                yield examination.of_refused_question(refused.status)
                return
            yield from examination.of_paths(some, reply)

    def _look_at(self, token: VaultToken) -> Iterator[Remark]:
        try:
            facts = self._api.look_up(token.value)
        except TokenRejected:
            yield examination.NO_LOOKUP
            return
        method = METHODS[self._settings.auth_method]
        yield from examination.of_token(facts, self._settings, followed=method.followed)

    def neighbours(self, source: Source, terms: Terms) -> Collection[str]:
        """The paths in the folder of ``source``; none where the token may not list it."""
        folder = listing.folder_of(self._settings.engine, source.path)
        if folder is None:
            return ()
        with Timed(self._telemetry, self.name, "list", self._clock):
            client = self._client_of(self._session.current(terms.deadline))
            try:
                reply = client.adapter.request("LIST", kv.url_path(Source(folder.listed)), terms=terms)
            except VaultRefused:
                return ()
        return listing.paths_in(folder, reply)

    def close(self) -> None:
        """Close the connections. The token is left to expire: calls may still be under way."""
        self._transport.close()
        self._errands.close()

    # ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _read(self, source: Source, terms: Terms) -> Reading:
        if source.path in self._dynamic:
            raise DynamicSecretUnsupported(source.path)
        try:
            token, reply = self._reply(source, terms)
            return self._to_reading(token, source, reply, terms)
        except TooManyParts:
            raise SourceTooLarge(source.path, MOST_PARTS) from None
        except Malformed:
            raise not_vault(200) from None

    def _reply(self, source: Source, terms: Terms) -> tuple[VaultToken, Mapping[str, Any]]:
        """Vault's reply about ``source``, and the token that was used."""
        token = self._session.current(terms.deadline)
        try:
            return token, self._get(token, source, terms)
        except VaultRefused as refused:
            if refused.status != 403:
                raise self._error_for(source, refused) from None
        return self._reply_again(token, source, terms)

    def _reply_again(
        self, refused_one: VaultToken, source: Source, terms: Terms
    ) -> tuple[VaultToken, Mapping[str, Any]]:
        fresh = self._session.recover(refused_one, terms.deadline)
        if fresh is None:
            raise PermissionDenied(source.path)
        try:
            return fresh, self._get(fresh, source, terms)
        except VaultRefused as refused:
            raise self._error_for(source, refused) from None

    def _get(self, token: VaultToken, source: Source, terms: Terms) -> Mapping[str, Any]:
        self._own_tokens.remember(token.value)
        adapter = self._client_of(token).adapter
        reply: Mapping[str, Any] = adapter.request("GET", kv.url_path(source), terms=terms, read=True)
        return reply

    def _client_of(self, token: VaultToken) -> hvac.Client:
        # The pair is replaced as a whole, so a thread always sees a generation with its own client.
        cached = self._client
        if cached is None or cached[0] != token.generation:
            client = open_client(
                self._transport, token=token.value, namespace=self._settings.namespace, timeout=self._timeout
            )
            cached = self._client = (token.generation, client)
        return cached[1]

    def _error_for(self, source: Source, refused: VaultRefused) -> SecretsManagerError:
        if refused.status == 403:
            return PermissionDenied(source.path)
        if refused.status == 404:
            return self._absent(source, refused)
        if refused.status == 405 and kv.is_no_read(refused.reply):
            return EngineMismatch(source.path, self._settings.engine)
        if refused.status == 400:
            return self._unacceptable(source, refused)
        return self._api.unavailability(refused)

    def _unacceptable(self, source: Source, refused: VaultRefused) -> SecretsManagerError:
        if refused.reply is None:
            return kv.unprintable(source) or not_vault(400)
        return kv.refused_dots(source, refused.reply) or self._api.unavailability(refused)

    def _absent(self, source: Source, refused: VaultRefused) -> SecretsManagerError:
        version = kv.gone_version(refused.reply)
        if source.version:
            # That one is gone says nothing about the newest.
            return kv.absence(self._settings.engine, source, refused.reply)
        if version:
            self._versions.record_deletion(source.path, version, kv.made_at(refused.reply or {}))
        else:
            self._versions.forget(source.path)
        return kv.absence(self._settings.engine, source, refused.reply)

    def _to_reading(
        self, token: VaultToken, source: Source, reply: Mapping[str, Any], terms: Terms
    ) -> Reading:
        try:
            reading = kv.kv_reading(self._settings.engine, source, reply)
        except DynamicSecretUnsupported:
            self._dynamic.add(source.path)
            self._revoke_lease(token, str(reply.get("lease_id")), terms)
            raise
        # Our own token must never end in a Secret, whichever path led to it (namespaces have many spellings).
        if self._own_tokens.are_in(reading.values):
            raise PermissionDenied(source.path)
        self._versions.admit(reading, kv.made_at(reply))
        return reading

    def _revoke_lease(self, token: VaultToken, lease_id: str, terms: Terms) -> None:
        """Revoke a lease with the token that it was made for."""
        try:
            self._client_of(token).adapter.request(
                "PUT",
                "/v1/sys/leases/revoke",
                json={"lease_id": lease_id},
                terms=Terms(deadline=terms.deadline),
            )
        except (VaultRefused, BackendFault):
            return
