"""What is to be said about the conversion of an object: remarks on its fields, and the verdict they make."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

__all__ = ["Refused", "Remark", "Verdict", "note", "refusal", "verdict_of"]


class Verdict(StrEnum):
    """What became of an object."""

    CONVERTED = "converted"
    NOTED = "converted with a note"
    REFUSED = "refused"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Remark:
    """A sentence about a field: ``path`` is its subject. No value of the object is in it.

    ``refuses`` says that the object is not converted for it; ``line`` is 0 where it is not known.
    """

    path: str
    says: str
    refuses: bool = False
    line: int = 0

    def at(self, line: int) -> Remark:
        """The same, with its line."""
        return replace(self, line=line)

    def __str__(self) -> str:
        return f"{self.path} {self.says}"


class Refused(Exception):
    """An object cannot be converted, for this reason."""

    def __init__(self, path: str, says: str) -> None:
        super().__init__(f"{path} {says}")
        self.remark = refusal(path, says)


def note(path: str, says: str) -> Remark:
    """What differs afterwards."""
    return Remark(path, says)


def refusal(path: str, says: str) -> Remark:
    """Why the object is not converted, and what to do by hand."""
    return Remark(path, says, refuses=True)


def verdict_of(remarks: Iterable[Remark]) -> Verdict:
    """The verdict on an object with these remarks."""
    found = Verdict.CONVERTED
    for remark in remarks:
        if remark.refuses:
            return Verdict.REFUSED
        found = Verdict.NOTED
    return found
