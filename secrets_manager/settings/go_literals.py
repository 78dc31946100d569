"""Reads and writes values exactly as Go's `flag` package does: users of the original rely on that syntax.

Pure functions over text. This module must not know which options exist, nor that some of them are secret: its
errors therefore never repeat the refused text.
"""

from __future__ import annotations

import re

NANOSECONDS = 1_000_000_000

UNITS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,  # U+00B5, the micro sign
    "μs": 1_000,
    "ms": 1_000_000,
    "s": NANOSECONDS,
    "m": 60 * NANOSECONDS,
    "h": 3600 * NANOSECONDS,
}

TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})

BASES = {"b": 2, "o": 8, "x": 16}
LIMIT = 1 << 63

# Digits with single underscores between them; after a base prefix the first digit may be one too.
PLAIN_DIGITS = re.compile(r"[0-9](?:_?[0-9])*", re.ASCII)
OLD_OCTAL = re.compile(r"0(?:_?[0-9])*", re.ASCII)
# Letters only in base 16: Python would take a b or an o for one more prefix.
PREFIXED = re.compile(r"0(?:([bBoO])((?:_?[0-9])+)|([xX])((?:_?[0-9a-fA-F])+))", re.ASCII)

DURATION_PART = re.compile(r"([0-9]*)(?:(\.)([0-9]*))?([^.0-9]*)", re.ASCII)

ESCAPES = {
    '"': '\\"',
    "\\": "\\\\",
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
}


class GoSyntaxError(ValueError):
    """The text is not a literal of that type; the message is Go's own words for it."""


def parse_bool(text: str) -> bool:
    """Read a boolean as `strconv.ParseBool` does. Raises `GoSyntaxError`."""
    if text in TRUE:
        return True
    if text in FALSE:
        return False
    raise GoSyntaxError("parse error")


def parse_int(text: str) -> int:
    """Read a signed integer as `strconv.ParseInt(text, 0, 64)` does. Raises `GoSyntaxError`."""
    sign, digits = split_sign(text)
    value = sign * parse_unsigned(digits)
    if not -LIMIT <= value < LIMIT:
        raise GoSyntaxError("value out of range")
    return value


def split_sign(text: str) -> tuple[int, str]:
    """The sign as 1 or -1, and the text behind it."""
    if text[:1] in {"+", "-"}:
        return (-1 if text[0] == "-" else 1), text[1:]
    return 1, text


def parse_unsigned(digits: str) -> int:
    """An integer literal without sign; `0` alone before digits means octal, as in C."""
    if prefixed := PREFIXED.fullmatch(digits):
        letter, rest = filter(None, prefixed.groups())
        return in_base(rest, BASES[letter.lower()])
    if OLD_OCTAL.fullmatch(digits):
        return in_base(digits, 8)
    if PLAIN_DIGITS.fullmatch(digits):
        return in_base(digits, 10)
    raise GoSyntaxError("parse error")


def in_base(digits: str, base: int) -> int:
    """Digits (underscores ignored) in that base."""
    try:
        return int(digits.replace("_", ""), base)
    except ValueError:  # another base's digit, or more digits than Python reads
        raise GoSyntaxError("parse error") from None


def parse_duration(text: str) -> int:
    """Read a duration as `time.ParseDuration` does; returns nanoseconds. Raises `GoSyntaxError`."""
    sign, rest = split_sign(text)
    if rest == "0":
        return 0
    if not rest:
        raise GoSyntaxError("parse error")
    total = 0
    while rest:
        nanoseconds, rest = duration_part(rest)
        total += nanoseconds
    if not -LIMIT <= sign * total < LIMIT:
        raise GoSyntaxError("parse error")
    return sign * total


def duration_part(text: str) -> tuple[int, str]:
    """The first number and unit of a duration, as nanoseconds, and the text behind them."""
    part = DURATION_PART.match(text)
    if part is None or not (part[1] or part[3]) or part[4] not in UNITS:
        raise GoSyntaxError("parse error")
    unit, behind = UNITS[part[4]], (part[3] or "0")[:19]
    # In floating point, as Go does; it drops further digits too.
    fraction = int(in_base(behind, 10) * (unit / 10 ** len(behind)))
    return in_base(part[1] or "0", 10) * unit + fraction, text[part.end() :]


def format_duration(nanoseconds: int) -> str:
    """Write a duration as Go's `Duration.String` does: `5s`, `1m30s`, `10m0s`, `300ms`, `0s`."""
    sign, rest = ("-" if nanoseconds < 0 else ""), abs(nanoseconds)
    if rest < NANOSECONDS:
        return sign + below_one_second(rest)
    minutes, rest = divmod(rest, 60 * NANOSECONDS)
    hours, minutes = divmod(minutes, 60)
    text = f"{decimal(rest, NANOSECONDS)}s"
    if minutes or hours:
        text = f"{minutes}m{text}"
    return sign + (f"{hours}h{text}" if hours else text)


def below_one_second(nanoseconds: int) -> str:
    """A duration under a second in the largest unit that leaves a whole part."""
    for unit in ("ms", "µs", "ns"):
        if nanoseconds >= UNITS[unit]:
            return f"{decimal(nanoseconds, UNITS[unit])}{unit}"
    return "0s"


def decimal(nanoseconds: int, unit: int) -> str:
    """`nanoseconds / unit` written out exactly, without trailing zeros."""
    whole, rest = divmod(nanoseconds, unit)
    if not rest:
        return str(whole)
    places = len(str(unit)) - 1
    return f"{whole}.{rest:0{places}}".rstrip("0")


def quote(text: str) -> str:
    """Write a text as Go's `%q` does: in double quotes, on one line, nothing unprintable."""
    return '"' + "".join(quote_character(character) for character in text) + '"'


def quote_character(character: str) -> str:
    """One character as it stands between Go's quotes."""
    if character in ESCAPES:
        return ESCAPES[character]
    if character.isprintable():
        return character
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is not UTF-8, as Python carries it
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
