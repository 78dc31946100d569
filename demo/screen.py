"""The output of the demo: numbered steps, the commands behind them, and the daemon's own words.

Knows nothing of servers. Texts in, lines out; the values it is given are the samples', which are made up.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, TextIO

# The fields of a log line for a person who watches; the rest is in the daemon's log file.
_SHOWN = ("namespace", "name", "secret", "keys", "reason", "error")
_MARGIN = "   "


class Screen:
    """Writes to ``out``, a line at a time, so that a person sees progress as it happens."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._steps = 0

    def step(self, title: str) -> None:
        """Begin the next step."""
        self._steps += 1
        self.line(f"\n{self._steps}. {title}")

    def command(self, *words: str) -> None:
        """A command that is run now, as a person would type it."""
        self.say(f"$ {' '.join(words)}")

    def say(self, text: str) -> None:
        """Something about the present step; each line is indented."""
        for line in text.splitlines():
            self.line(f"{_MARGIN}{line}".rstrip())

    def table(self, rows: Iterable[tuple[str, ...]]) -> None:
        """Rows with their columns aligned."""
        self.say("\n".join(align(list(rows))))

    def line(self, text: str) -> None:
        """A line as it is."""
        print(text, file=self._out, flush=True)


def align(rows: list[tuple[str, ...]]) -> list[str]:
    """The rows as lines whose columns start at the same place."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]


def log_line(raw: str) -> str:
    """A line of the daemon's JSON log as text for a person; a line that is no JSON object stays as it is."""
    try:
        record: Any = json.loads(raw)
    except ValueError:
        return raw
    if not isinstance(record, dict):
        return raw
    fields = [f"{key}={record[key]}" for key in _SHOWN if record.get(key) not in (None, "")]
    return "  ".join([str(record.get("msg", "")), *fields])


def sizes(data: dict[str, bytes]) -> str:
    """The keys of a Secret and how long each value is."""
    return ", ".join(f"{key} {len(value)} bytes" for key, value in sorted(data.items()))
