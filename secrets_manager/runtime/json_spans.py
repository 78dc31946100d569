"""Values of a JSON document that are known by their places in it, and made only when they are asked for."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from dataclasses import dataclass, field
from typing import Any

import orjson

from secrets_manager.runtime import huge_numbers, json_exact

# By how much each of these may make a text shorter than its literal; the last three could be line ends.
_SHORTER = ((b"\\", 1), (b"\\u", 4), (b"\\n", 1), (b"\\r", 1), (b"\\u000", 1))
# And a text of JSON: an escape may become a letter, and blanks are left out.
_SHORTER_JSON = ((b"\\u", 5), (b"\\/", 1), (b" ", 1), (b"\t", 1), (b"\n", 1), (b"\r", 1))
# A longer literal is still a number, and its value is never needed.
_LONGEST_NUMBER = 64
# Digests of one process are of no use to another.
_KEY = os.urandom(32)
_KINDS = {b"{": "map", b"[": "list", b"t": "bool", b"f": "bool"}
_WORDS: dict[bytes, bool | None] = {b"true": True, b"false": False, b"null": None}


class Malformed(ValueError):
    """The bytes are not a JSON map; the message quotes none of them."""


@dataclass(eq=False, slots=True)
class Document:
    """The bytes, and an object that lives as long as they do."""

    body: bytes = field(repr=False)
    hold: object = field(repr=False)
    # An estimate that is never too high: a quote inside a string has a backslash.
    strings: int = field(init=False)

    def __post_init__(self) -> None:
        self.strings = (self.body.count(b'"') - self.body.count(b'\\"')) // 2

    def members(self, start: int, end: int) -> int:
        """An estimate of the members: a name ends in a quote and a colon, which a text would escape."""
        return self.body.count(b'":', start, end) - self.body.count(b'\\":', start, end)


@dataclass(frozen=True, slots=True)
class JsonText:
    """A text that is still JSON."""

    _document: Document = field(repr=False)
    _start: int
    _end: int

    def text(self) -> str:
        """The text itself; raises Malformed when its escapes are not valid."""
        literal = memoryview(self._document.body)[self._start : self._end]
        try:
            found = orjson.loads(literal)
        except ValueError:
            found = _lenient(bytes(literal))
        if not isinstance(found, str):
            raise Malformed("no text")
        return found

    def floor(self) -> int:
        """A lower bound of its length in UTF-8 bytes, line ends left out; the text itself is not made."""
        # An escape of two or six characters stands for at least one byte; counting one twice only lowers the
        # bound.
        return max(0, self._end - self._start - 2 - sum(self._count(sign) * less for sign, less in _SHORTER))

    def _count(self, sign: bytes) -> int:
        return self._document.body.count(sign, self._start + 1, self._end - 1)


@dataclass(frozen=True, slots=True)
class JsonValue:
    """A number, bool, list or map that is still JSON."""

    _document: Document = field(repr=False)
    start: int
    end: int

    def literal(self) -> bytes:
        """The bytes in the document."""
        return self._document.body[self.start : self.end]

    def kind(self) -> str:
        """Its JSON type; raises Malformed for what is no value. Lists and maps are not examined."""
        kind = _KINDS.get(self._document.body[self.start : self.start + 1])
        if kind in ("map", "list"):
            return kind
        return "bool" if isinstance(self.scalar(), bool) else "number"

    def floor(self) -> int:
        """A lower bound of the bytes of its JSON text. Of members with one name each counts."""
        body = self._document.body
        less = sum(body.count(sign, self.start, self.end) * each for sign, each in _SHORTER_JSON)
        return max(0, self.end - self.start - less)

    def mark(self) -> str:
        """A keyed digest of the bytes, which is of use in this process only."""
        return hashlib.blake2b(self.literal(), key=_KEY).hexdigest()

    def scalar(self) -> Any:
        """A number, about as it is written, or a bool; raises Malformed for anything else."""
        literal = self.literal()
        if literal in _WORDS:
            return _WORDS[literal]
        if len(literal) <= _LONGEST_NUMBER:
            with contextlib.suppress(ValueError):
                return huge_numbers.loads(literal)
        if not huge_numbers.is_number(literal):
            raise Malformed("no value")
        return 0.0

    def parts(self, most: int) -> int:
        """About how many parts it has; raises NotExact for more than ``most``, and for too many levels."""
        return json_exact.parts(self.literal(), most)

    def exact(self) -> Any:
        """The value as `json_exact.parse` makes it; raises NotExact."""
        return json_exact.parse(self.literal())


def _lenient(literal: bytes) -> Any:
    # orjson refuses lone surrogates, which the standard parser accepts.
    try:
        return json.loads(literal)
    except ValueError:
        raise Malformed("no text") from None
