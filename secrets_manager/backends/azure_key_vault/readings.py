"""What a vault's answer holds, as a reading of the contract. Pure.

It must not know how the answer was got.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from secrets_manager.backends.azure_key_vault import certificates, pointer, public_keys
from secrets_manager.backends.azure_key_vault.objects import Item, Kind
from secrets_manager.backends.base import Reading, Source
from secrets_manager.domain.errors import DecodeError, EngineMismatch, KeyNotFound, NotAString, SourceExpired

# The one value of a secret; a definition's key never names it.
_VALUE = "value"
_JSON_TYPES: dict[type, str] = {bool: "bool", int: "number", float: "number", list: "list", dict: "map"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Validity:
    """When a secret may be used, in Unix time; None is without limit."""

    not_before: float | None = None
    expires: float | None = None

    def caution(self, name: str, now: float) -> str:
        """A sentence when ``name`` is not valid at ``now``, else ""; the same one as long as that is so."""
        if self.expires is not None and now >= self.expires:
            return f"{name!r} expired at {_instant(self.expires)}"
        if self.not_before is not None and now < self.not_before:
            return f"{name!r} is not valid before {_instant(self.not_before)}"
        return ""


@dataclass(frozen=True, slots=True)
class SecretReading(Reading):
    """A secret: one value, whatever the key; a key that is a JSON pointer picks a member of it."""

    def pick(self, key: str) -> str:
        """The value, or the text that ``key`` points at; raises a KeyFault."""
        value = self.values[_VALUE]
        if not isinstance(value, str):
            raise NotAString(self.source.path, key, "null")
        return _pointed(self.source, key, value) if pointer.is_pointer(key) else value


def reading(item: Item, source: Source, version: str, value: str | None, caution: str) -> Reading:
    """The reading of a secret or certificate; raises EngineMismatch for what should be one and is not."""
    if item.kind is not Kind.CERTIFICATE:
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


def refuse_invalid(caution: str, *, strict: bool) -> None:
    """Raise SourceExpired for a value with a caution, when told to be strict."""
    if strict and caution:
        raise SourceExpired(caution)


def _pointed(source: Source, key: str, value: str) -> str:
    try:
        document: Any = orjson.loads(value)
    except ValueError:
        # The parser's words quote the text.
        raise DecodeError(source.path, key, "JSON") from None
    try:
        found = pointer.resolve(document, key)
    except pointer.NotThere:
        raise KeyNotFound(source.path, key) from None
    if found is None:
        raise KeyNotFound(source.path, key)
    if not isinstance(found, str):
        raise NotAString(source.path, key, _JSON_TYPES[type(found)])
    return found


def _instant(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
