"""The tags of a template, and the words and signs in them; pure.

They are found where MiniJinja finds them; where that could be doubted, the text is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from secrets_manager.templates.faults import Fault

LONGEST_TAG = 500
DEEPEST_BRACKETS = 32

_SPACE = r"[ \t\r\n\f]*"
_OPENER = re.compile(r"\{[{%#]")
_RAW = re.compile(rf"\{{%[-+]?{_SPACE}raw{_SPACE}[-+]?%\}}")
_END_RAW = re.compile(rf"\{{%[-+]?{_SPACE}endraw{_SPACE}[-+]?%\}}")
_TOKEN = re.compile(
    rf"""{_SPACE}(?:
      (?P<text>'(?:[^'\\]|\\.)*+'|"(?:[^"\\]|\\.)*+")
    | (?P<end>[-+]?%\}}|-?\}}\}})
    | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<number>[0-9][A-Za-z0-9_]*)
    | (?P<sign>//|==|!=|<=|>=|[-+*/%~|.,:=<>()\[\]{{}}])
    )""",
    re.VERBOSE | re.DOTALL,
)
_CLOSED_BY = {"(": ")", "[": "]", "{": "}"}


class Token(NamedTuple):
    """One word or sign of a tag; ``kind`` is the group of the pattern, ``end`` where it ends in the text."""

    kind: str
    text: str
    line: int
    end: int = 0


@dataclass(frozen=True, slots=True)
class Tag:
    """What stands between the signs of a tag; ``statement`` is its first word, or "" for ``{{ ... }}``."""

    line: int
    statement: str
    tokens: list[Token]


def tags_of(text: str) -> Iterator[Tag]:
    """The tags in their order, without comments and raw parts. Raises Fault."""
    return _Reader(text).tags()


class _Reader:
    """The text, and how far it was read."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.line = 1

    def go(self, to: int) -> None:
        """Read up to ``to``."""
        self.line += self.text.count("\n", self.at, to)
        self.at = to

    def tags(self) -> Iterator[Tag]:
        """The tags in their order, without comments and raw parts."""
        while opener := _OPENER.search(self.text, self.at):
            self.go(opener.start())
            if opener[0] == "{#":
                self._pass_comment()
            elif raw := _RAW.match(self.text, self.at):
                end = _END_RAW.search(self.text, raw.end())
                if end is None:
                    raise Fault(self.line, "raw has no endraw")
                self.go(end.end())
            else:
                yield self._tag()

    def _pass_comment(self) -> None:
        end = self.text.find("#}", self.at + 1)
        if end < self.at + 2:
            raise Fault(self.line, "a comment has no end" if end < 0 else "a comment begins with }")
        self.go(end + 2)

    def _tag(self) -> Tag:
        line, closer = self.line, "}}" if self.text[self.at + 1] == "{" else "%}"
        self.go(self.at + 2)
        if self.text[self.at : self.at + 1] in (("-",) if closer == "}}" else ("-", "+")):
            self.go(self.at + 1)
        tokens = list(self._tokens(closer))
        if closer == "}}":
            return Tag(line, "", tokens)
        first = tokens[0] if tokens else Token("", "", line)
        return Tag(line, first.text if first.kind == "name" else "?", tokens[1:])

    def _tokens(self, closer: str) -> Iterator[Token]:
        closing: list[str] = []
        before = ("", "")
        for _ in range(LONGEST_TAG):
            token = self._token(inside=bool(closing))
            if token.kind == "end":
                if token.text[-2:] != closer:
                    raise Fault(token.line, "a tag ends with the sign of another")
                return
            if token.kind == "sign":
                _keep_brackets(token, closing)
                if token.text == ":" and closing[-1:] == ["}"] and not _is_constant_key(*before):
                    raise Fault(token.line, "a map's key is no text in quotes")
            yield token
            before = (before[1], token.text if token.kind == "sign" else token.kind)
        raise Fault(self.line, f"a tag has more than {LONGEST_TAG} words and signs")

    def _token(self, *, inside: bool) -> Token:
        found = _TOKEN.match(self.text, self.at)
        if found is None or found.lastgroup is None:
            raise Fault(self.line, "a tag has no end, or a sign that is unknown")
        kind, text = found.lastgroup, found[found.lastgroup]
        self.go(found.start(kind))
        token = Token(kind, text, self.line, found.end(kind))
        if kind == "end" and inside:
            # Inside of brackets two } close two of them.
            if text != "}}":
                raise Fault(self.line, "a bracket has no end")
            token = Token("sign", "}", self.line, found.start(kind) + 1)
        self.go(self.at + len(token.text))
        return token


def _keep_brackets(sign: Token, closing: list[str]) -> None:
    if sign.text in _CLOSED_BY:
        closing.append(_CLOSED_BY[sign.text])
        if len(closing) > DEEPEST_BRACKETS:
            raise Fault(sign.line, f"more than {DEEPEST_BRACKETS} brackets inside of each other")
    elif sign.text in ")]}" and (not closing or closing.pop() != sign.text):
        raise Fault(sign.line, "a bracket is closed that was not opened")


def _is_constant_key(before: str, key: str) -> bool:
    """Whether a map's key is the one word before the colon: a longer one costs time at each look-up."""
    return key == "text" and before in {"{", ","}
