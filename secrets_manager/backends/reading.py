"""What one call to a backend reads, and what it answers: a part of the contract in `backends.base`."""

from __future__ import annotations

import contextlib
import json
import re
import sys
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, NamedTuple

import orjson

from secrets_manager.backends import pointer, values
from secrets_manager.backends.documents import Documents, open_value
from secrets_manager.backends.whole_path import WholePath, whole_path
from secrets_manager.domain.backend_name import DEFAULT_BACKEND
from secrets_manager.domain.errors import DecodeError, KeyFault, SourceTooLarge
from secrets_manager.runtime.json_exact import NotExact
from secrets_manager.runtime.json_spans import JsonText, JsonValue, Malformed
from secrets_manager.runtime.json_view import MOST_PARTS, JsonMap, TooManyParts, view

# Of these types, the parser keeps each value as it is written; not those of numbers beyond 64 bits.
_KEPT = frozenset((str, int, bool, type(None)))
# A text, which is passed over, or a number.
_NUMBER = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|(-?[0-9][-+.0-9eE]*+)', re.DOTALL)
_ROUNDED = re.compile(rb"[.eE]|^-0$")
_SURE_DIGITS = 15
_KEPT_TEXTS = frozenset((str, type(None)))


class Source(NamedTuple):
    """The unit that one call to a backend reads: two definitions with equal Sources share their readings.

    ``path`` is normalised by the backend; ``version`` is "" for the newest; ``backend`` is the name of the
    backend in the settings, which the backend itself does not know.
    """

    path: str
    version: str = ""
    backend: str = DEFAULT_BACKEND


@dataclass(frozen=True, slots=True)
class Exact:
    """The bytes that the values of a reading were parsed from: JSON, a map.

    ``place`` are the names that lead from that map to the values.
    """

    body: bytes = field(repr=False)
    place: tuple[str, ...] = ()

    def digits(self) -> list[str]:
        """The numbers that a parser may round, as they are written and in their order."""
        found = _NUMBER.findall(self.body)
        return [each.decode() for each in found if len(each) > _SURE_DIGITS or _ROUNDED.search(each)]

    def values(self) -> JsonMap:
        """The same values as a view of the bytes; raises Malformed and TooManyParts."""
        found = view(self.body)
        for name in self.place:
            found = found[name]
        return found


