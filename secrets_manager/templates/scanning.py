"""What a template uses, and the refusal of all that is not in the language; pure.

MiniJinja is written in Rust and calls itself for each part of an expression: a text of many signs would end
the process with its stack. So the size and depth of everything is bounded here, before MiniJinja sees it.
Only words of the vocabulary pass. It is stricter than MiniJinja where the two could see different tags.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from secrets_manager.templates import literals, vocabulary
from secrets_manager.templates.faults import Fault
from secrets_manager.templates.tags import LONGEST_TAG, Tag, Token, tags_of

# MiniJinja needs the stack for each level of an expression. A thread of 512 KiB ends at about 1000 signs of
# one chain (LONGEST_TAG of tags.py), and at about 400 of `elif`; threads here have 8 MiB.
MOST_ELIFS = 100
DEEPEST_BLOCKS = 32
# How often names that the template binds itself may stand where lists are made for other such names. Each
# time may double what is reached through them, which costs no memory but endless time to go through.
MOST_GROWTH = 6
# Names of a path that are looked up to say which is missing.
_LONGEST_PATH = 8


@dataclass(slots=True)
class Scan:
    """What a text uses.

    ``lines`` has the lines of each name, filter and function; ``paths`` are such as db.password, with their
    lines; ``names`` may be names of values, and those in ``bound`` may also be the template's own.
    ``in_literals`` are the ends of values that stand in lists and maps which the template writes, and
    ``held`` those of the paths that do.
    """

    lines: dict[str, list[int]] = field(default_factory=dict)
    in_literals: list[int] = field(default_factory=list)
    held: list[tuple[int, tuple[str, ...]]] = field(default_factory=list)
    paths: list[tuple[int, tuple[str, ...]]] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    bound: set[str] = field(default_factory=set)

    def saw(self, name: str, line: int) -> None:
        """Note that ``name`` is used on this line."""
        lines = self.lines.setdefault(name, [])
        if line not in lines[-1:]:
            lines.append(line)


def scan(text: str) -> Scan:
    """What ``text`` uses. Raises Fault for the first thing in it that is not in the language."""
    tags = list(tags_of(text))
    found = Scan(bound={name for tag in tags for name in _bound(tag)})
    _check_blocks(tags)
    for tag in tags:
        found.in_literals += literals.places(tag, _end_of_target(tag))
        _check_words(tag, found)
    _check_growth(tags, found.bound)
    return found


def _check_blocks(tags: list[Tag]) -> None:
    depth, elifs = 0, 0
    for tag in tags:
        if tag.statement and tag.statement not in vocabulary.STATEMENTS:
            raise Fault(tag.line, f"{_shown(tag.statement)} is no statement of the language")
        if tag.statement in vocabulary.BLOCKS and not _is_assignment(tag):
            depth += 1
        elif tag.statement.startswith("end"):
            depth -= 1
        elifs += tag.statement == "elif"
        if depth > DEEPEST_BLOCKS:
            raise Fault(tag.line, f"more than {DEEPEST_BLOCKS} blocks inside of each other")
        if elifs > MOST_ELIFS:
            raise Fault(tag.line, f"more than {MOST_ELIFS} elif")


def _is_assignment(tag: Tag) -> bool:
    return tag.statement == "set" and any(token.text == "=" for token in tag.tokens if token.kind == "sign")


def _check_words(tag: Tag, found: Scan) -> None:
    before = Token("sign", "|" if tag.statement == "filter" else "", tag.line)
    for at, token in enumerate(tag.tokens):
        after = tag.tokens[at + 1] if at + 1 < len(tag.tokens) else Token("", "", tag.line)
        if token.kind == "sign":
            _check_sign(before, token)
        elif token.kind == "name":
            is_value = _check_name(tag.tokens[max(0, at - 2) : at], before, token, after)
            if before.text != "." or before.kind != "sign":
                found.saw(token.text, token.line)
            if is_value:
                found.names.add(token.text)
                path, end = _path(tag.tokens, at)
                found.paths.append((token.line, path))
                if end in found.in_literals[-LONGEST_TAG:]:
                    found.held.append((token.line, path))
        before = token


def _check_sign(before: Token, token: Token) -> None:
    if token.text == "*":
        raise Fault(token.line, "* is not in the language")
    if token.text == "(" and (before.text in {")", "]", "}"} or before.kind in {"text", "number"}):
        raise Fault(token.line, "only functions can be called")


def _check_name(two_before: list[Token], before: Token, token: Token, after: Token) -> bool:
    """Whether it may be the name of a value."""
    word, called = token.text, after.kind == "sign" and after.text == "("
    is_sign = before.kind == "sign"
    if is_sign and before.text == "|":
        _expect(word in vocabulary.FILTERS, token, "is no filter of the language")
        _expect(after.text != "." or after.kind != "sign", token, "is followed by a point")
    elif _is_test(two_before):
        _expect(word in vocabulary.TESTS, token, "is no test of the language")
        _expect(after.text != "." or after.kind != "sign", token, "is followed by a point")
    elif is_sign and before.text == ".":
        _expect(not called, token, "is called, but values have no methods here")
    elif called:
        _expect(word in vocabulary.FUNCTIONS | vocabulary.OPERATORS, token, "is no function of the language")
    else:
        _expect(word not in vocabulary.FUNCTIONS, token, "is a function and must be called")
        # MiniJinja would write its own words about the loop.
        has_field = after.kind == "sign" and after.text == "."
        _expect(word != "loop" or has_field, token, "is no value; take a field of it, such as loop.index")
        return word not in vocabulary.RESERVED and (after.kind != "sign" or after.text != "=")
    return False


def _is_test(before: list[Token]) -> bool:
    words = [token.text if token.kind == "name" else "" for token in before]
    return words[-1:] == ["is"] or words == ["is", "not"]


def _expect(truth: bool, token: Token, otherwise: str) -> None:  # noqa: FBT001 - an assertion
    if not truth:
        raise Fault(token.line, f"{_shown(token.text)} {otherwise}")


def _path(tokens: list[Token], at: int) -> tuple[tuple[str, ...], int]:
    """The names of a.b.c or a["b"] from here on, and where they end."""
    path, end = [tokens[at].text], tokens[at].end
    rest = tokens[at + 1 : at + 3 * _LONGEST_PATH]
    while len(rest) > 1 and rest[0].kind == "sign":
        signs = (rest[0].text, rest[1].kind, rest[2].text if len(rest) > 2 else "")
        if signs[:2] == (".", "name"):
            path.append(rest[1].text)
            end, rest = rest[1].end, rest[2:]
        elif signs == ("[", "text", "]") and "\\" not in rest[1].text:
            path.append(rest[1].text[1:-1])
            end, rest = rest[2].end, rest[3:]
        else:
            break
    return tuple(path), end


def _check_growth(tags: list[Tag], bound: set[str]) -> None:
    growth = 0
    for tag in tags:
        if tag.statement in {"for", "set", "with"}:
            made_of = tag.tokens[_end_of_target(tag) :]
            if _makes_lists(made_of):
                growth += _count_names(made_of, bound)
        if growth > MOST_GROWTH:
            raise Fault(tag.line, "lists and maps are made of others too often")


def _makes_lists(tokens: list[Token]) -> bool:
    """Whether a list or map may be made: [a], {"k": a}, a + b, or a, b outside of a call."""
    open_calls: list[bool] = []
    before = Token("", "", 0)
    for token in tokens:
        follows_value = before.kind in {"name", "text"} and before.text not in vocabulary.OPERATORS
        if token.kind == "sign":
            if token.text in {"+", "{"} or (token.text == "," and open_calls[-1:] != [True]):
                return True
            if token.text == "[" and not (follows_value or before.text in {")", "]"}):
                return True
            if token.text in {"(", "["}:
                open_calls.append(token.text == "(" and follows_value)
            elif token.text in {")", "]"}:
                open_calls.pop()
        before = token
    return False


def _count_names(tokens: list[Token], names: set[str]) -> int:
    pairs = zip([Token("", "", 0), *tokens], tokens, strict=False)
    return sum(token.kind == "name" and token.text in names and before.text != "." for before, token in pairs)


def _end_of_target(tag: Tag) -> int:
    """Where what is bound ends and what it is bound to begins; with may have several, so 0 for it."""
    ends = {"for": {"in"}, "set": {"=", "|"}}.get(tag.statement, set())
    return next((at + 1 for at, token in enumerate(tag.tokens) if token.text in ends), 0)


def _bound(tag: Tag) -> list[str]:
    """The names that a tag binds: of a loop, of set, of with."""
    if tag.statement == "with":
        pairs = zip(tag.tokens, tag.tokens[1:], strict=False)
        return [name.text for name, sign in pairs if name.kind == "name" and sign.text == "="]
    if tag.statement in {"for", "set"}:
        until = _end_of_target(tag) or len(tag.tokens)
        return [token.text for token in tag.tokens[:until] if token.kind == "name" and token.text != "in"]
    return []


def _shown(word: str) -> str:
    return repr(word[:40])
