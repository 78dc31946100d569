"""Remarks about a field of an object, each with the line where that stands. Pure."""

from __future__ import annotations

from secrets_manager.migrate.fields import shown
from secrets_manager.migrate.originals import Original
from secrets_manager.migrate.remarks import Refused, Remark, note

__all__ = ["noted_at", "refused_at"]

Path = tuple[str | int, ...]


def noted_at(original: Original, path: Path, says: str) -> Remark:
    """What differs afterwards."""
    return note(shown(path), says).at(original.line(path))


def refused_at(original: Original, path: Path, says: str) -> Refused:
    """Why the object is not converted, to be raised."""
    why = Refused(shown(path), says)
    why.remark = why.remark.at(original.line(path))
    return why
