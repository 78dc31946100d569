"""Calls of the key vault through the SDK: one secret, one deleted secret, one list, each within its deadline.

No error of the SDK leaves this module: a call returns a value or raises KeyVaultRefused with the vault's
codes, or a BackendFault. It must not know paths, nor the meaning of a refusal for a path.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
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
from secrets_manager.backends.azure_key_vault.clouds import KeyVaultEndpoint
from secrets_manager.backends.azure_key_vault.freshness import Properties
from secrets_manager.backends.azure_key_vault.objects import Item, ObjectKind, version_in
from secrets_manager.backends.azure_key_vault.readings import Validity
from secrets_manager.backends.azure_key_vault.session import KeyVaultSession
from secrets_manager.backends.azure_key_vault.transport import KeyVaultTransport, SdkExchange
from secrets_manager.backends.base import Clock
from secrets_manager.domain.errors import BackendFault, BackendUnavailable
from secrets_manager.runtime.http.messages import Reply
from secrets_manager.runtime.terms import Deadline, Terms

_NOT_OURS = "the reply is not from the key vault"
_ANOTHERS = "the reply is about something else than was asked for"


class KeyVaultRefused(Exception):
    """The vault answered with an error status."""

    def __init__(self, refusal: faults.Refusal) -> None:
        super().__init__(f"status {refusal.status}")
        self.refusal = refusal


class UnreadableList(Exception):
    """The vault listed its secrets, and the page cannot be understood; each may still be read by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSecret:
    """A secret as it is in the vault.

    ``began_at`` is when the read began, in Unix time by the vault's clock; None if the reply has no date.
    """

    value: str | None = field(repr=False)
    version: str
    properties: Properties
    began_at: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredKey:
    """The public half of a key, as a JSON Web Key."""

    jwk: Mapping[str, Any]
    version: str


