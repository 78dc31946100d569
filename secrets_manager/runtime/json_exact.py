"""JSON values as they are written: numbers keep each digit, and the levels and parts are bounded.

A float loses digits (``1.10``, ``12345678901234567890123``) and holds no ``1e400``, all of which are JSON. So
a number stays its own text here. A text of JSON that is made again has no blanks, and its names are in order.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from json.encoder import encode_basestring
from typing import Any

# Levels of lists and maps in one value, and values in them: no configuration has that many, and an object is
# made of each.
MOST_LEVELS = 100
MOST_VALUES = 50_000
# As letters of Python, a text may take four times its bytes, and it is there twice while it is parsed.
MOST_BYTES = 4 * 1024 * 1024

# Possessive: the matcher remembers nothing for each backslash.
_PART = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[,\[\]{}]', re.DOTALL)
# The widest whole numbers that every reader of JSON keeps.
_SMALLEST, _LARGEST = -(2**63), 2**63 - 1
_LONGEST_INTEGER = 20
_PLAIN_FRACTION = re.compile(r"-?(?:0|[1-9][0-9]{0,14})\.[0-9]{1,15}", re.ASCII)
_WORDS = {None: "null", True: "true", False: "false"}


@dataclass(frozen=True, slots=True)
class Number:
    """A number as it is written."""

    literal: str = field(repr=False)


class NotExact(ValueError):
    """No JSON, or too much of it; ``form`` says what it should be. No part of the document is quoted."""

    def __init__(self, form: str = "JSON") -> None:
        super().__init__(form)
        self.form = form


TOO_DEEP = f"JSON of at most {MOST_LEVELS} levels"
TOO_MANY = f"JSON of at most {MOST_VALUES} values"
TOO_LONG = f"JSON of at most {MOST_BYTES} bytes"


def parse(literal: bytes) -> Any:
    """The value in ``literal``: numbers are Numbers, and the last of equal names counts. Raises NotExact."""
    return parse_counted(literal, MOST_VALUES)[0]


def parse_counted(literal: bytes, most: int) -> tuple[Any, int]:
    """The same, and about how many values it holds; raises NotExact for more than ``most``, too."""
    if len(literal) > MOST_BYTES:
        raise NotExact(TOO_LONG)
    count = parts(literal, most)
    try:
        return _DECODER.decode(literal.decode()), count
    except ValueError:
        # The message of the parser quotes the text, and so does the error of UTF-8.
        raise NotExact from None


def text(value: object, level: int = 0) -> str:
    """The JSON text of a value of ``parse``, or of one that Python's own parser made; raises NotExact."""
    if isinstance(value, Number):
        return value.literal
    if isinstance(value, str):
        return encode_basestring(value)
    if value is None or isinstance(value, bool):
        return _WORDS[value]
    if isinstance(value, (int, float)):
        return _number(value)
    if level == MOST_LEVELS:
        raise NotExact(TOO_DEEP)
    if isinstance(value, dict):
        return _map_text(value, level + 1)
    if isinstance(value, list):
        return f"[{','.join(text(part, level + 1) for part in value)}]"
    raise NotExact


def floor(value: object) -> int:
    """A lower bound of the length of `text`, which is not made; for values that it refuses, too."""
    length, rest = 0, [value]
    while rest:
        one = rest.pop()
        if isinstance(one, Number):
            length += len(one.literal)
        elif isinstance(one, str):
            length += len(one) + 2
        elif isinstance(one, (dict, list)):
            # Brackets, commas and colons: at least one sign for each part.
            length += len(one) + 1
            rest += one
            rest += one.values() if isinstance(one, dict) else ()
        else:
            length += 1
    return length


def _map_text(value: dict[Any, object], level: int) -> str:
    _check_names(value)
    members = (f"{encode_basestring(name)}:{text(value[name], level)}" for name in sorted(value))
    return f"{{{','.join(members)}}}"


def _check_names(value: dict[Any, object]) -> None:
    if not all(isinstance(name, str) for name in value):
        raise NotExact


def natural(value: object, level: int = 0) -> Any:
    """The same value for a template: numbers become int or float where those show the same digits.

    Any other number stays its text. Raises NotExact.
    """
    if isinstance(value, Number):
        return _natural_number(value.literal)
    if isinstance(value, (dict, list)) and level == MOST_LEVELS:
        raise NotExact(TOO_DEEP)
    if isinstance(value, dict):
        _check_names(value)
        return {name: natural(part, level + 1) for name, part in value.items()}
    if isinstance(value, list):
        return [natural(part, level + 1) for part in value]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _natural_number(_number(value))
    if value is None or isinstance(value, (str, bool)):
        return value
    raise NotExact


def parts(literal: bytes, most: int = MOST_VALUES) -> int:
    """About how many values it holds; raises NotExact for too many, or too many levels."""
    level = found = 0
    for part in _PART.finditer(literal):
        sign = literal[part.start()]
        if sign in b"[{":
            level += 1
            if level > MOST_LEVELS:
                raise NotExact(TOO_DEEP)
        elif sign in b"]}":
            level -= 1
        if sign in b"[{,":
            found += 1
            if found > most:
                raise NotExact(TOO_MANY)
    return found


def _natural_number(literal: str) -> int | float | str:
    if _PLAIN_FRACTION.fullmatch(literal):
        return found if repr(found := float(literal)) == literal else literal
    if len(literal) <= _LONGEST_INTEGER and literal.lstrip("-").isdecimal():
        whole = int(literal)
        return whole if str(whole) == literal and _SMALLEST <= whole <= _LARGEST else literal
    return literal


def _number(value: float) -> str:
    if isinstance(value, int):
        try:
            return int.__repr__(value)
        except ValueError:
            # More digits than Python writes.
            raise NotExact from None
    if not math.isfinite(value):
        raise NotExact
    return float.__repr__(value)


def _refuse(_word: str) -> Any:
    """Python's parser knows NaN and Infinity, which are no JSON."""
    raise NotExact


_DECODER = json.JSONDecoder(parse_int=Number, parse_float=Number, parse_constant=_refuse)
