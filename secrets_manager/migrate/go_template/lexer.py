"""A Go template as text and the words of its actions, where Go's own lexer finds them; pure.

Comments are gone, and trim markers have taken their space away. Linear in the length of the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from secrets_manager.migrate.go_template.faults import Refused, shown

_SPACES = " \t\r\n"
_SPACE = re.compile(r"[ \t\r\n]+")
_WORD = re.compile(r"\w*")
_NUMBER = re.compile(
    r"[+-]?(?:0[xX][0-9A-Fa-f]+|0[oO][0-7]+|0[bB][01]+|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
)
_STRING = re.compile(r'"(?:[^"\\\n]|\\[^\n])*+"')
_RAW = re.compile(r"`[^`]*+`")
KEYWORDS = frozenset(
    {"block", "break", "continue", "define", "else", "end", "if", "range", "nil", "template", "with"}
)
_TRIM = re.compile("-[ \t\r\n]")


class Token(NamedTuple):
    """``kind`` is text, open, close, space, field, variable, name, string, number, or the sign itself.

    ``at`` is its offset. A field has no point, a variable no dollar, a keyword its word as the kind.
    """

    kind: str
    text: str
    at: int


def tokens_of(source: str, delims: tuple[str, str]) -> Iterator[Token]:
    """The tokens in their order. Raises Refused where Go finds none, or one that is not known here."""
    lexer = _Lexer(source, *delims)
    while lexer.at < len(source):
        if text := lexer.text():
            yield text
        if lexer.at < len(source) and not lexer.passes_comment():
            yield from lexer.action()


class _Lexer:
    """The text, and how far it was read."""

    def __init__(self, source: str, left: str, right: str) -> None:
        self.source = source
        self.left = left
        self.right = right
        self.at = 0

    def text(self) -> Token | None:
        """The text up to the next action, without what that takes away."""
        start = self.at
        end = self.source.find(self.left, start)
        self.at = len(self.source) if end < 0 else end
        found = self.source[start : self.at]
        if end >= 0 and _TRIM.match(self.source, end + len(self.left)):
            found = found.rstrip(_SPACES)
        return Token("text", found, start) if found else None

    def passes_comment(self) -> bool:
        """Whether a comment was here and is passed over."""
        start = self.at + len(self.left)
        start += 2 * bool(_TRIM.match(self.source, start))
        if not self.source.startswith("/*", start):
            return False
        end = self.source.find("*/", start + 2)
        if end < 0:
            raise Refused(self.at, "a comment", "has no end")
        at, self.at = self.at, end + 2
        if not self._closes():
            raise Refused(at, "a comment", "does not fill its action")
        return True

    def action(self) -> Iterator[Token]:
        """The tokens of an action, the signs at its ends included."""
        start = self.at
        yield Token("open", self.left, start)
        self.at += len(self.left)
        if _TRIM.match(self.source, self.at):
            self.at += 1
        while not self._closes():
            if self.at >= len(self.source):
                raise Refused(start, "an action", "has no end")
            yield self._token()
        yield Token("close", self.right, self.at)

    def _closes(self) -> bool:
        """Whether the action ends here; if so it is left, and space after it as its marker says."""
        trims = self.source[self.at : self.at + 1] in tuple(_SPACES)
        trims = trims and self.source.startswith("-" + self.right, self.at + 1)
        if not trims and not self.source.startswith(self.right, self.at):
            return False
        self.at += len(self.right) + 2 * trims
        if trims and (space := _SPACE.match(self.source, self.at)):
            self.at = space.end()
        return True

    def _token(self) -> Token:
        start, sign = self.at, self.source[self.at]
        if space := _SPACE.match(self.source, start):
            # The last space belongs to the marker of the end.
            ends = len(space[0]) > 1 and self.source.startswith("-" + self.right, space.end())
            return self._taken("space", space.end() - ends)
        if self.source.startswith(":=", start):
            return self._taken(":=", start + 2)
        if sign in "=|(),":
            return self._taken(sign, start + 1)
        return self._operand(sign)

    def _operand(self, sign: str) -> Token:
        start, following = self.at, self.source[self.at + 1 : self.at + 2]
        if sign in '"`':
            return self._string(sign)
        if (
            sign in "+-"
            or (sign.isascii() and sign.isdigit())
            or (sign == "." and following in tuple("0123456789"))
        ):
            return self._number()
        if sign in ".$":
            return self._word("field" if sign == "." else "variable", start + 1)
        if _is_of_word(sign):
            return self._word("name", start)
        if sign == "'":
            raise Refused(start, "a letter in single quotes", "is a number to Go; say the number, or a text")
        raise Refused(start, shown(sign), "has no meaning inside of an action")

    def _taken(self, kind: str, end: int) -> Token:
        token = Token(kind, self.source[self.at : end], self.at)
        self.at = end
        return token

    def _string(self, sign: str) -> Token:
        found = (_STRING if sign == '"' else _RAW).match(self.source, self.at)
        if found is None:
            raise Refused(self.at, "a text in quotes", "has no end")
        return self._taken("string", found.end())

    def _number(self) -> Token:
        found = _NUMBER.match(self.source, self.at)
        end = found.end() if found else self.at + 1
        if (
            found is None
            or _is_of_word(self.source[end : end + 1])
            or self.source[end : end + 1] in {".", "+", "-"}
        ):
            raise Refused(self.at, shown(self.source[self.at : end]), "is no number that is known here")
        return self._taken("number", end)

    def _word(self, kind: str, start: int) -> Token:
        found = _WORD.match(self.source, start)
        end = found.end() if found else start
        word = self.source[start:end]
        after = self.source[end : end + 1]
        is_ended = after in tuple(_SPACES + ".,|:)(") or not after or self.source.startswith(self.right, end)
        if not is_ended or not all(map(_is_of_word, word)):
            raise Refused(self.at, shown(word + after), "is no name")
        token = Token(kind, word, self.at)
        if kind == "name" and (word in KEYWORDS or word in {"true", "false"}):
            token = Token(word, word, self.at)
        self.at = end
        return token


def _is_of_word(letter: str) -> bool:
    return letter == "_" or letter.isalpha() or letter.isdecimal()
