"""`secrets-manager status` for people: a line for each definition, and the counts below."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rich.text import Text

from secrets_manager.commands.ages import UNKNOWN, age, span
from secrets_manager.commands.columns import Cell, Columns
from secrets_manager.commands.status_daemon import daemon_sentences
from secrets_manager.domain.backend_name import DEFAULT_BACKEND
from secrets_manager.domain.wording import printable
from secrets_manager.overview.choice import tally, tally_text
from secrets_manager.overview.model import (
    DefinitionLine,
    Overview,
    Readiness,
    SourceLine,
)

_TITLES = ("NAMESPACE", "NAME", "SECRET", "READY", "REASON", "SOURCES", "CHANGED", "NEXT POLL")
_MESSAGE = "MESSAGE"
_STYLES = {Readiness.TRUE: "green", Readiness.FALSE: "bold red", Readiness.UNKNOWN: "yellow"}


class StatusTable:
    """Lays out lines; with ``wide`` every source and the message are shown."""

    def __init__(self, *, wide: bool) -> None:
        self._wide = wide
        self._columns = Columns((*_TITLES, _MESSAGE) if wide else _TITLES)

    def whole(self, lines: Sequence[DefinitionLine], now: datetime) -> Text:
        """The table, and the counts."""
        counts = printable(tally_text(tally(lines)))
        if not lines:
            return Text(counts)
        table = self._columns.table(self._cells(line, now) for line in lines)
        return Text("\n").join([table, Text(), Text(counts)])

    def overview(self, overview: Overview) -> Text:
        """All of an overview; what it says of the daemon stands below the definitions."""
        said = [Text(printable(sentence)) for sentence in daemon_sentences(overview)]
        table = self.whole(overview.definitions, overview.at)
        return Text("\n").join([table, *([Text(), *said] if said else [])])

    def row(self, line: DefinitionLine, now: datetime, *, gone: bool = False) -> Text:
        """One line that changed, or that is ``gone``."""
        cells = self._cells(line, now)
        if gone:
            cells[3] = Cell("Deleted", "dim")
        return self._columns.row(cells)

    def _cells(self, line: DefinitionLine, now: datetime) -> list[Cell | str]:
        suspended = " (suspended)" if line.suspended and line.reason != "Suspended" else ""
        cells: list[Cell | str] = [
            line.namespace,
            line.name,
            line.secret or UNKNOWN,
            Cell(line.ready, _STYLES[line.ready]),
            (line.reason or UNKNOWN) + suspended,
            sources_text(line.sources, most=None if self._wide else 1),
            age(line.last_change, now),
            next_poll_text(line, now),
        ]
        return [*cells, line.message] if self._wide else cells


def sources_text(sources: Sequence[SourceLine], most: int | None) -> str:
    """Paths with their versions, and how many more there are than ``most``."""
    shown = [source_text(source) for source in sources[:most]]
    rest = len(sources) - len(shown)
    return " ".join([*shown, *([f"+{rest}"] if rest else [])]) or UNKNOWN


def source_text(source: SourceLine) -> str:
    """A path, behind its backend unless that is the default one, and its version."""
    backend = "" if source.backend == DEFAULT_BACKEND else f"{source.backend}:"
    return f"{backend}{source.path}" + (f"@{source.version}" if source.version else "")


def next_poll_text(line: DefinitionLine, now: datetime) -> str:
    """When it is read next, as far as that is known."""
    if line.suspended:
        return "suspended"
    if line.next_poll is not None:
        return f"in {span((line.next_poll - now).total_seconds())}"
    return f"every {span(line.refresh_period)}" if line.refresh_period else UNKNOWN
