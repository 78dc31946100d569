"""What a plain scalar of YAML means to kubectl; pure.

kubectl reads YAML with go-yaml v2, by rules that are neither those of YAML 1.1 nor of PyYAML: `1e3` is a
number, `12:30` is a text, and so is a date. A value that is a number to kubectl is refused by the API server
where the schema wants a text.
Source: go.yaml.in/yaml/v2, resolve.go.
"""

from __future__ import annotations

import math
import re

Scalar = str | int | float | bool | None

_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}
_LONGEST_NUMBER = 400
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
# strconv.ParseInt with base 0; the underscores are gone by then.
_INTEGERS = (
    (re.compile(r"[-+]?0[xX][0-9a-fA-F]+", re.ASCII), 16),
    (re.compile(r"[-+]?0[bB][01]+", re.ASCII), 2),
    (re.compile(r"[-+]?0[oO][0-7]+", re.ASCII), 8),
    (re.compile(r"[-+]?0[0-7]+", re.ASCII), 8),
    (re.compile(r"[-+]?(0|[1-9][0-9]*)", re.ASCII), 10),
)
_SMALLEST, _LARGEST = -(2**63), 2**64 - 1


def plain(text: str) -> Scalar:
    """The value of a scalar that has neither quotes nor a tag."""
    if text in _WORDS:
        return _WORDS[text]
    if not text[0].isascii() or text[0] not in "+-.0123456789" or len(text) > _LONGEST_NUMBER:
        return text
    if text[0] == ".":
        return float(text) if _FLOAT.fullmatch(text) else text
    digits = text.replace("_", "")
    number: int | float | None = _integer(digits)
    if number is None and _FLOAT.fullmatch(digits):
        number = float(digits)
    # Go refuses one that is too large for a float, and takes it for a text.
    return text if number is None or math.isinf(number) else number


def _integer(digits: str) -> int | None:
    for form, base in _INTEGERS:
        if form.fullmatch(digits):
            number = int(digits, base) if base == 10 else _of_base(digits, base)
            return number if _SMALLEST <= number <= _LARGEST else None
    return None


def _of_base(digits: str, base: int) -> int:
    sign = -1 if digits.startswith("-") else 1
    bare = digits.lstrip("+-")
    return sign * int(bare.lower().removeprefix({16: "0x", 2: "0b", 8: "0o"}[base]), base)
