"""Which definitions are shown, and how many there are of each kind; pure. For every door alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from secrets_manager.overview.model import DefinitionLine, Readiness


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a definition must have to be shown; "" and False ask for nothing."""

    not_ready: bool = False
    reason: str = ""
    backend: str = ""

    def takes(self, line: DefinitionLine) -> bool:
        """Whether that one is shown. Reasons are compared without regard to upper and lower case."""
        if self.not_ready and line.ready is Readiness.TRUE:
            return False
        if self.reason and line.reason.lower() != self.reason.lower():
            return False
        return not self.backend or any(source.backend == self.backend for source in line.sources)


@dataclass(slots=True, kw_only=True)
class Tally:
    """Counts of definitions. A definition that is suspended is also ready, or not."""

    ready: int = 0
    not_ready: int = 0
    unknown: int = 0
    suspended: int = 0
    # Of those that are not ready.
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        """All that were counted."""
        return self.ready + self.not_ready + self.unknown

    def add(self, line: DefinitionLine) -> None:
        """Count one more."""
        self.suspended += line.suspended
        if line.ready is Readiness.TRUE:
            self.ready += 1
        elif line.ready is Readiness.UNKNOWN:
            self.unknown += 1
        else:
            self.not_ready += 1
            self.reasons[line.reason] += 1


def tally(lines: Iterable[DefinitionLine]) -> Tally:
    """The counts of some definitions."""
    counted = Tally()
    for line in lines:
        counted.add(line)
    return counted


def tally_text(counted: Tally) -> str:
    """The counts as a sentence, the most frequent reason first."""
    if not counted.total:
        return "no definitions"
    parts = [f"{counted.ready} ready"]
    if counted.not_ready:
        reasons = sorted(counted.reasons.items(), key=lambda item: (-item[1], item[0]))
        named = ", ".join(f"{reason} {count}" for reason, count in reasons)
        parts.append(f"{counted.not_ready} not ready ({named})")
    if counted.unknown:
        parts.append(f"{counted.unknown} not seen by a daemon as they are now")
    if counted.suspended:
        parts.append(f"{counted.suspended} suspended")
    plural = "definition" if counted.total == 1 else "definitions"
    return f"{counted.total} {plural}: {', '.join(parts)}"
