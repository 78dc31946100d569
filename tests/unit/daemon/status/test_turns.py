"""The page takes a quarter of a core at most, one answer at a time."""

from __future__ import annotations

import contextlib
import threading

import pytest

from secrets_manager.daemon.status.turns import Busy, Turns
from tests.builders import Clock


class Bench:
    """Turns on a clock that a test moves; a sleep moves it, too."""

    def __init__(self) -> None:
        self.clock, self.effort = Clock(), Clock(0.0)
        self.slept: list[float] = []
        self.turns = Turns(clock=self.clock, effort=self.effort, sleep=self._sleep)

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock.now += seconds

    def work(self, effort: float, patience: float = 4.0) -> None:
        with self.turns.turn(patience):
            self.effort.now += effort


def test_the_pause_after_an_answer_is_three_times_its_effort() -> None:
    bench = Bench()
    bench.work(0.2)
    bench.work(0.0)

    assert bench.slept == [pytest.approx(0.6)]


def test_an_answer_that_fails_counts_as_well() -> None:
    bench = Bench()
    with contextlib.suppress(ValueError), bench.turns.turn(4.0):
        bench.effort.now += 0.1
        raise ValueError
    bench.work(0.0)

    assert bench.slept == [pytest.approx(0.3)]


def test_who_cannot_wait_for_the_pause_is_told_so() -> None:
    bench = Bench()
    bench.work(2.0)

    with pytest.raises(Busy):
        bench.work(0.0, patience=5.0)
    bench.clock.now += 2.0
    bench.work(0.0, patience=5.0)


def test_one_answer_is_made_at_a_time() -> None:
    turns, inside, go = Turns(), threading.Event(), threading.Event()

    def hold() -> None:
        with turns.turn(30):
            inside.set()
            go.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    inside.wait(30)
    with pytest.raises(Busy), turns.turn(0.01):
        pass
    go.set()
    thread.join(30)
    with turns.turn(30):
        pass
