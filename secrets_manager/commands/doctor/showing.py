"""Findings for people and for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from rich.cells import cell_len
from rich.text import Text

from secrets_manager.commands.doctor.findings import Finding, Level
from secrets_manager.domain.wording import printable

_STYLES = {Level.OK: "green", Level.WARN: "yellow", Level.FAIL: "bold red"}
_GAP = "   "


def as_data(findings: Sequence[Finding]) -> dict[str, Any]:
    """All of them, and how many there are of each level."""
    counts = Counter(finding.level for finding in findings)
    return {
        **{str(level): counts[level] for level in Level},
        "findings": [
            {
                "check": finding.check,
                "level": str(finding.level),
                "found": finding.found,
                "advice": finding.advice or None,
            }
            for finding in findings
        ],
    }


def as_text(findings: Sequence[Finding]) -> Text:
    """A line for each, and below it what to do."""
    width = max((cell_len(finding.check) for finding in findings), default=0)
    lines = [line for finding in findings for line in _lines(finding, width)]
    counts = Counter(finding.level for finding in findings)
    tally = ", ".join(f"{counts[level]} {level}" for level in Level)
    return Text("\n").join([*lines, Text(tally)])


def _lines(finding: Finding, width: int) -> list[Text]:
    check = printable(finding.check)
    line = Text(f"{finding.level:<4}", _STYLES[finding.level])
    line.append(f"{_GAP}{check}{' ' * (width - cell_len(check))}{_GAP}{printable(finding.found)}", "default")
    if not finding.advice:
        return [line]
    return [line, Text(f"{' ' * (4 + len(_GAP) + width)}{_GAP}-> {printable(finding.advice)}")]
