"""Tables for people: columns of text, wide enough for their widest cell.

Cells are foreign texts, so they are made printable here, and can neither break a line nor colour it. The
tables of `rich` measure each cell several times; ten thousand lines of them take five seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.text import Text

from secrets_manager.domain.wording import printable

_GAP = "   "


@dataclass(frozen=True, slots=True)
class Cell:
    """A text and how it is drawn, such as ``red``; "" for plainly."""

    text: str
    style: str = ""


Row = Sequence[Cell | str]


class Columns:
    """Lays out rows one below the other; a row that comes later may be wider, and then breaks the column."""

    def __init__(self, titles: Sequence[str]) -> None:
        self._titles = titles
        self._widths = [cell_len(title) for title in titles]

    def table(self, rows: Iterable[Row]) -> Text:
        """The titles and the rows, without a line break at the end."""
        cells = [_cells(row) for row in rows]
        for row in cells:
            self._widths = [
                max(width, cell_len(cell.text)) for width, cell in zip(self._widths, row, strict=True)
            ]
        lines = [self._line([Cell(title, "bold") for title in self._titles])]
        return Text("\n").join([*lines, *map(self._line, cells)])

    def row(self, row: Row) -> Text:
        """One more row below the table."""
        return self._line(_cells(row))

    def _line(self, row: Sequence[Cell]) -> Text:
        drawn = Text()
        for number, (cell, width) in enumerate(zip(row, self._widths, strict=True)):
            drawn.append(cell.text, cell.style or None)
            if number < len(row) - 1:
                drawn.append(" " * (width - cell_len(cell.text)) + _GAP)
        drawn.rstrip()
        return drawn


def _cells(row: Row) -> list[Cell]:
    cells = (Cell(cell) if isinstance(cell, str) else cell for cell in row)
    return [Cell(printable(cell.text), cell.style) for cell in cells]
