"""When which source is due: spread over the period, and never sooner than needed."""

from __future__ import annotations

import itertools
import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secrets_manager.sync.queue.poll_schedule import PollSchedule, next_due, phase_within

PERIOD = 10.0
START = 1000.0
MOMENTS = 16


def served(count: int) -> PollSchedule[int]:
    """So many keys, each served once at START."""
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


def test_no_key_is_due_before_it_was_served_once() -> None:
    schedule = PollSchedule[str](PERIOD)
    schedule.add("a")

    assert schedule.take_due(START + 1000) == []
    assert schedule.most_overdue() is None
    assert schedule.overdue_seconds(START + 1000) == 0.0


def test_the_first_poll_comes_within_a_period_of_the_first_reconcile() -> None:
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
    found = polls(schedule, START + 40, step=0.01).values()
    steady = [at for times in found for at in times if START + 15 < at <= START + 15 + 2 * PERIOD]
    moments = Counter(round(at % PERIOD / PERIOD * MOMENTS, 1) for at in steady)

    # A moment's polls come together, and each moment has its share of them.
    assert len(moments) == min(count, MOMENTS)
    assert max(moments.values()) <= 2 * (count / MOMENTS * 1.25 + 1)
    assert min(moments.values()) >= 2 * (count / MOMENTS * 0.75 - 1)


def test_the_moments_of_a_long_period_are_no_longer_than_a_second() -> None:
    begun = {phase_within(300.0, part / 1000) for part in range(1000)}

    assert begun == {float(number) for number in range(300)}


@given(gone=st.sets(st.integers(min_value=0, max_value=199), max_size=150))
def test_polls_stay_spread_when_some_keys_leave(gone: set[int]) -> None:
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


def test_a_read_for_another_reason_saves_a_poll_that_is_due() -> None:
    schedule = served(1)
    due = START + PERIOD * 1.2
    assert schedule.overdue_seconds(due) > 0
    schedule.served(0, due)

    assert schedule.overdue_seconds(due) == 0.0
    assert schedule.take_due(due) == []


def test_a_read_saves_a_poll_that_is_nearly_due_and_no_other() -> None:
    schedule = served(1)
    [due] = polls(served(1), START + PERIOD * 1.2, step=0.01)[0][:1]
    schedule.served(0, due - PERIOD * 0.2)
    assert schedule.overdue_seconds(due + 0.5) > 0

    schedule.served(0, due - PERIOD * 0.05)
    assert schedule.overdue_seconds(due + 0.5) == 0.0


def test_between_two_reads_there_is_never_much_more_than_a_period() -> None:
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


def mixed(periods: dict[str, float], count: int) -> PollSchedule[tuple[str, int]]:
    """So many keys of each of the periods, each served once at START."""
    schedule = PollSchedule[tuple[str, int]](PERIOD)
    for number in range(count):
        for name, period in periods.items():
            schedule.add((name, number), period)
            schedule.served((name, number), START)
    return schedule


def test_each_key_is_polled_once_in_its_own_period() -> None:
    periods = {"often": 4.0, "usual": PERIOD, "seldom": 45.0}
    found: dict[tuple[str, int], list[float]] = {}
    schedule = mixed(periods, 10)
    for tick in range(1, 2000):
        for key in schedule.take_due(START + tick / 10):
            found.setdefault(key, []).append(START + tick / 10)
            schedule.served(key, START + tick / 10)

    assert len(found) == 30
    for (name, _), times in found.items():
        gaps = [after - before for before, after in itertools.pairwise([START, *times])]
        assert gaps[0] <= periods[name] * 1.1 + 0.1
        assert gaps[1:] == pytest.approx([periods[name]] * len(gaps[1:]), abs=0.11)


@pytest.mark.parametrize("name", ["often", "seldom"])
def test_keys_of_one_period_are_spread_over_that_period_whatever_others_there_are(name: str) -> None:
    periods = {"often": 4.0, "seldom": 100.0}
    schedule = mixed(periods, 100)
    schedule.take_due(START + 1000)

    ends = [START + 1000 + part * periods[name] / 4 for part in (1, 2, 3, 4)]
    due = [sum(of == name for of, _ in schedule.take_due(end)) for end in ends]

    assert all(20 <= count <= 30 for count in due)


def test_a_key_that_is_to_be_polled_more_often_need_not_wait_for_the_end_of_its_old_period() -> None:
    schedule = PollSchedule[str](3600.0)
    schedule.add("a")
    schedule.served("a", START)

    schedule.add("a", 5.0)

    assert schedule.take_due(START + 60) == []
    assert schedule.overdue_seconds(START + 60) == 0.0
    assert schedule.take_due(START + 65) == ["a"]
    schedule.served("a", START + 65)
    assert schedule.take_due(START + 70) == ["a"]


