"""Constants: what Go reads them as, and how they are written in ours; pure."""

from __future__ import annotations

import re

from secrets_manager.migrate.go_template.faults import Refused, shown
from secrets_manager.migrate.go_template.lexer import Token

_ESCAPE = re.compile(
    r"\\(?:([abfnrtv\\\"])|([0-7]{3})|x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.?))"
)
_SIMPLE = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\", '"': '"'}
_LONGEST_WHOLE = 2**63
# Where Go and MiniJinja write a fraction with the same digits.
_PLAIN_FROM, _PLAIN_TO = 1e-3, 1e6
_WRITTEN = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_TO_ESCAPE = re.compile('[\\\\"\x00-\x1f\x7f-\x9f\u2028\u2029]')


def text_of(token: Token) -> str:
    """What a text in quotes says. Raises Refused."""
    inner = token.text[1:-1]
    if token.text[0] == "`":
        return inner.replace("\r", "")
    at = 0
    parts: list[bytes] = []
    for escape in _ESCAPE.finditer(inner):
        parts += [inner[at : escape.start()].encode(), _octets(escape, token)]
        at = escape.end()
    try:
        return b"".join([*parts, inner[at:].encode()]).decode()
    except UnicodeDecodeError:
        refused = Refused(token.at, "a text in quotes", "has bytes that are no UTF-8")
    raise refused


def _octets(escape: re.Match[str], token: Token) -> bytes:
    simple, octal, byte, short, long, _ = escape.groups()
    if simple:
        return _SIMPLE[simple].encode()
    if octal and int(octal, 8) < 256:
        return bytes([int(octal, 8)])
    if byte:
        return bytes([int(byte, 16)])
    number = int(short or long or "110000", 16)
    if number > 0x10FFFF or 0xD800 <= number < 0xE000:
        raise Refused(token.at, shown(escape[0]), "is no escape that Go knows")
    return chr(number).encode()


def number_of(token: Token) -> int | float:
    """What a number says. Raises Refused for those that Go and MiniJinja may write in different ways."""
    digits = token.text.lstrip("+-")
    if re.fullmatch(r"0[0-9]+", digits):
        raise Refused(token.at, shown(token.text), "begins with 0, which is another number to Go")
    if re.search(r"[.]|^[0-9]+e", digits, re.IGNORECASE) and not digits.lower().startswith("0x"):
        number = float(token.text)
        if _PLAIN_FROM <= abs(number) < _PLAIN_TO and number != int(number):
            return number
        raise Refused(token.at, shown(token.text), "is written in another way by Go; say it as a text")
    if len(digits) > 70 or not -_LONGEST_WHOLE <= (whole := int(token.text, 0)) < _LONGEST_WHOLE:
        raise Refused(token.at, shown(token.text), "is larger than 64 bits")
    return whole


def written(text: str) -> str:
    """``text`` in double quotes as MiniJinja reads it."""
    return '"' + _TO_ESCAPE.sub(lambda found: _WRITTEN.get(found[0]) or f"\\u{ord(found[0]):04x}", text) + '"'
