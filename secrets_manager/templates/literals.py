"""Where lists and maps are written, and that what stands in them is there; pure.

MiniJinja takes what is undefined into a list or map without a word, and filters then see nothing or null. So
behind each value that stands in one, a filter is put that fails for what is not there. No template can write
that filter, and a value that went through `default` passes it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from secrets_manager.templates import vocabulary
from secrets_manager.templates.faults import Fault
from secrets_manager.templates.tags import Tag, Token

__all__ = ["PRESENT", "hardened", "places"]

# The filter's name, which is no word of the vocabulary.
PRESENT = "present"
_ENDS = frozenset({",", "]", "}", ")", "if", "else", ""})
_CLOSED = frozenset({")", "]", "}"})
# Words of which an expression is made, and after which a bracket begins a list or a group.
_WORDS = vocabulary.OPERATORS
_NOTHING = Token("", "", 0, 0)


@dataclass(slots=True)
class _Bracket:
    """One that is open: whether it is a list, map or tuple, and the ``if`` without ``else`` of its part."""

    holds_values: bool
    lacking: int = 0


def hardened(text: str, at: list[int]) -> str:
    """The text with the filter at the places."""
    parts, begin = [], 0
    for end in sorted(at):
        parts.append(text[begin:end])
        begin = end
    return f"|{PRESENT}".join([*parts, text[begin:]])


def places(tag: Tag, begin: int) -> Iterator[int]:
    """The ends of the values in lists and maps of a tag, whose expression begins with that token.

    Raises Fault for an ``if`` without ``else`` in one, which leaves a hole in the list.
    """
    tokens = tag.tokens[begin:]
    tuples = _tuples(tokens, outside=tag.statement in {"set", "for"})
    open_ones = [_Bracket(-1 in tuples)]
    for at, token in enumerate(tokens):
        before = tokens[at - 1] if at else _NOTHING
        after = tokens[at + 1] if at + 1 < len(tokens) else _NOTHING
        inside = open_ones[-1]
        if token.kind == "sign" and token.text in {"(", "[", "{"}:
            open_ones.append(_Bracket(at in tuples or _begins_literal(before, token)))
            continue
        _count(inside, token, before)
        if token.kind == "sign" and token.text in _CLOSED:
            open_ones.pop()
        if open_ones[-1].holds_values and after.text in _ENDS and _ends_value(before, token):
            yield token.end


def _count(inside: _Bracket, token: Token, before: Token) -> None:
    """Keep count of ``if`` and ``else`` of a part of a list."""
    word = token.text if token.kind == "name" and before.text != "." else ""
    inside.lacking += (word == "if") - (word == "else")
    if token.kind == "sign" and token.text in {",", *_CLOSED}:
        if inside.holds_values and inside.lacking > 0:
            raise Fault(token.line, "an if in a list or map has no else")
        inside.lacking = 0


def _begins_literal(before: Token, token: Token) -> bool:
    """Whether a bracket begins a list or map: it follows no value that it could be an index or a call of."""
    return token.text != "(" and not _is_value(before)


def _is_value(token: Token) -> bool:
    if token.kind == "name":
        return token.text not in _WORDS
    return token.kind in {"text", "number"} or token.text in _CLOSED


def _ends_value(before: Token, token: Token) -> bool:
    """Whether a value may end here that is not there: no constant, and no test such as ``is defined``."""
    if token.kind == "sign":
        return token.text in _CLOSED
    is_field = before.kind == "sign" and before.text == "."
    is_test = before.kind == "name" and before.text in {"is", "not"}
    return token.kind == "name" and (is_field or not (is_test or token.text in vocabulary.RESERVED))


def _tuples(tokens: list[Token], *, outside: bool) -> set[int]:
    """The round brackets, by their place, that have a comma and are no call; -1 for none around."""
    found: set[int] = set()
    open_ones: list[tuple[int, bool]] = [(-1, outside)]
    for at, token in enumerate(tokens):
        if token.kind != "sign":
            continue
        if token.text in {"(", "[", "{"}:
            before = tokens[at - 1] if at else _NOTHING
            open_ones.append((at, token.text == "(" and not _is_value(before)))
        elif token.text in _CLOSED:
            open_ones.pop()
        elif token.text == "," and open_ones[-1][1]:
            found.add(open_ones[-1][0])
    return found
