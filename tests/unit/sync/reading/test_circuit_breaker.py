"""When the backend is down as a whole: stop asking, and find out early that it is back."""

from __future__ import annotations

import pytest

from secrets_manager.domain.errors import BackendSealed, BackendUnavailable
from secrets_manager.sync.reading.circuit_breaker import FAULTS_TO_OPEN, CircuitBreaker
from tests.unit.sync.doubles import FakeClock

DOWN = BackendUnavailable("down")


class Bench:
    def __init__(self, random: float = 0.5) -> None:
        self.clock = FakeClock()
        self.closings = 0
        self.breaker = CircuitBreaker(self.clock, lambda: random, self._closed)

    def _closed(self) -> None:
        self.closings += 1

    def admits(self) -> bool:
        try:
            self.breaker.admit()
        except BackendUnavailable:
            return False
        return True

    def open(self) -> Bench:
        for _ in range(FAULTS_TO_OPEN):
            assert self.admits()
            self.breaker.failed(DOWN)
        return self

    def probe_pauses(self, count: int) -> list[float]:
        """The pauses after which so many probes in a row were wanted, each failing."""
        found = []
        for _ in range(count):
            since = self.clock()
            while not self.breaker.wants_probe():
                self.clock.advance(0.05)
            found.append(round(self.clock() - since, 2))
            assert self.admits()
            self.breaker.failed(DOWN)
        return found


def test_four_faults_in_a_row_open_nothing() -> None:
    bench = Bench()
    for _ in range(FAULTS_TO_OPEN - 1):
        bench.breaker.failed(DOWN)

    assert FAULTS_TO_OPEN == 5
    assert bench.admits()
    assert bench.breaker.open_for() is None
    assert not bench.breaker.wants_probe()


def test_five_faults_in_a_row_open_the_breaker() -> None:
    bench = Bench().open()

    assert not bench.admits()
    assert bench.breaker.open_for() == 0.0


def test_an_answer_in_between_resets_the_count_of_faults() -> None:
    bench = Bench()
    for _ in range(3):
        for _ in range(FAULTS_TO_OPEN - 1):
            bench.breaker.failed(DOWN)
        bench.breaker.succeeded()

    assert bench.admits()
    assert bench.closings == 0


def test_a_call_that_fails_while_another_is_answered_does_not_count() -> None:
    bench = Bench()
    for _ in range(10):
        begun = bench.breaker.admit()
        bench.breaker.succeeded()
        bench.breaker.failed(DOWN, begun)

    assert bench.breaker.open_for() is None


def test_calls_that_fail_while_none_is_answered_count() -> None:
    bench = Bench()
    begun = [bench.breaker.admit() for _ in range(FAULTS_TO_OPEN)]
    for answers in begun:
        bench.breaker.failed(DOWN, answers)

    assert bench.breaker.open_for() == 0.0


def test_a_probe_that_fails_counts_whatever_was_answered_before() -> None:
    bench = Bench().open()
    bench.clock.advance(1.1)
    begun = bench.breaker.admit()
    bench.breaker.failed(DOWN, begun)

    assert not bench.breaker.wants_probe()
    assert not bench.admits()


def test_a_refused_call_raises_the_latest_fault() -> None:
    bench = Bench().open()
    bench.breaker.failed(BackendSealed("sealed"))

    with pytest.raises(BackendSealed, match="sealed"):
        bench.breaker.admit()


def test_a_fault_that_is_raised_again_and_again_does_not_grow() -> None:
    bench = Bench().open()
    for _ in range(100):
        assert not bench.admits()
    with pytest.raises(BackendUnavailable) as caught:
        bench.breaker.admit()

    frames, trace = 0, caught.value.__traceback__
    while trace is not None:
        frames, trace = frames + 1, trace.tb_next
    assert frames < 5


def test_one_probe_at_a_time_is_admitted_once_it_is_due() -> None:
    bench = Bench().open()
    bench.clock.advance(0.9)
    assert not bench.breaker.wants_probe()
    assert not bench.admits()
    bench.clock.advance(0.2)

    assert bench.breaker.wants_probe()
    assert bench.admits()
    assert not bench.breaker.wants_probe()
    assert not bench.admits()


def test_a_probe_is_due_at_the_very_moment() -> None:
    bench = Bench().open()
    bench.clock.advance(1.0)

    assert bench.breaker.wants_probe()
    assert bench.admits()


def test_a_probe_that_fails_makes_the_next_wait() -> None:
    bench = Bench().open()
    bench.clock.advance(1.1)
    assert bench.admits()
    bench.breaker.failed(DOWN)

    assert not bench.admits()
    bench.clock.advance(1.1)
    assert bench.admits()


def test_a_probe_that_is_answered_closes_the_breaker_and_reports_that_once() -> None:
    bench = Bench().open()
    bench.clock.advance(1.1)
    assert bench.admits()
    bench.breaker.succeeded()
    bench.breaker.succeeded()

    assert bench.closings == 1
    assert bench.breaker.open_for() is None
    assert bench.admits()


def test_a_breaker_that_closed_needs_five_faults_to_open_again() -> None:
    bench = Bench().open()
    bench.breaker.succeeded()
    bench.breaker.failed(DOWN)

    assert bench.admits()


def test_probes_are_made_every_second_for_a_minute_and_every_five_after() -> None:
    bench = Bench().open()
    eager = bench.probe_pauses(57)
    patient = bench.probe_pauses(10)[5:]

    assert set(eager) <= {1.0, 1.05}
    assert set(patient) <= {5.0, 5.05}


@pytest.mark.parametrize(("random", "pause"), [(0.0, 0.9), (1.0, 1.1)])
def test_probes_are_spread_a_little(random: float, pause: float) -> None:
    bench = Bench(random).open()
    bench.clock.advance(pause - 0.01)
    assert not bench.breaker.wants_probe()
    bench.clock.advance(0.02)

    assert bench.breaker.wants_probe()


@pytest.mark.parametrize(("asked", "pause"), [(0.1, 1.0), (20.0, 20.0), (3600.0, 30.0)])
def test_the_pause_that_the_backend_asks_for_is_kept_up_to_half_a_minute(asked: float, pause: float) -> None:
    bench = Bench().open()
    bench.breaker.failed(BackendUnavailable("busy", retry_after=asked))
    bench.clock.advance(pause - 0.01)
    assert not bench.breaker.wants_probe()
    bench.clock.advance(0.02)

    assert bench.breaker.wants_probe()


def test_the_breaker_reports_for_how_long_it_has_been_open() -> None:
    bench = Bench().open()
    bench.clock.advance(42)
    bench.breaker.failed(DOWN)

    assert bench.breaker.open_for() == 42.0
