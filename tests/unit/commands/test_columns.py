"""Tables and ages for people."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from rich.cells import cell_len

from secrets_manager.commands.ages import age, span
from secrets_manager.commands.columns import Cell, Columns

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0s"),
        (0.6, "1s"),
        (119, "119s"),
        (120, "2m"),
        (200, "3m20s"),
        (3599, "59m"),
        (3600, "1h"),
        (5 * 3600 + 600, "5h10m"),
        (20 * 3600, "20h"),
        (3 * 86_400 + 4 * 3600, "3d4h"),
        (40 * 86_400, "40d"),
    ],
)
def test_a_span_is_short_and_as_exact_as_needed(seconds: float, text: str) -> None:
    assert span(seconds) == text


def test_an_age_is_the_span_since_then_or_unknown() -> None:
    assert age(NOW - timedelta(minutes=2), NOW) == "2m"
    assert age(None, NOW) == "-"


def test_columns_stand_below_each_other_in_cells_of_the_terminal() -> None:
    drawn = Columns(["NAME", "B", "C"]).table([["ä", "x", ""], ["東京", Cell("longer", "red"), "end"]])
    lines = drawn.plain.split("\n")

    assert lines[0].startswith("NAME   B        C")
    assert [cell_len(line[: line.index(mark)]) for line, mark in zip(lines[1:], ("x", "l"), strict=True)] == [
        7,
        7,
    ]
    assert lines[1] == lines[1].rstrip()


def test_a_row_that_comes_later_has_the_columns_of_the_table() -> None:
    columns = Columns(["NAME", "B"])
    columns.table([["a-long-name", "x"]])

    assert columns.row(["a", "y"]).plain == "a             y"
    assert columns.row(["an-even-longer-name", "y"]).plain == "an-even-longer-name   y"


def test_a_foreign_text_is_one_cell_without_codes() -> None:
    assert columns_of("a\nb\t\x1b[2Jc") == "a\\nb\\t\\x1b[2Jc"


def columns_of(text: str) -> str:
    return Columns(["X"]).table([[text]]).plain.split("\n", 1)[1]
