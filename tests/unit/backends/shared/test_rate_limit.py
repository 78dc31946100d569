"""The limit on calls a second: who waits, how long, and who comes first."""

from __future__ import annotations

import contextlib
import threading

import pytest

from secrets_manager.backends.shared.budget import Budget
from secrets_manager.backends.shared.rate_limit import RateLimit
from secrets_manager.domain.errors import BackendThrottled
from secrets_manager.runtime.patience import is_patient, patient


class Time:
    """A clock that moves by the sleeps of those who wait, and remembers them."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def limited(rate: int) -> tuple[RateLimit, Time]:
    time = Time()
    return RateLimit(rate, time, time.sleep), time


def turns(limit: RateLimit, time: Time, count: int, seconds: float = 60.0) -> None:
    for _ in range(count):
        limit.turn(Budget(seconds, time))


def still(rate: int) -> tuple[RateLimit, Time]:
    """As ``limited``, but nobody's sleep moves the clock: all ask at one moment."""
    time = Time()
    return RateLimit(rate, time, time.slept.append), time


def test_a_second_s_worth_of_calls_passes_at_once() -> None:
    limit, time = limited(5)
    turns(limit, time, 5)

    assert time.slept == []


def test_those_after_wait_one_behind_the_other() -> None:
    limit, time = still(4)
    turns(limit, time, 7)

    assert time.slept == pytest.approx([0.25, 0.5, 0.75])


def test_time_gives_new_turns_but_not_beyond_a_second_s_worth() -> None:
    limit, time = still(4)
    turns(limit, time, 4)
    time.now += 3600
    turns(limit, time, 4)
    assert time.slept == []
    turns(limit, time, 1)

    assert time.slept == pytest.approx([0.25])


def test_who_has_no_time_to_wait_is_told_and_takes_no_turn() -> None:
    limit, time = still(1)
    turns(limit, time, 1)
    with pytest.raises(BackendThrottled):
        turns(limit, time, 1, seconds=0.5)
    turns(limit, time, 1)

    assert time.slept == pytest.approx([1.0])


@pytest.mark.parametrize(("rate", "seconds"), [(1000, 0.0), (200, 4.0)])
def test_a_thousand_objects_that_waited_for_the_backend_are_read_within_seconds(
    rate: int, seconds: float
) -> None:
    limit, time = limited(rate)
    turns(limit, time, 1000)

    assert time.now - 1000.0 == pytest.approx(seconds)


# ── polls ────────────────────────────────────────────────────────────────────────────────────────────


def test_polls_leave_the_last_turns_to_others() -> None:
    limit, time = limited(100)
    with patient():
        turns(limit, time, 90)
    assert time.slept == []
    turns(limit, time, 10)

    assert time.slept == []


def test_a_poll_waits_until_there_is_more_than_others_may_need() -> None:
    limit, time = limited(100)
    turns(limit, time, 100)
    with patient():
        turns(limit, time, 1)

    assert time.now - 1000.0 == pytest.approx(0.11)


def test_a_poll_that_waits_is_overtaken_by_all_that_are_urgent() -> None:
    time = Time()
    urgent = iter("abc")
    order: list[str] = []

    def sleep(seconds: float) -> None:
        time.now += seconds
        if is_patient() and (name := next(urgent, None)):
            # The turn that the poll waited for has just come.
            other = threading.Thread(target=lambda: limit.turn(Budget(60, time)))
            other.start()
            other.join(30)
            order.append(name)

    limit = RateLimit(2, time, sleep)
    turns(limit, time, 2)
    with patient():
        limit.turn(Budget(60, time))
    order.append("poll")

    assert order == ["a", "b", "c", "poll"]
    assert time.now - 1000.0 == pytest.approx(2.1)


def test_a_poll_that_finds_no_turn_in_its_time_is_told() -> None:
    limit, time = limited(2)
    turns(limit, time, 2)
    with patient(), pytest.raises(BackendThrottled):
        turns(limit, time, 1, seconds=0.4)


def test_a_poll_behind_others_that_wait_gives_up_when_its_time_is_over() -> None:
    time = Time()
    waiting, go_on = threading.Event(), threading.Event()

    def sleep(_: float) -> None:
        waiting.set()
        assert go_on.wait(30)
        time.now += 60

    limit = RateLimit(1, time, sleep)
    turns(limit, time, 1)

    def poll() -> None:
        with patient():
            limit.turn(Budget(100, time))

    first = threading.Thread(target=poll)
    first.start()
    assert waiting.wait(30)
    with patient(), pytest.raises(BackendThrottled):
        limit.turn(Budget(0.05, time))
    go_on.set()
    first.join(30)

    assert not first.is_alive()


def test_even_one_call_a_second_lets_polls_pass() -> None:
    limit, time = limited(1)
    with patient():
        turns(limit, time, 3)

    assert time.now - 1000.0 == pytest.approx(2.0)


def test_patience_ends_with_its_block() -> None:
    with contextlib.suppress(KeyError), patient():
        with patient():
            assert is_patient()
        assert is_patient()
        raise KeyError

    assert not is_patient()
