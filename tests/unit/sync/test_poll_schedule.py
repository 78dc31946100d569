"""When which source is due: spread over the period, and never sooner than needed."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secrets_manager.sync.poll_schedule import PollSchedule, next_due

PERIOD = 10.0
START = 1000.0


def served(count: int) -> PollSchedule[int]:
    """So many keys, each looked at once at START."""
    schedule = PollSchedule[int](PERIOD)
    for key in range(count):
        schedule.add(key)
        schedule.served(key, START)
    return schedule


def polls(schedule: PollSchedule[int], until: float, step: float = 0.1) -> dict[int, list[float]]:
    """The times at which each key is polled, every poll being served at once."""
    found: dict[int, list[float]] = {}
    ticks = round((until - START) / step)
    for tick in range(1, ticks + 1):
        now = START + tick * step
        for key in schedule.take_due(now):
            found.setdefault(key, []).append(now)
            schedule.served(key, now)
    return found


def test_nothing_is_due_before_it_was_looked_at_once() -> None:
    schedule = PollSchedule[str](PERIOD)
    schedule.add("a")

    assert schedule.take_due(START + 1000) == []
    assert schedule.most_overdue() is None
    assert schedule.overdue_seconds(START + 1000) == 0.0


def test_the_first_poll_comes_within_a_period_of_the_first_look() -> None:
    first = {key: times[0] for key, times in polls(served(100), START + 30).items()}

    assert len(first) == 100
    assert max(first.values()) <= START + PERIOD * 1.1 + 0.1


def test_after_that_each_key_is_polled_once_a_period() -> None:
    for times in polls(served(20), START + 100).values():
        gaps = [after - before for before, after in itertools.pairwise(times)]
        assert gaps == pytest.approx([PERIOD] * len(gaps))


@pytest.mark.parametrize("count", [10, 100, 1000])
def test_polls_are_spread_evenly_over_the_period(count: int) -> None:
    schedule = served(count)
    times = sorted(at for found in polls(schedule, START + 40, step=0.01).values() for at in found)
    steady = [at for at in times if at > START + 15]
    gaps = [after - before for before, after in itertools.pairwise(steady)]
    even = PERIOD / count

    # The golden ratio's own bounds: gaps are of three sizes, the largest under 1.7 even ones and a step.
    assert max(gaps) < 2 * even + 0.02
    window = PERIOD / 10
    burst = max(sum(at <= other < at + window for other in steady) for at in steady[::7])
    assert burst <= count / 10 * 1.5 + 2


@given(gone=st.sets(st.integers(min_value=0, max_value=199), max_size=150))
def test_they_stay_spread_when_some_leave(gone: set[int]) -> None:
    schedule = served(200)
    for key in gone:
        schedule.remove(key)
    left = polls(schedule, START + PERIOD * 1.2, step=0.5)

    assert set(left) == set(range(200)) - gone
    assert len(schedule) == 200 - len(gone)


def test_adding_a_key_again_changes_nothing() -> None:
    schedule = served(3)
    schedule.add(1)

    assert len(schedule) == 3
    assert polls(schedule, START + 30) == polls(served(3), START + 30)


def test_the_most_overdue_comes_first() -> None:
    schedule = served(20)
    due_at = {}
    for key, times in polls(served(20), START + PERIOD * 1.2).items():
        due_at[key] = times[0]

    assert schedule.take_due(START + PERIOD * 1.2) == sorted(due_at, key=lambda key: due_at[key])


def test_a_key_is_taken_once_however_often_it_is_asked_for() -> None:
    schedule = served(1)

    assert schedule.take_due(START + 12) == [0]
    assert schedule.take_due(START + 12) == []


def test_a_removed_key_is_due_no_more() -> None:
    schedule = served(3)
    schedule.remove(1)
    schedule.remove(1)

    assert sorted(schedule.take_due(START + 12)) == [0, 2]
    schedule.served(1, START + 12)
    assert sorted(schedule.take_due(START + 24)) == [0, 2]


def test_a_key_that_was_removed_and_added_again_is_due_once() -> None:
    schedule = served(1)
    schedule.remove(0)
    schedule.add(0)
    assert schedule.take_due(START + 12) == []

    schedule.served(0, START + 12)
    assert schedule.take_due(START + 24) == [0]


def test_a_look_for_another_reason_saves_a_poll_that_is_due() -> None:
    schedule = served(1)
    due = START + PERIOD * 1.2
    assert schedule.overdue_seconds(due) > 0
    schedule.served(0, due)

    assert schedule.overdue_seconds(due) == 0.0
    assert schedule.take_due(due) == []


def test_a_look_saves_a_poll_that_is_nearly_due_and_no_other() -> None:
    schedule = served(1)
    [due] = polls(served(1), START + PERIOD * 1.2, step=0.01)[0][:1]
    schedule.served(0, due - PERIOD * 0.2)
    assert schedule.overdue_seconds(due + 0.5) > 0

    schedule.served(0, due - PERIOD * 0.05)
    assert schedule.overdue_seconds(due + 0.5) == 0.0


def test_between_two_looks_there_is_never_much_more_than_a_period() -> None:
    schedule = served(1)
    last = START
    for tick in range(1, 2000):
        now = START + tick * 0.1
        if schedule.take_due(now) or tick % 37 == 0:
            assert now - last <= PERIOD * 1.1 + 0.11
            schedule.served(0, now)
            last = now


def test_the_most_overdue_key_is_shown_without_being_taken() -> None:
    schedule = served(20)
    shown = schedule.most_overdue()

    assert shown == schedule.most_overdue()
    assert schedule.take_due(START + 12)[0] == shown


def test_the_first_of_the_keys_that_are_wanted_can_be_asked_for() -> None:
    schedule = served(20)
    first = schedule.most_overdue()
    second = schedule.first_due(lambda key: key != first)

    assert schedule.first_due(lambda _: True) == first
    assert schedule.take_due(START + 12)[:2] == [first, second]
    assert schedule.first_due(lambda _: False) is None


def test_a_removed_key_is_not_shown() -> None:
    schedule = served(1)
    schedule.remove(0)

    assert schedule.most_overdue() is None


def test_overdue_is_counted_from_the_time_a_key_was_due() -> None:
    schedule = served(1)
    [due] = polls(served(1), START + PERIOD * 1.2, step=0.01)[0][:1]

    assert schedule.overdue_seconds(START) == 0.0
    assert schedule.overdue_seconds(due + 3) == pytest.approx(3, abs=0.02)


def test_a_time_that_rounding_would_make_now_is_a_period_later() -> None:
    now, phase, period = 600386.0192306546, 0.21923065459284902, 0.3

    assert (math.floor((now - phase) / period) + 1) * period + phase == now
    assert next_due(now, phase, period) == now + period


@given(
    turns=st.integers(min_value=0, max_value=10_000_000),
    phase=st.floats(min_value=0, max_value=0.99),
    period=st.sampled_from([0.05, 0.3, 5.0, 3600.0]),
    nudge=st.sampled_from([-math.inf, 0.0, math.inf]),
)
def test_the_next_time_is_after_now_also_where_rounding_is_against_it(
    turns: int, phase: float, period: float, nudge: float
) -> None:
    at_the_phase = turns * period + phase * period
    now = math.nextafter(at_the_phase, nudge) if nudge else at_the_phase
    at = next_due(now, phase * period, period)

    assert now < at
    assert at - now <= period * (1 + 1e-6)
