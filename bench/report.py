"""Formats results: one JSON line each for machines, one table for people. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from bench.figures import Figure, Result

# Milliseconds show below this.
_SMALL = 0.1
_HEAD = ("scenario", "figure", "value", "floor", "ratio")


def json_line(result: Result, machine: Mapping[str, str | int | float]) -> str:
    """The result as one line of JSON; `machine` is where it was measured."""
    return json.dumps(
        {
            "scenario": result.scenario,
            **{name.replace(" ", "_"): value for name, value in result.conditions.items()},
            "figures": {each.key: _round_value(each.value) for each in result.figures},
            "floor": {
                each.key: _round_value(each.floor) for each in result.figures if each.floor is not None
            },
            "ratio": {
                each.key: _round_value(each.ratio) for each in result.figures if each.ratio is not None
            },
            "calls": dict(sorted(result.calls.items())),
            "backend": dict(sorted(result.backend.items())),
            "machine": dict(machine),
        }
    )


def table(results: Sequence[Result]) -> str:
    """All results as one text table, a row per figure and per kind of call."""
    rows = [_HEAD, *(row for result in results for row in _rows(result))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    lines = [_line(row, widths) for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def _rows(result: Result) -> Iterator[tuple[str, ...]]:
    for name, value in result.conditions.items():
        yield result.scenario, name, str(value), "", ""
    for figure in result.figures:
        yield result.scenario, *_cells(figure)
    for name, count in sorted(result.calls.items()):
        yield result.scenario, f"Kubernetes: {name}", str(count), "", ""
    for name, count in sorted(result.backend.items()):
        yield result.scenario, f"backend: {name}", str(count), "", ""


def _cells(figure: Figure) -> tuple[str, str, str, str]:
    ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}"
    floor = "" if figure.floor is None else _amount(figure.floor, figure.unit)
    return figure.name, _amount(figure.value, figure.unit), floor, ratio


def _amount(value: float, unit: str) -> str:
    digits = 2 if value >= _SMALL else 3
    number = f"{value:g}" if float(value).is_integer() and not unit else f"{value:.{digits}f}"
    return f"{number} {unit}".rstrip()


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    """Words to the left, numbers to the right."""
    cells = [
        cell.ljust(width) if column < 2 else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(cells).rstrip()


def _round_value(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
