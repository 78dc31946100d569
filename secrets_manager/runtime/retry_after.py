"""The pause that a server asks for in Retry-After (RFC 9110, section 10.2.3). Pure.

It must not know who asks, nor what the pause is for.
"""

from __future__ import annotations

from datetime import datetime
from email.utils import parsedate_to_datetime


def asked_pause(retry_after: str | None, date: str | None, *, longest: float) -> float | None:
    """Seconds to wait, ``longest`` at most; None when the header is not there or cannot be read.

    It counts seconds, or names an instant. An instant is measured from the reply's own ``date``, so that our
    clock does not matter; without one it says nothing.
    """
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text), longest)
    until, since = _instant(text), _instant(date or "")
    if until is None or since is None:
        return None
    return min(max(0.0, (until - since).total_seconds()), longest)


def _instant(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    # Without a zone it would be taken for local time.
    return found if found.tzinfo is not None else None
