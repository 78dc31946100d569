"""How deep a JSON text is nested, asked before a parser that calls itself for each level reads it.

Such a parser ends at the depth that Python allows. Other code that has to run just then, a finalizer say,
fails for want of depth.
"""

from __future__ import annotations

import re

# More than anybody writes, and half of what Python allows.
_MOST_LEVELS = 500
# Possessive: the matcher remembers nothing for each backslash.
_PART = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|["\[\]{}]', re.DOTALL)


def is_too_deep(text: str) -> bool:
    """Whether the lists and maps of a JSON text have too many levels; it need not be valid."""
    if text.count("[") + text.count("{") <= _MOST_LEVELS:
        return False
    level = 0
    for part in _PART.finditer(text):
        sign = text[part.start()]
        if sign in "[{":
            level += 1
        elif sign in "]}":
            level -= 1
        elif part.end() - part.start() == 1:
            # A text that has no end: no parser goes on behind it.
            return False
        if level > _MOST_LEVELS:
            return True
    return False
