"""Regular expressions that choose keys, as patterns of a definition. Pure.

The operator looks for an expression anywhere in the name of a key (MatchString of Go's regexp); a pattern has
to fit the whole name. What both can say is a text with ``.``, ``.*``, ``.+``, sets of letters, ``^``, ``$``
and ``|``.
"""

from __future__ import annotations

import re
from itertools import product

from secrets_manager.migrate.remarks import Refused

__all__ = ["globs"]

_MOST = 64
_TOKEN = re.compile(
    r"""(?P<letter>[A-Za-z0-9_\-/@:, ]) | \\(?P<escaped>[.\-_/^$|()\[\]{}*+?\\]) | (?P<any>\.[*+]?)"""
    r""" | \[(?P<set>\^?(?:[A-Za-z0-9](?:-[A-Za-z0-9])?|[_.])+)\] | \\(?P<class>[dw])""",
    re.VERBOSE,
)
_ANY = {".": "?", ".*": "*", ".+": "?*"}
_CLASSES = {"d": "[0-9]", "w": "[0-9A-Za-z_]"}
_SPECIAL = frozenset("*?[")
_BY_HAND = (
    "is a regular expression that no pattern of a definition says; write it with letters, `.*`, `.`, "
    "`[a-z]`, `|`, `^` and `$`, or name the keys in keysMap"
)


def globs(expression: str, at: str) -> tuple[str, ...]:
    """The patterns that together choose the same keys. Raises Refused, about the field ``at``."""
    found: list[str] = []
    for branch in _branches(expression, at):
        start, end = branch.startswith("^"), branch.endswith("$") and not branch.endswith("\\$")
        inner = branch[start : len(branch) - end]
        for body in _bodies(inner, at):
            pattern = ("" if start else "*") + body + ("" if end else "*")
            found.append(re.sub(r"\*{2,}", "*", pattern))
    if len(found) > _MOST:
        raise Refused(at, _BY_HAND)
    return tuple(dict.fromkeys(found))


def _branches(expression: str, at: str) -> list[str]:
    """The branches of the whole expression; a ``|`` in brackets belongs to the brackets."""
    found, depth, escaped = [""], 0, False
    for letter in expression:
        if letter == "|" and not depth and not escaped:
            found.append("")
            continue
        if not escaped and letter in "()":
            depth += 1 if letter == "(" else -1
        escaped = letter == "\\" and not escaped
        found[-1] += letter
    if depth:
        raise Refused(at, _BY_HAND)
    return found


def _bodies(inner: str, at: str) -> list[str]:
    """The patterns of a branch without its ends: one for each choice that its brackets give."""
    parts = re.split(r"(?<!\\)\((?:\?:)?([^()\\]*)\)", inner)
    texts, groups = parts[::2], parts[1::2]
    choices = [[_pattern(each, at) for each in group.split("|")] for group in groups]
    if any(text.startswith(tuple("*+?{")) for text in texts[1:]):
        raise Refused(at, _BY_HAND)
    around = [_pattern(text, at) for text in texts]
    made: list[str] = []
    for chosen in product(*choices):
        made.append(around[0] + "".join(each + after for each, after in zip(chosen, around[1:], strict=True)))
        if len(made) > _MOST:
            raise Refused(at, _BY_HAND)
    return made


def _pattern(text: str, at: str) -> str:
    made, place = "", 0
    while place < len(text):
        found = _TOKEN.match(text, place)
        if found is None or text[found.end() : found.end() + 1] in tuple("*+?{") or _is_backwards(found):
            raise Refused(at, _BY_HAND)
        made += _part(found)
        place = found.end()
    return made


def _is_backwards(found: re.Match[str]) -> bool:
    """Whether a range of letters goes down, which is an error there and an empty set here."""
    return any(first > last for first, last in re.findall("(.)-(.)", found["set"] or ""))


def _part(found: re.Match[str]) -> str:
    if (dots := found["any"]) is not None:
        return _ANY[dots]
    if (name := found["class"]) is not None:
        return _CLASSES[name]
    if (letters := found["set"]) is not None:
        return f"[!{letters[1:]}]" if letters.startswith("^") else f"[{letters}]"
    letter = found["letter"] or found["escaped"]
    return f"[{letter}]" if letter in _SPECIAL else letter