@dataclass(frozen=True, slots=True)
class Reading:
    """One answer of a backend: all keys of one source, from one version of it.

    ``version`` is the backend's own name for it, "" where it has none. ``caution`` is a sentence about a
    value that can be used but needs the attention of a person (it is expired, for example), "" for none.
    ``values`` of a large answer is a view of its bytes: make few texts of it, and drop it soon. ``exact``
    keeps the digits of numbers that a parser may lose.
    """

    source: Source
    version: str
    values: Mapping[str, object] = field(repr=False)
    caution: str = ""
    exact: Exact | None = field(default=None, repr=False, compare=False)
    # The values that pointers lead into, of a reading that was narrowed.
    _documents: Documents | None = field(default=None, repr=False, compare=False)
    # The key for which "" is short.
    default_key: ClassVar[str] = ""

    def pick(self, key: str) -> str:
        """The text under ``key``; raises KeyNotFound, NotAString or DecodeError.

        A key that begins with ``#/`` and does not exist is a JSON pointer: its first part is a key, and the
        others lead into the value of that, be it a map, a list or a text of JSON.
        """
        key = key or self.default_key
        return values.string(self.source.path, key, self._value(key))

    def text_of(self, key: str) -> str:
        """The text under ``key``, or the JSON text of a value that is none; raises a KeyFault.

        A JSON text has no blanks, names in the order of their letters, and numbers as the backend has them.
        """
        key = key or self.default_key
        return values.text(self.source.path, key, self._value(key))

    def value_of(self, key: str) -> Any:
        """The value under ``key`` as a str, bool, int, float, list or dict; raises a KeyFault.

        A number with digits that neither int of 64 bits nor float keeps is the str of its digits.
        """
        key = key or self.default_key
        return values.natural(self.source.path, key, self._value(key))

    def whole(self) -> WholePath:
        """All members by their own names.

        Raises NotAMap where the source holds one text that has no members, and SourceTooLarge.
        """
        return whole_path(self.source.path, self._exact_values())

    def narrow(self, keys: Collection[str]) -> Reading:
        """The same reading for a caller that asks only for ``keys``.

        They are found in one pass, and each value that pointers lead into is parsed once.
        """
        pointed = self._pointed_names(keys)
        heads = {name for name, further in pointed if further}
        found, narrowed = self._exact_values(), self
        if isinstance(found, JsonMap):
            # What is no JSON under one key is that key's trouble, and found when it is picked.
            with contextlib.suppress(Malformed):
                names = {key or self.default_key for key in keys}.union(name for name, _ in pointed)
                narrowed = replace(self, values=found.only(names), exact=None)
        return replace(narrowed, _documents=Documents(heads, narrowed.values.get)) if heads else narrowed

    def floor(self, key: str) -> int:
        """A lower bound of the bytes of the text under ``key``, line ends left out; the text is not made.

        It is 0 for a value that is no text.
        """
        value = self._value_or_none(key)
        return values.floor(value) if isinstance(value, (str, JsonText)) else 0

    def floor_of_text(self, key: str) -> int:
        """The same, and for a value that is no text a lower bound of its JSON text."""
        return values.floor(self._value_or_none(key))

    def weight(self) -> int:
        """About how many bytes of memory the reading takes."""
        if isinstance(self.values, JsonMap):
            return self.values.size()
        weight = len(self.exact.body) if self.exact is not None else 0
        for key, value in self.values.items():
            weight += sys.getsizeof(key)
            weight += sys.getsizeof(value) if isinstance(value, str) else _weight(value)
        return weight

    def canonical(self) -> bytes:
        """The same bytes for the same content, version and caution, in any order of the keys.

        For a large answer, whose keys come in the same order each time, a digest of its bytes is used
        instead.
        """
        if isinstance(self.values, JsonMap):
            return orjson.dumps((self.version, self.values.mark().hex(), self.caution))
        content: tuple[object, ...] = (self.version, self.values, self.caution)
        if self.exact is not None and not _KEPT.issuperset(map(type, self.values.values())):
            content += (self.exact.digits(),)
        try:
            return orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
        except TypeError:
            # It cannot write values that are nested too deep, and lone surrogates.
            return self._canonical_texts()

    def _canonical_texts(self) -> bytes:
        members = self._exact_values()
        if isinstance(members, JsonMap):
            members = members.only(tuple(members))
        texts = {key: _canonical_text(value) for key, value in members.items()}
        return json.dumps((self.version, texts, self.caution), sort_keys=True).encode("ascii")

    def _value(self, key: str) -> object:
        """What ``key`` names, None for nothing; raises a KeyFault."""
        found = self._stored(key)
        if found is None and pointer.is_pointer(key) and key not in self.values:
            return self._pointed(key)
        return found

    def _value_or_none(self, key: str) -> object:
        try:
            return self._value(key or self.default_key)
        except KeyFault:
            # It is raised when the value is used.
            return None

    def _stored(self, name: str) -> object:
        """The value under ``name``, None for nothing; with its digits."""
        found = self.values
        # The common type first: the check for the other takes longer than all the rest.
        if isinstance(found, dict):
            value = found.get(name)
            if value is None or self.exact is None or isinstance(value, str):
                return value
            found = self._exact_values()
        if isinstance(found, JsonMap):
            try:
                return found.only((name,)).get(name)
            except Malformed:
                raise DecodeError(self.source.path, name, "JSON") from None
        return found.get(name)

    def _pointed(self, key: str) -> object:
        try:
            head, rest = self._split(key)
            return pointer.resolve(self._document(head), rest) if rest else self._stored(head)
        except pointer.NotThere:
            return None
        except NotExact as fault:
            raise DecodeError(self.source.path, key, fault.form, inside=True) from None

    def _document(self, name: str) -> object:
        if self._documents is not None and name in self._documents:
            return self._documents[name]
        return open_value(self._stored(name))[0]

    def _split(self, key: str) -> tuple[str, tuple[str, ...]]:
        """The name in ``values`` that a pointer begins with, and what leads on from there."""
        head, *rest = pointer.tokens_of(key)
        return head, tuple(rest)

    def _pointed_names(self, keys: Iterable[str]) -> set[tuple[str, bool]]:
        """The names that pointers among ``keys`` begin with, and whether they lead further."""
        found: set[tuple[str, bool]] = set()
        for key in filter(pointer.is_pointer, keys):
            with contextlib.suppress(pointer.NotThere):
                name, rest = self._split(key)
                found.add((name, bool(rest)))
        return found

    def _exact_values(self) -> Mapping[str, object]:
        """The values; if some are no texts, with their digits."""
        if self.exact is None or _KEPT_TEXTS.issuperset(map(type, self.values.values())):
            return self.values
        try:
            return self.exact.values()
        except Malformed:
            # The parser that read it knows more than JSON.
            return self.values
        except TooManyParts:
            raise SourceTooLarge(self.source.path, MOST_PARTS) from None


def _canonical_text(value: object) -> object:
    if value is None or isinstance(value, str):
        return value
    try:
        return [values.text("", "", value)]
    except KeyFault:
        # No text can be made of it: it is nested too deep.
        return [value.mark() if isinstance(value, JsonValue) else ""]


def _weight(value: object) -> int:
    """Bytes of memory of a value and of everything inside it."""
    weight, rest = 0, [value]
    while rest:
        one = rest.pop()
        weight += sys.getsizeof(one)
        if isinstance(one, dict):
            rest += one.keys()
            rest += one.values()
        elif isinstance(one, list):
            rest += one
    return weight
