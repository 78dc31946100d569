"""Answers of AWS Secrets Manager as readings of the contract. Pure.

A secret is one text. Where that is a JSON object its members are keys, and the empty key is the text as it
is stored. Bytes come as Base64, as the API has them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from secrets_manager.backends.base import Exact, Reading, Source, WholePath
from secrets_manager.domain.errors import BackendUnavailable, NotAMap

_LONGEST_NUMBER = 4000
_NOT_OURS = "the reply is not from AWS Secrets Manager"


@dataclass(frozen=True)
class SecretReading(Reading):
    """A secret; ``document`` is the text of it, ``is_map`` whether that is a JSON object.

    The empty key is the document, unless the object has a member of that name.
    """

    document: str = field(default="", repr=False)
    is_map: bool = False

    def whole(self) -> WholePath:
        """The members of the JSON object; raises NotAMap for any other text."""
        if not self.is_map:
            raise NotAMap(self.source.path)
        return super().whole()

    def pick(self, key: str) -> str:
        """As in `Reading`."""
        return self.document if self._is_document(key) else super().pick(key)

    def text_of(self, key: str) -> str:
        """As in `Reading`."""
        return self.document if self._is_document(key) else super().text_of(key)

    def value_of(self, key: str) -> Any:
        """As in `Reading`."""
        return self.document if self._is_document(key) else super().value_of(key)

    def floor(self, key: str) -> int:
        """As in `Reading`."""
        return self._document_floor() if self._is_document(key) else super().floor(key)

    def floor_of_text(self, key: str) -> int:
        """As in `Reading`."""
        return self._document_floor() if self._is_document(key) else super().floor_of_text(key)

    def weight(self) -> int:
        """As in `Reading`."""
        return super().weight() + len(self.document)

    def _is_document(self, key: str) -> bool:
        return not key and self.values.get("") is None

    def _document_floor(self) -> int:
        return len(self.document) - self.document.count("\n") - self.document.count("\r")


def secret_reading(source: Source, version: str, content: Mapping[str, Any]) -> Reading:
    """The reading of a secret; ``content`` is the API's answer with its SecretString or SecretBinary.

    Raises BackendUnavailable where neither is a text.
    """
    text = content.get("SecretString")
    if not isinstance(text, str):
        binary = content.get("SecretBinary")
        if not isinstance(binary, str):
            raise BackendUnavailable(_NOT_OURS)
        return SecretReading(source, version, {}, document=binary)
    members = _members(text)
    if members is None:
        return SecretReading(source, version, {}, document=text)
    exact = Exact(text.encode(errors="surrogatepass"))
    return SecretReading(source, version, members, exact=exact, document=text, is_map=True)


def _members(text: str) -> dict[str, object] | None:
    """The members of the JSON object that ``text`` is, None for any other text."""
    if not text.lstrip(" \t\r\n").startswith("{"):
        return None
    try:
        found = json.loads(text, parse_int=_whole_number, parse_constant=_no_number)
    except (ValueError, RecursionError):
        # The message of the parser quotes the text.
        return None
    return found if isinstance(found, dict) else None


def _whole_number(digits: str) -> int | float:
    # Python refuses to read longer ones. The reading has the digits from the text itself.
    return int(digits) if len(digits) < _LONGEST_NUMBER else float("inf")


def _no_number(_word: str) -> float:
    raise ValueError("NaN and Infinity are no JSON")
