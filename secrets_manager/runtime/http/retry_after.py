"""The pause that a server asks for in Retry-After (RFC 9110, section 10.2.3). Pure.

This module must not know which call the pause belongs to.
"""

from __future__ import annotations

from datetime import datetime
from email.utils import parsedate_to_datetime


def asked_pause(retry_after: str | None, date: str | None, *, longest: float) -> float | None:
    """Seconds to wait, at most ``longest``; None when the header is missing or cannot be read.

    The header counts seconds or names an instant. An instant is measured from the reply's own ``date``, so
    that our clock does not matter; without a date it is ignored.
    """
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text), longest)
    # Every reply has a date, but few ask for a pause: parse the date only then.
    until = _instant(text) if text else None
    since = None if until is None else _instant(date or "")
    if until is None or since is None:
        return None
    return min(max(0.0, (until - since).total_seconds()), longest)


def _instant(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    # An instant without a zone would be taken for local time.
    return found if found.tzinfo is not None else None
