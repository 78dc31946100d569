"""Foreign texts as they may be shown to people: on one line, without control characters, bounded in bytes.

Names, paths and messages come from definitions, backends and API servers. In a log, an Event, a condition or
a metric they must not begin a line of their own, move a terminal's cursor, turn the direction of writing, or
fill a disk. Pure.
"""

from __future__ import annotations

import re

CUT = "..."

# Separators of lines, marks of the direction of writing, and all else that Unicode has no sign for (its
# property Default_Ignorable_Code_Point): two names that differ in them alone look the same.
INVISIBLE = (
    "\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff"
)
# With control characters of both sets, and halves of surrogate pairs, which no encoder takes.
_UNPRINTABLE = re.compile(f"[\x00-\x1f\x7f-\x9f{INVISIBLE}\ud800-\udfff]")
_LONGEST_QUOTE = 1024


def printable(text: str) -> str:
    """The text with what does not show replaced by its escape, a backslash and a number."""
    return _UNPRINTABLE.sub(_escaped, text)


def truncate(text: str, most: int) -> str:
    """The text, or as much of its beginning as gives ``most`` bytes of UTF-8 with ``...`` behind it."""
    # No character takes less than a byte: what is certainly too much is not encoded.
    encoded = text[: most + 1].encode(errors="replace")
    if len(encoded) <= most:
        return text
    return encoded[: max(0, most - len(CUT))].decode(errors="ignore") + CUT


def one_line(text: str, most: int) -> str:
    """The text printable and within ``most`` bytes."""
    return truncate(printable(text[: most + 1]), most)


def in_quotes(text: str) -> str:
    """The text in quotes for a message, cut to a readable length."""
    return repr(text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}{CUT}")


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()
