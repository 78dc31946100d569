"""Intervals as manifests have them, and periods of a definition. Pure."""

from __future__ import annotations

from secrets_manager.domain.lifecycle import LONGEST_REFRESH, SHORTEST_REFRESH
from secrets_manager.migrate.remarks import Refused, Remark, note
from secrets_manager.settings.go_literals import NANOSECONDS, GoSyntaxError, parse_duration

__all__ = ["period"]

_MOST_LETTERS = 40


def period(text: str, path: str) -> tuple[str | None, tuple[Remark, ...]]:
    """``spec.refreshPeriod`` for the interval of a field, None where that is 0. Raises Refused."""
    try:
        nanoseconds = parse_duration(text[:_MOST_LETTERS])
    except GoSyntaxError:
        raise Refused(path, "is no duration, such as 90s or 1h30m") from None
    if nanoseconds <= 0:
        return None, ()
    seconds = min(max(round(nanoseconds / NANOSECONDS), int(SHORTEST_REFRESH)), int(LONGEST_REFRESH))
    if seconds * NANOSECONDS == nanoseconds:
        return _spelled(seconds), ()
    return _spelled(seconds), (
        note(path, f"becomes {_spelled(seconds)}, the nearest that a definition can say"),
    )


def _spelled(seconds: int) -> str:
    """Whole seconds as people write them: `1h`, `1h30m`, `1m30s`."""
    parts = ((seconds // 3600, "h"), (seconds % 3600 // 60, "m"), (seconds % 60, "s"))
    return "".join(f"{count}{unit}" for count, unit in parts if count)