class KeyVaultClient:
    """Calls of one vault; safe from many threads."""

    def __init__(
        self, place: KeyVaultEndpoint, session: KeyVaultSession, transport: KeyVaultTransport, clock: Clock
    ) -> None:
        self._session = session
        self._transport = transport
        self._clock = clock
        self._table = place.table
        self._host = place.url.removeprefix("https://").lower().removesuffix(":443")
        self._sdk = SecretClient(
            vault_url=place.url,
            credential=cast("TokenCredential", session),
            # Every cloud supports it, and nothing newer is needed.
            api_version=ApiVersion.V7_4,
            transport=transport,
            retry_policy=RetryPolicy.no_retries(),
            permit_redirects=False,
            verify_challenge_resource=True,
        )

    @property
    def host(self) -> str:
        """The vault's host, in small letters."""
        return self._host

    def get(self, item: Item, terms: Terms) -> StoredSecret:
        """The secret behind ``item``; raises KeyVaultRefused or a BackendFault."""
        started = self._clock()
        with self._asking(terms) as exchange:
            secret = self._sdk.get_secret(item.name, item.version or None)
            seconds = self._clock() - started
            # A certificate, too, is read as the secret behind it.
            self._check_about(ObjectKind.SECRET, item, secret.id)
            # The SDK hands on what is of the wrong type, and fails when it is asked for it.
            return StoredSecret(
                value=secret.value,
                version=version_in(secret.properties.version),
                properties=_properties(secret.properties),
                began_at=_began_at(exchange.reply, seconds),
            )

    def get_key(self, item: Item, terms: Terms) -> StoredKey:
        """The public half of the key behind ``item``; raises KeyVaultRefused or a BackendFault."""
        with self._asking(terms) as exchange:
            response = self._sdk.send_request(HttpRequest("GET", f"/keys/{item.name}/{item.version}"))
            # This call of the SDK does not raise for an error status.
            response.raise_for_status()
            content = response.json()
        jwk = content.get("key") if isinstance(content, dict) else None
        if not isinstance(jwk, dict) or exchange.reply is None:
            raise BackendUnavailable(_NOT_OURS)
        kid = jwk.get("kid")
        self._check_about(ObjectKind.KEY, item, kid)
        return StoredKey(jwk=jwk, version=version_in(str(kid).rpartition("/")[2]))

    def is_deleted(self, name: str, terms: Terms) -> bool:
        """Whether a secret of that name can be recovered; raises KeyVaultRefused or a BackendFault."""
        try:
            with self._asking(terms):
                deleted = self._sdk.get_deleted_secret(name)
                self._check_about(ObjectKind.SECRET, Item(ObjectKind.SECRET, name, ""), deleted.id)
        except KeyVaultRefused as refused:
            if refused.refusal.status == 404:
                return False
            raise
        return True

    def pages(self, seconds: float) -> Iterator[dict[str, Properties]]:
        """The properties of all secrets by name in lower case, page by page, each within ``seconds``.

        Raises KeyVaultRefused, UnreadableList, or a BackendFault.
        """
        pages = self._sdk.list_properties_of_secrets().by_page()
        while (page := self._page(pages, seconds)) is not None:
            yield page

    def _page(
        self, pages: Iterator[Iterable[SecretProperties]], seconds: float
    ) -> dict[str, Properties] | None:
        with self._asking(Terms(deadline=Deadline.within(seconds), background=True)) as exchange:
            try:
                following = next(pages, None)
                return None if following is None else dict(map(self._listed, following))
            except Exception as error:
                if exchange.reply is None or not faults.is_list(exchange.reply):
                    raise
                # One secret with a date that no calendar has spoils the page for all others.
                raise UnreadableList from error

    def _listed(self, one: SecretProperties) -> tuple[str, Properties]:
        name = str(one.name).lower()
        self._check_about(ObjectKind.SECRET, Item(ObjectKind.SECRET, name, ""), one.id)
        return name, _properties(one)

    def _check_about(self, kind: ObjectKind, item: Item, identifier: object) -> None:
        """Raise BackendUnavailable unless ``identifier`` is that of ``item``, a ``kind``, in this vault."""
        if not isinstance(identifier, str) or not identifier:
            raise BackendUnavailable(_NOT_OURS)
        if not _is_about(self._host, kind, item, identifier):
            raise BackendUnavailable(_ANOTHERS)

    @contextmanager
    def _asking(self, terms: Terms) -> Iterator[SdkExchange]:
        generation = self._session.generation
        with self._transport.on(terms) as exchange:
            try:
                yield exchange
            except (BackendFault, UnreadableList):
                raise
            except Exception as error:  # noqa: BLE001 - any error of the SDK; its text may hold a value
                raise self._meaning(exchange, error, generation) from None

    def _meaning(self, exchange: SdkExchange, error: Exception, generation: int) -> Exception:
        if exchange.fault is not None:
            return exchange.fault
        if exchange.reply is None:
            return BackendUnavailable("the call to the key vault could not be made")
        status = exchange.reply.status
        if status == 401:
            return self._unauthorized(exchange.reply, error, generation)
        if 200 <= status < 300:
            return BackendUnavailable(_NOT_OURS)
        return KeyVaultRefused(faults.parse_refusal(exchange.reply))

    def _unauthorized(self, reply: Reply, error: Exception, generation: int) -> Exception:
        """Only a challenge is the vault's word on our token, which is then dropped."""
        if not faults.is_challenge(reply):
            return faults.no_challenge(self._host, self._table)
        if isinstance(error, ValueError):
            # The SDK's, for a challenge that it does not follow.
            return faults.foreign_challenge(self._host, self._table)
        self._session.reject_token(generation, faults.token_refused(self._host, self._table))
        return KeyVaultRefused(faults.parse_refusal(reply))


def _is_about(host: str, kind: ObjectKind, item: Item, identifier: str) -> bool:
    """Whether an object's address, ``https://HOST/KIND/NAME/VERSION``, is that of what was asked for.

    The answer of another vault, or about another object, is whole and well-formed. Names are the same in
    capitals and small letters.
    """
    _, _, address = identifier.lower().partition("://")
    found_host, *named = address.split("/")
    wanted = [kind.value, item.name.lower(), *filter(None, [item.version.lower()])]
    found = found_host.removesuffix(":443"), named[: len(wanted)]
    return found == (host, wanted) and len(named) <= 3


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
    """The reply's Date minus the time of the whole call: not later than the vault began to answer."""
    try:
        date = parsedate_to_datetime(reply.headers["date"]) if reply is not None else None
        return date.timestamp() - seconds if date is not None else None
    except (KeyError, ValueError, OverflowError):
        return None
