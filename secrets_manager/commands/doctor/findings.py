"""What was found, how bad it is, and what to do; pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple

from secrets_manager.domain.wording import in_quotes

# Names in one finding.
_MOST_NAMED = 5


class Level(StrEnum):
    """Whether something works, should be known, or stands in the way."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Finding(NamedTuple):
    """One thing that was looked at. ``advice`` is "" where there is nothing to do."""

    check: str
    level: Level
    found: str
    advice: str = ""


def ok(check: str, found: str) -> Finding:
    """It works."""
    return Finding(check, Level.OK, found)


def warn(check: str, found: str, advice: str = "") -> Finding:
    """It should be known."""
    return Finding(check, Level.WARN, found, advice)


def fail(check: str, found: str, advice: str) -> Finding:
    """It stands in the way."""
    return Finding(check, Level.FAIL, found, advice)


def named(names: Iterable[object]) -> str:
    """Some of the names, and how many more there are."""
    every: Sequence[str] = [str(name) for name in names]
    shown = ", ".join(in_quotes(name) for name in every[:_MOST_NAMED])
    return f"{shown} and {len(every) - _MOST_NAMED} more" if len(every) > _MOST_NAMED else shown


def counted(number: int, word: str) -> str:
    """The number with its word."""
    return f"{number} {word}{'' if number == 1 else 's'}"
