"""Times and spans as kubectl writes them: short, and only as exact as anybody needs."""

from __future__ import annotations

from datetime import UTC, datetime

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
UNKNOWN = "-"


def utc_now() -> datetime:
    """The time of the wall clock."""
    return datetime.now(UTC)


def span(seconds: float) -> str:
    """A span: 45s, 3m20s, 12m, 5h10m, 20h, 3d4h, 40d."""
    whole = max(0, round(seconds))
    if whole < 2 * _MINUTE:
        return f"{whole}s"
    if whole < _HOUR:
        return _two((whole, _MINUTE), "ms", (1, 10))
    if whole < 2 * _DAY:
        return _two((whole, _HOUR), "hm", (_MINUTE, 8))
    return _two((whole, _DAY), "dh", (_HOUR, 8))


def age(moment: datetime | None, now: datetime) -> str:
    """How long ago that was."""
    return UNKNOWN if moment is None else span((now - moment).total_seconds())


def _two(parts: tuple[int, int], names: str, small: tuple[int, int]) -> str:
    """A number of large units and, while these are few, one of small ones."""
    count, rest = divmod(parts[0], parts[1])
    rest //= small[0]
    return f"{count}{names[0]}{rest}{names[1]}" if rest and count < small[1] else f"{count}{names[0]}"
