"""JSON that is nested too deep for the parser, with what lies deep left out, or has numbers too large for it.

The API server accepts objects of ten thousand levels, and the parser here a thousand. Otherwise one such
object would make its whole list unreadable, and every watch that reports it. No field that the daemon reads
lies deep, so the deep levels are dropped.
"""

from __future__ import annotations

import re
from typing import Any

import orjson

from secrets_manager.runtime import huge_numbers

# Levels that are kept; the fields that are read in a list of objects lie within ten.
DEPTH = 64
# The words of the parser about a document with too many levels.
TOO_DEEP = "depth limit"

# Possessive: the matcher remembers nothing for each backslash.
_PART = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|["\[\]{}]', re.DOTALL)


def loads(body: bytes) -> Any:
    """The parsed ``body``; only its first levels where it is too deep for the parser. Raises ValueError."""
    try:
        return huge_numbers.loads(body)
    except orjson.JSONDecodeError as error:
        if TOO_DEEP not in str(error):
            raise
    return huge_numbers.loads(cut(body))


def cut(body: bytes, depth: int = DEPTH) -> bytes:
    """The same document with null in place of each list and map that lies deeper than ``depth``.

    It takes one pass. The result for bytes that are not JSON is not JSON either.
    """
    kept: list[bytes] = []
    level, done, cut_from = 0, 0, 0
    for part in _PART.finditer(body):
        sign = body[part.start()]
        if sign in b"[{":
            level += 1
            if level == depth + 1:
                cut_from = part.start()
        elif sign in b"]}":
            if level == depth + 1:
                kept += (body[done:cut_from], b"null")
                done = part.end()
            level -= 1
        elif part.end() - part.start() == 1:
            # A text that has no end.
            return b""
    return b"".join((*kept, body[done:]))
