"""A JSON map that is read in place: only the values that are asked for become objects.

A parser makes an object of each value: eight megabytes of nested empty lists become 450 MB of objects. A
caller needs only a few texts of a large reply. So this module finds the places of those texts in the bytes,
skips the rest, and makes objects of those texts alone. It costs no memory beyond the bytes themselves.

It does not validate: in the parts that it skips, it checks only brackets and quotes.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from secrets_manager.runtime.json_spans import Document, JsonText, JsonValue, Malformed

# Strings, lists and maps of one document that may be skipped; each takes 0.1 or 0.2 microseconds.
MOST_PARTS = 500_000

# Possessive: the matcher remembers nothing for each backslash.
_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_BLANKS = rb"[ \t\r\n]*+"
_SCALAR = rb"[-+.0-9A-Za-z]++"
# Parts that are skipped at a time: other threads get their turn in between.
_AT_ONCE = 4096
# The text before a bracket, and the bracket if it is not too far.
_BRACKET_AT = re.compile(rb'[^"\[\]{}]*+(?:%b[^"\[\]{}]*+){0,%d}+[\[\]{}]?' % (_STRING, _AT_ONCE), re.DOTALL)
_BLANKS_AT = re.compile(_BLANKS)
_EMPTY_AT = re.compile(_BLANKS + rb"\}")
_COMMA_OR_END_AT = re.compile(_BLANKS + rb"[,}]")
# A name, then its value and the sign after it, unless the value is a list or a map.
_MEMBER_AT = re.compile(
    rb"%b(%b)%b:%b(?:(%b|%b)%b[,}])?" % (_BLANKS, _STRING, _BLANKS, _BLANKS, _STRING, _SCALAR, _BLANKS),
    re.DOTALL,
)
# Members that are neither a list, a map nor the last one, and whose names are plain and not among some names.
_OTHERS = rb'(?:%b"%%b[^"\\]*+"%b:%b(?:%b|%b)%b,){1,%d}+' % (
    *(_BLANKS, _BLANKS, _BLANKS, _STRING, _SCALAR, _BLANKS),
    _AT_ONCE,
)
# The most names, and bytes of names, that a pattern can exclude quickly.
_FEW_NAMES, _SHORT_NAMES = 8, 1024
_OPENING, _CLOSING = b"[{", b"]}"
_PIECE = 64 * 1024
# Up to this many members their places are remembered; beyond, one pass finds all keys that are asked for
# together.
_FEW = 64
# Digests of one process are of no use to another.
_KEY = os.urandom(32)


# A value that is not made yet; null is None.
Span = JsonText | JsonValue | None


class TooManyParts(ValueError):
    """The document has more parts than are examined; the message quotes none of them."""


class Parsed(dict[str, Any]):
    """A map that was parsed whole, and its bytes, for those who need its numbers as they are written."""

    __slots__ = ("body",)

    def __init__(self, content: Mapping[str, Any], body: bytes) -> None:
        super().__init__(content)
        self.body = body


class JsonMap(Mapping[str, Any]):
    """A map of the document. Its texts, maps and scalars are made when they are asked for.

    A list is returned as an empty list, since no caller reads lists. Raises Malformed, and TooManyParts.
    """

    __slots__ = ("_document", "_end", "_few", "_maps", "_start")

    def __init__(self, document: Document, start: int, end: int) -> None:
        self._document = document
        self._start = start
        self._end = end
        self._few: dict[str, tuple[int, int]] | None = None
        self._maps: dict[int, JsonMap] = {}

    def __getitem__(self, key: str) -> Any:
        found = self.only((key,))[key]
        if isinstance(found, JsonText):
            return found.text()
        return self._shallow(found) if isinstance(found, JsonValue) else None

    def __iter__(self) -> Iterator[str]:
        seen: dict[str, None] = dict.fromkeys(key for key, _, _ in self._members())
        return iter(seen)

    def __len__(self) -> int:
        return sum(1 for _ in iter(self))

    def __repr__(self) -> str:
        return "JsonMap(…)"

    def only(self, keys: Collection[str]) -> dict[str, Span]:
        """The values of those of ``keys`` that exist, found in one pass and not made."""
        wanted = frozenset(keys)
        spans = self._spans(wanted)
        return {key: self._span(*spans[key]) for key in spans if key in wanted}

    def every(self, most: int) -> dict[str, Span]:
        """All values, found in one pass and not made; raises TooManyParts beyond ``most``."""
        found: dict[str, Span] = {}
        for key, start, end in self._members():
            found[key] = self._span(start, end)
            if len(found) > most:
                raise TooManyParts(f"more than {most} members")
        return found

    def size(self) -> int:
        """The number of bytes of the map in the document."""
        return self._end - self._start

    def mentions(self, text: str) -> bool:
        """Whether ``text``, which needs no JSON escapes, stands anywhere in the map."""
        return self._document.body.find(text.encode(), self._start, self._end) >= 0

    def mark(self) -> bytes:
        """A keyed digest of the bytes, which is of use in this process only."""
        part = memoryview(self._document.body)[self._start : self._end]
        return hashlib.blake2b(part, key=_KEY).digest()

    def _spans(self, wanted: Collection[str]) -> dict[str, tuple[int, int]]:
        if self._few is not None:
            return self._few
        few: dict[str, tuple[int, int]] = {}
        chosen: dict[str, tuple[int, int]] = {}
        seen = 0
        for key, start, end in self._members(wanted):
            seen += 1
            # Of several members with one name the last one counts.
            if key in wanted:
                chosen[key] = start, end
            if seen <= _FEW:
                few[key] = start, end
        if seen <= _FEW:
            self._few = few
        return chosen

    def _members(self, wanted: Collection[str] | None = None) -> Iterator[tuple[str, int, int]]:
        """Names and places. Where there are many, members that are not ``wanted`` may be left out."""
        body, at = self._document.body, self._start + 1
        empty = _EMPTY_AT.match(body, at)
        if empty is not None:
            self._end = empty.end()
            return
        count, others = 0, None
        while count < MOST_PARTS // 2:
            # The first few are all yielded, so that the caller can see that there are more.
            if count == _FEW + 1 and wanted is not None:
                others = _pattern_of_others(wanted)
            passed = others.match(body, at) if others is not None else None
            if passed is not None:
                count += self._document.members(at, passed.end())
                at = passed.end()
                continue
            count += 1
            name, start, end, at = self._member(at)
            yield name, start, end
            if body[at - 1] in _CLOSING:
                self._end = at
                return
        raise TooManyParts(f"more than {MOST_PARTS} parts")

    def _member(self, at: int) -> tuple[str, int, int, int]:
        """The name of the member that begins here, the place of its value, and where the next one begins."""
        body = self._document.body
        member = _MEMBER_AT.match(body, at)
        if member is None:
            raise Malformed("a member without name")
        start, end = member.span(2)
        after: re.Match[bytes] | None = member
        if start < 0:
            start = member.end()
            end = _end_of_nest(self._document, start)
            after = _COMMA_OR_END_AT.match(body, end)
        if after is None:
            raise Malformed("members without a comma")
        return self._name(*member.span(1)), start, end, after.end()

    def _name(self, start: int, end: int) -> str:
        literal = self._document.body[start + 1 : end - 1]
        if b"\\" in literal:
            # A name with invalid escapes is never asked for.
            with contextlib.suppress(Malformed):
                return JsonText(self._document, start, end).text()
        return literal.decode()

    def _span(self, start: int, end: int) -> Span:
        first = self._document.body[start : start + 1]
        if first == b'"':
            return JsonText(self._document, start, end)
        if first == b"n" and self._document.body[start:end] == b"null":
            return None
        return JsonValue(self._document, start, end)

    def _shallow(self, found: JsonValue) -> Any:
        kind = found.kind()
        if kind == "map":
            # The same object each time: it remembers the places of its members.
            return self._maps.setdefault(found.start, JsonMap(self._document, found.start, found.end))
        return [] if kind == "list" else found.scalar()


def view(body: bytes, hold: object = None) -> JsonMap:
    """The map in ``body``, all of which is examined once; ``hold`` is released together with its bytes.

    Raises Malformed when it is not a map, and TooManyParts.
    """
    start = _past_blanks(body, 0)
    if body[start : start + 1] != b"{" or not _is_utf8(body):
        raise Malformed("no map")
    found = JsonMap(Document(body, hold), start, len(body))
    found.only(())
    if _past_blanks(body, start + found.size()) != len(body):
        raise Malformed("more than one document")
    return found


def _end_of_nest(document: Document, start: int) -> int:
    body, at, depth = document.body, start, 0
    if body[start : start + 1] not in (b"[", b"{"):
        raise Malformed("no value")
    for _ in range(MOST_PARTS - document.strings):
        found = _BRACKET_AT.match(body, at)
        if found is None or found.end() == at:
            raise Malformed("no end")
        at = found.end()
        sign = body[at - 1]
        if sign in _OPENING:
            depth += 1
        elif sign in _CLOSING:
            depth -= 1
            if depth == 0:
                return at
    raise TooManyParts(f"more than {MOST_PARTS} parts")


def _pattern_of_others(wanted: Collection[str]) -> re.Pattern[bytes] | None:
    """Matches members with other names; None where there are too many names for that."""
    names = [name.encode("utf-8", "surrogatepass") for name in wanted]
    if len(names) > _FEW_NAMES or sum(map(len, names)) > _SHORT_NAMES:
        return None
    none_of_them = rb'(?!(?:%b)")' % b"|".join(map(re.escape, sorted(names))) if names else b""
    return re.compile(_OTHERS % none_of_them, re.DOTALL)


def _past_blanks(body: bytes, at: int) -> int:
    found = _BLANKS_AT.match(body, at)
    return found.end() if found else at


def _is_utf8(body: bytes) -> bool:
    if body.isascii():
        return True
    at = 0
    while at < len(body):
        # A character has at most four bytes, and all except the first look like 10xxxxxx.
        end = min(at + _PIECE, len(body))
        while end < len(body) and end > at and body[end] & 0xC0 == 0x80:
            end -= 1
        try:
            body[at:end].decode()
        except UnicodeDecodeError:
            return False
        if end == at:
            return False
        at = end
    return True
