"""Answers of the vault as readings of the contract. Pure.

This module must not know how an answer was requested.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from secrets_manager.backends import pointer
from secrets_manager.backends.azure_key_vault import certificates, public_keys
from secrets_manager.backends.azure_key_vault.objects import Item, ObjectKind
from secrets_manager.backends.base import Reading, Source, WholePath
from secrets_manager.backends.whole_path import whole_path
from secrets_manager.domain.errors import (
    EngineMismatch,
    NotAMap,
    NotAString,
    SourceExpired,
    SourceTooLarge,
)
from secrets_manager.runtime import huge_numbers
from secrets_manager.runtime.json_view import MOST_PARTS, TooManyParts, view
from secrets_manager.settings import AzureKvSettings

# The name of a secret's only value; the key of a definition never names it.
_VALUE = "value"


@dataclass(frozen=True, slots=True, kw_only=True)
class Validity:
    """When a secret may be used, in Unix time; None means without limit."""

    not_before: float | None = None
    expires: float | None = None

    def caution(self, name: str, now: float) -> str:
        """A constant sentence while ``name`` is not valid at ``now``, otherwise ""."""
        if self.expires is not None and now >= self.expires:
            return f"{name!r} expired at {_instant(self.expires)}"
        if self.not_before is not None and now < self.not_before:
            return f"{name!r} is not valid before {_instant(self.not_before)}"
        return ""


@dataclass(frozen=True, slots=True)
class SecretReading(Reading):
    """A secret: the value for any key; a key that is a JSON pointer picks a member of it."""

    def whole(self) -> WholePath:
        """The members of the JSON object that the value is; raises NotAMap for any other value."""
        value = self.values[_VALUE]
        if not isinstance(value, str) or not isinstance(_document(value), dict):
            raise NotAMap(self.source.path)
        try:
            return whole_path(self.source.path, view(value.encode()))
        except TooManyParts:
            raise SourceTooLarge(self.source.path, MOST_PARTS) from None

    def _value(self, key: str) -> object:
        value = self.values[_VALUE]
        if not isinstance(value, str):
            raise NotAString(self.source.path, key, "null")
        return self._pointed(key) if pointer.is_pointer(key) else value

    def _split(self, key: str) -> tuple[str, tuple[str, ...]]:
        return _VALUE, pointer.tokens_of(key)


def secret_reading(item: Item, source: Source, version: str, value: str | None, caution: str) -> Reading:
    """The reading of a secret or certificate; raises EngineMismatch for an invalid certificate."""
    if item.kind is not ObjectKind.CERTIFICATE:
        return SecretReading(source, version, {_VALUE: value}, caution)
    try:
        parts = certificates.take_apart(value or "")
    except certificates.NotACertificate:
        raise EngineMismatch(source.path, "certificate") from None
    return Reading(source, version, parts, caution)


def key_reading(source: Source, version: str, jwk: Mapping[str, Any]) -> Reading:
    """The reading of a key's public half; raises EngineMismatch for a key that has none."""
    try:
        return Reading(source, version, public_keys.public_forms(jwk))
    except public_keys.NoPublicKey:
        raise EngineMismatch(source.path, "public key") from None


def refuse_invalid(caution: str, settings: AzureKvSettings) -> None:
    """Raise SourceExpired for a value with a caution if the settings are strict."""
    if settings.strict_expiry and caution:
        raise SourceExpired(caution, settings.table)


def _document(value: str) -> Any:
    try:
        return huge_numbers.loads(value.encode())
    except ValueError:
        # The message of the parser quotes the text.
        return None


def _instant(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
