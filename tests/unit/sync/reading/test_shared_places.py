"""What a read ends in that finds no place, since other backends have them."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

import pytest

from secrets_manager.backends.base import Source
from secrets_manager.domain.errors import BackendFault, BackendSealed, BackendTimeout, NoAnswerYet
from secrets_manager.sync.reading.first_tries import FirstTries
from secrets_manager.sync.reading.slow_sources import SlowSources
from secrets_manager.sync.reading.waiting_room import WaitingRoom
from tests.unit.sync.doubles import FakeClock

NEW, OTHER = Source("new"), Source("other")
MOST = 5.0


@dataclass
class Parts:
    down: BackendFault | None = None

    def part_of(self, _source: Source) -> str:
        return ""

    def is_silent(self, _source: Source) -> bool:
        return False

    def down_with(self, _source: Source) -> BackendFault | None:
        return self.down


class Bench:
    def __init__(self, tries: FirstTries | None = None) -> None:
        self.clock, self.parts = FakeClock(), Parts()
        self.room = WaitingRoom(4, self.clock)
        self.room.admit("another")
        self.slow = SlowSources(self.room, "eu", tries or FirstTries(MOST), self.clock, self.parts)

    def fill(self) -> None:
        """Have another backend take both places."""
        assert [self.room.take("another") for _ in range(3)] == [True, True, False]

    def read(self, source: Source = NEW) -> None:
        with self.slow.waiting_for(source):
            pass


def test_a_backend_that_answers_needs_no_place() -> None:
    bench = Bench()
    bench.fill()
    bench.read()


def test_a_backend_that_answers_nothing_has_its_reads_skipped_for_now() -> None:
    bench = Bench()
    bench.fill()
    bench.slow.left(OTHER)

    with pytest.raises(NoAnswerYet) as skipped:
        bench.read()
    assert skipped.value.turned_away


def test_after_the_time_of_a_whole_call_without_an_answer_that_is_a_timeout() -> None:
    bench = Bench()
    bench.fill()
    bench.slow.left(OTHER)
    bench.clock.advance(MOST)

    with pytest.raises(BackendTimeout):
        bench.read()


def test_a_single_run_takes_no_silence_of_another_path_for_a_fault() -> None:
    bench = Bench(FirstTries.off())
    bench.fill()
    bench.slow.timed_out(OTHER, BackendTimeout("late"))
    bench.clock.advance(10 * MOST)

    with pytest.raises(NoAnswerYet):
        bench.read()


def test_one_answer_ends_that() -> None:
    bench = Bench()
    bench.fill()
    bench.slow.left(OTHER)
    bench.slow.answered(OTHER, 0.01)
    bench.read()


def test_a_backend_that_is_down_ends_reads_without_a_place_in_its_fault() -> None:
    bench = Bench()
    bench.parts.down = BackendSealed("sealed")
    bench.read()
    bench.fill()

    with pytest.raises(BackendSealed):
        bench.read()


def test_a_source_that_timed_out_keeps_its_own_fault() -> None:
    bench = Bench()
    bench.fill()
    bench.slow.timed_out(NEW, BackendTimeout("this one"))
    bench.parts.down = BackendSealed("sealed")

    with pytest.raises(BackendTimeout, match="this one"):
        bench.read()


def test_a_place_is_given_back_whatever_the_read_ends_in() -> None:
    bench = Bench()
    bench.slow.left(OTHER)
    for _ in range(5):
        with contextlib.suppress(ValueError), bench.slow.waiting_for(NEW):
            raise ValueError

    bench.fill()
