"""The vault through the SDK: one secret, one deleted secret, one list, each within its time.

Every error of the SDK ends here; what comes out is a value, a Refused with the vault's codes, or a
BackendFault. It must not know paths, nor what a refusal means for one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, cast

from azure.core.credentials import TokenCredential
from azure.core.pipeline.policies import RetryPolicy
from azure.core.rest import HttpRequest
from azure.keyvault.secrets import ApiVersion, SecretClient, SecretProperties

from secrets_manager.backends.azure_key_vault import faults
from secrets_manager.backends.azure_key_vault.clouds import Place
from secrets_manager.backends.azure_key_vault.freshness import Properties
from secrets_manager.backends.azure_key_vault.objects import Item, version_in
from secrets_manager.backends.azure_key_vault.readings import Validity
from secrets_manager.backends.azure_key_vault.session import Session
from secrets_manager.backends.azure_key_vault.transport import Exchange, Transport
from secrets_manager.backends.base import Clock
from secrets_manager.backends.shared.budget import Budget
from secrets_manager.domain.errors import AuthFailed, BackendFault, BackendUnavailable
from secrets_manager.runtime.messages import Reply

_NOT_OURS = "the reply is not that of the key vault"


class Refused(Exception):
    """The vault answered with something else than what was asked for."""

    def __init__(self, refusal: faults.Refusal) -> None:
        super().__init__(f"status {refusal.status}")
        self.refusal = refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A secret as it is in the vault.

    ``began_at`` is when it was asked for, in Unix time by the vault's clock; None where it did not say.
    """

    value: str | None = field(repr=False)
    version: str
    properties: Properties
    began_at: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldKey:
    """The public half of a key, as a JSON Web Key."""

    jwk: Mapping[str, Any]
    version: str


class VaultClient:
    """Calls of one vault; any thread may make them."""

    def __init__(self, place: Place, session: Session, transport: Transport, clock: Clock) -> None:
        self._session = session
        self._transport = transport
        self._clock = clock
        self._sdk = SecretClient(
            vault_url=place.url,
            credential=cast("TokenCredential", session),
            # Served in every cloud; nothing newer is needed.
            api_version=ApiVersion.V7_4,
            transport=transport,
            retry_policy=RetryPolicy.no_retries(),
            permit_redirects=False,
            verify_challenge_resource=True,
        )

    def get(self, item: Item, budget: Budget) -> Held:
        """The secret behind ``item``; raises Refused or a BackendFault."""
        started = self._clock()
        with self._asking(budget) as exchange:
            secret = self._sdk.get_secret(item.name, item.version or None)
            seconds = self._clock() - started
            if not secret.id:
                raise BackendUnavailable(_NOT_OURS)
            # The SDK hands on what is of the wrong type, and fails when it is asked for it.
            return Held(
                value=secret.value,
                version=version_in(secret.properties.version),
                properties=_properties(secret.properties),
                began_at=_began_at(exchange.reply, seconds),
            )

    def get_key(self, item: Item, budget: Budget) -> HeldKey:
        """The public half of the key behind ``item``; raises Refused or a BackendFault."""
        with self._asking(budget) as exchange:
            response = self._sdk.send_request(HttpRequest("GET", f"/keys/{item.name}/{item.version}"))
            # This call of the SDK hands refusals out as they are.
            response.raise_for_status()
            content = response.json()
        jwk = content.get("key") if isinstance(content, dict) else None
        if not isinstance(jwk, dict) or exchange.reply is None:
            raise BackendUnavailable(_NOT_OURS)
        return HeldKey(jwk=jwk, version=version_in(str(jwk.get("kid", "")).rpartition("/")[2]))

    def is_deleted(self, name: str, budget: Budget) -> bool:
        """Whether a secret of that name can be recovered; raises Refused or a BackendFault."""
        try:
            with self._asking(budget):
                self._sdk.get_deleted_secret(name)
        except Refused as refused:
            if refused.refusal.status == 404:
                return False
            raise
        return True

    def pages(self, seconds: float) -> Iterator[dict[str, Properties]]:
        """The properties of all secrets by name in lower case, page by page, each within ``seconds``."""
        pages = self._sdk.list_properties_of_secrets().by_page()
        while True:
            page: dict[str, Properties] | None = None
            with self._asking(Budget(seconds, self._clock, faults.VAULT)):
                following = next(pages, None)
                if following is not None:
                    page = {str(one.name).lower(): _properties(one) for one in following}
            if page is None:
                return
            yield page

    @contextmanager
    def _asking(self, budget: Budget) -> Iterator[Exchange]:
        generation = self._session.generation
        with self._transport.within(budget) as exchange:
            try:
                yield exchange
            except BackendFault:
                raise
            except Exception as error:  # noqa: BLE001 - whatever the SDK makes of it; its text may hold a value
                raise self._meaning(exchange, error, generation) from None

    def _meaning(self, exchange: Exchange, error: Exception, generation: int) -> Exception:
        if exchange.fault is not None:
            return exchange.fault
        if exchange.reply is None:
            return BackendUnavailable("the call to the key vault could not be made")
        status = exchange.reply.status
        if status == 401 and isinstance(error, ValueError):
            return AuthFailed("the key vault asks for a token for another domain than its own; none was sent")
        if status == 401:
            self._session.rejected(generation)
        if 200 <= status < 300:
            return BackendUnavailable(_NOT_OURS)
        return Refused(faults.refusal(exchange.reply))


def _properties(properties: SecretProperties) -> Properties:
    return Properties(
        enabled=properties.enabled is not False,
        updated=_seconds(properties.updated_on),
        validity=Validity(
            not_before=_seconds(properties.not_before), expires=_seconds(properties.expires_on)
        ),
    )


def _seconds(instant: datetime | None) -> float | None:
    return None if instant is None else instant.timestamp()


def _began_at(reply: Reply | None, seconds: float) -> float | None:
    """The reply's Date, less the time that the whole call took: not later than the vault began with it."""
    try:
        date = parsedate_to_datetime(reply.headers["date"]) if reply is not None else None
        return date.timestamp() - seconds if date is not None else None
    except (KeyError, ValueError, OverflowError):
        return None
