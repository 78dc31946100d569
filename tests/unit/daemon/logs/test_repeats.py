"""A line that comes again and again is written a few times, and then seldom, with the count."""

from __future__ import annotations

import logging

import pytest

from secrets_manager.daemon.logs.repeats import FREE_LINES, Repeats
from tests.builders import Clock


def line(message: str = "cannot list", level: int = logging.WARNING, **extra: object) -> logging.LogRecord:
    name = str(extra.pop("logger", "cluster.informer"))
    return logging.makeLogRecord({"name": name, "levelno": level, "msg": message, **extra})


class Desk:
    def __init__(self) -> None:
        self.clock = Clock()
        self.repeats = Repeats(self.clock)

    def written(self, records: list[logging.LogRecord], *, every: float = 1.0) -> list[logging.LogRecord]:
        """Those of them that come through, so many seconds apart."""
        through = []
        for record in records:
            if self.repeats.filter(record):
                through.append(record)
            self.clock.now += every
        return through


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_two_faults_that_take_turns_are_written_a_few_times_and_then_every_ten_minutes(desk: Desk) -> None:
    turns = [line(reason=reason) for _ in range(601) for reason in ("Timeout", "Unavailable")]
    through = desk.written(turns)

    assert len(through) == 2 * FREE_LINES + 2 + 2
    counts = [record.__dict__["times"] for record in through if "times" in record.__dict__]
    assert counts == [296, 296, 300, 300]


def test_a_line_with_other_figures_is_the_same_line_and_a_line_with_other_words_is_not(desk: Desk) -> None:
    assert len(desk.written([line(seconds=number) for number in range(100)])) == FREE_LINES
    assert len(desk.written([line(scope=f"namespace {number}") for number in range(100)])) == 100


def test_a_line_that_is_rare_is_always_written(desk: Desk) -> None:
    assert len(desk.written([line() for _ in range(100)], every=601)) == 100


@pytest.mark.parametrize(
    "record",
    [
        {"level": logging.DEBUG},
        {"level": logging.CRITICAL},
        {"level": logging.INFO, "logger": "sync", "message": "Secret replaced"},
    ],
    ids=["debug", "critical", "what was done to a Secret"],
)
def test_some_lines_are_written_however_many_they_are(desk: Desk, record: dict[str, object]) -> None:
    assert len(desk.written([line(**record) for _ in range(50)])) == 50  # type: ignore[arg-type]


def test_a_definition_that_fails_and_recovers_all_the_time_does_not_fill_the_log(desk: Desk) -> None:
    turns = [
        line(message, level, logger="sync", name_="app")
        for _ in range(100)
        for message, level in (
            ("Secret is out of sync", logging.ERROR),
            ("Secret is in sync again", logging.INFO),
        )
    ]

    assert len(desk.written(turns)) == 2 * FREE_LINES


def test_only_a_bounded_number_of_different_lines_is_remembered(desk: Desk) -> None:
    desk.written([line(f"line {number}") for number in range(5000)], every=0)

    assert len(desk.repeats._windows) == 1000
