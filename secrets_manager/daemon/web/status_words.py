"""Numbers and times as the status page says them. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from xml.etree.ElementTree import Element

from secrets_manager.daemon.web.markup import tag

_STEPS = ((86_400.0, "d"), (3_600.0, "h"), (60.0, "min"))
_TWO_DIGITS = 10.0
UNKNOWN = "-"


def duration(seconds: float | None) -> str:
    """A length of time in one unit: ``42 s``, ``3.5 h``, ``12 d``; ``-`` for one that is not known."""
    if seconds is None:
        return UNKNOWN
    for size, unit in _STEPS:
        if seconds >= 2 * size:
            count = seconds / size
            digits = f"{count:.0f}" if count >= _TWO_DIGITS else f"{count:.1f}".removesuffix(".0")
            return f"{digits} {unit}"
    return f"{max(0.0, seconds):.0f} s"


def count(number: int, one: str, several: str = "") -> str:
    """A number of things: ``1 path``, ``1,200 paths``."""
    return f"{number:,} {one if number == 1 else several or f'{one}s'}"


def moment(at: datetime | None, now: datetime) -> Element | str:
    """How long ago a time is, or in how long it will be, and the time itself."""
    if at is None:
        return UNKNOWN
    seconds = (now - at).total_seconds()
    text = f"{duration(seconds)} ago" if seconds >= 0 else f"in {duration(-seconds)}"
    if abs(seconds) < 1:
        text = "now"
    utc = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return tag("time", text, datetime=utc, title=utc)