def test_a_change_of_period_is_heeded_once() -> None:
    schedule = PollSchedule[str](3600.0)
    schedule.add("a")
    schedule.served("a", START)
    schedule.add("a", 5.0)
    schedule.take_due(START)
    due = next(tenth for tenth in range(1, 60) if schedule.take_due(START + tenth / 10)) / 10

    # This look is as good as the poll that is nearly due.
    schedule.served("a", START + due + 4.8)

    assert schedule.take_due(START + due + 4.85) + schedule.take_due(START + due + 5.1) == []


def test_a_key_that_is_to_be_polled_more_seldom_is_left_alone_for_longer() -> None:
    schedule = PollSchedule[str](PERIOD)
    schedule.add("a", 2.0)
    schedule.served("a", START)

    schedule.add("a")

    times = [now for now in range(1, 101) if schedule.take_due(START + now)]
    assert 9 <= len(times) <= 10


def test_a_key_that_is_due_when_its_period_changes_is_polled_all_the_same() -> None:
    schedule = PollSchedule[str](PERIOD)
    schedule.add("a")
    schedule.served("a", START)
    schedule.add("a", 3600.0)

    assert schedule.take_due(START + 100) == ["a"]


def test_a_key_whose_period_changes_before_it_was_served_is_due_by_the_last_period() -> None:
    schedule = PollSchedule[str](3600.0)
    schedule.add("a")
    schedule.add("a", 5.0)
    schedule.served("a", START)

    assert schedule.take_due(START + 6) == ["a"]


def test_a_key_that_left_takes_its_period_with_it() -> None:
    schedule = PollSchedule[str](3600.0)
    schedule.add("a", 5.0)
    schedule.served("a", START)
    schedule.add("a", 6.0)
    schedule.remove("a")

    schedule.add("a")
    schedule.served("a", START)

    assert schedule.take_due(START + 300) == []


def test_how_much_a_key_is_overdue_goes_by_its_own_period() -> None:
    schedule = mixed({"often": 5.0, "seldom": 3600.0}, 1)
    schedule.take_due(START)
    assert schedule.overdue_seconds(START + 105.5) >= 100.0

    schedule.remove(("often", 0))

    assert schedule.overdue_seconds(START + 105.5) == 0.0
    assert schedule.overdue_seconds(START + 3600 * 1.1 + 100) >= 100.0


def test_a_read_saves_the_poll_that_is_nearly_due_by_the_period_of_its_key() -> None:
    schedule = PollSchedule[str](PERIOD)
    schedule.add("a", 100.0)
    schedule.served("a", START)
    due = next(now for now in range(1, 200) if schedule.take_due(START + now))
    schedule.served("a", START + due)

    schedule.served("a", START + due + 91)
    assert schedule.take_due(START + due + 101) == []


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


def test_periods_that_change_without_end_take_no_memory() -> None:
    schedule = PollSchedule[str](PERIOD)
    for key in ("a", "b"):
        schedule.add(key, 3600.0)
        schedule.served(key, START)
    for turn in range(5000):
        schedule.add("a", 604800.0 + turn)
        schedule.take_due(START + turn / 1000)
        schedule.remove("b")
        schedule.add("b", 3600.0)
        schedule.served("b", START)

    assert len(schedule._heap) < 200
    assert schedule.take_due(START + 3 * 604800.0) in (["a", "b"], ["b", "a"])


def test_a_key_says_when_it_is_due_once_it_was_served() -> None:
    schedule = PollSchedule[str](PERIOD)
    schedule.add("a")
    assert schedule.due("a") is None
    schedule.served("a", START)
    due = schedule.due("a")
    assert due is not None
    assert START < due <= START + 1.1 * PERIOD + 0.1
    schedule.remove("a")

    assert schedule.due("a") is None


def test_each_late_key_says_by_how_much_taken_or_not() -> None:
    schedule = served(3)
    dues = {key: schedule.due(key) or 0.0 for key in range(3)}
    assert schedule.late(START) == {}
    later = max(dues.values()) + 5
    assert schedule.late(later) == {key: pytest.approx(later - at) for key, at in dues.items()}
    schedule.take_due(later)
    schedule.served(2, later)

    assert schedule.late(later) == {key: pytest.approx(later - dues[key]) for key in (0, 1)}
