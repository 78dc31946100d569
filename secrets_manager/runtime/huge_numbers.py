"""JSON with numbers that no float holds, such as 1e999 or one of thousands of digits.

They are JSON all the same, and Vault keeps them as they were written; the parser refuses the document for one
of them. Nobody needs to know which number it is, so the largest float stands for it: a number, no whole one.
"""

from __future__ import annotations

import math
import re
from typing import Any

import orjson

# What the parser says of a document with such a number.
TOO_LARGE = "number is infinity"
_LARGEST = b"1.7976931348623157e308"

# Possessive: nothing is remembered for each backslash or digit.
_TEXT_OR_NUMBER = re.compile(
    rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|-?+(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][-+]?+[0-9]++)?+', re.DOTALL
)


def loads(body: bytes) -> Any:
    """What ``body`` says. Raises orjson.JSONDecodeError."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if TOO_LARGE not in str(error):
            raise
    return orjson.loads(_TEXT_OR_NUMBER.sub(_bounded, body))


def is_number(literal: bytes) -> bool:
    """Whether this is a number of JSON, however large."""
    return not literal.startswith(b'"') and _TEXT_OR_NUMBER.fullmatch(literal) is not None


def _bounded(found: re.Match[bytes]) -> bytes:
    literal = found[0]
    if literal.startswith(b'"') or math.isfinite(float(literal)):
        return literal
    return b"-" + _LARGEST if literal.startswith(b"-") else _LARGEST
