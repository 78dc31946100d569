"""The limit on calls a second: which calls wait, how long, and in which order."""

from __future__ import annotations

import threading

import pytest

from secrets_manager.backends.kit.rate_limit import RateLimit
from secrets_manager.domain.errors import BackendThrottled
from secrets_manager.runtime.terms import Deadline, Terms


class Time:
    """A clock that moves by the sleeps of waiting threads, and remembers them."""

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


def within(seconds: float, time: Time, *, background: bool = False) -> Terms:
    return Terms(deadline=Deadline.within(seconds, time), background=background)


def turns(limit: RateLimit, time: Time, count: int, seconds: float = 60.0) -> None:
    for _ in range(count):
        limit.turn(within(seconds, time))


def polls(limit: RateLimit, time: Time, count: int, seconds: float = 60.0) -> None:
    for _ in range(count):
        limit.turn(within(seconds, time, background=True))


def still(rate: int) -> tuple[RateLimit, Time]:
    """As ``limited``, but no sleep moves the clock: all calls come at one moment."""
    time = Time()
    return RateLimit(rate, time, time.slept.append), time


def test_a_second_s_worth_of_calls_passes_at_once() -> None:
    limit, time = limited(5)
    turns(limit, time, 5)

    assert time.slept == []


def test_calls_beyond_the_limit_wait_one_behind_the_other() -> None:
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


def test_a_call_without_time_to_wait_is_refused_and_takes_no_turn() -> None:
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
    polls(limit, time, 90)
    assert time.slept == []
    turns(limit, time, 10)

    assert time.slept == []


def test_a_poll_waits_until_there_is_more_than_others_may_need() -> None:
    limit, time = limited(100)
    turns(limit, time, 100)
    polls(limit, time, 1)

    assert time.now - 1000.0 == pytest.approx(0.11)


def test_a_poll_that_waits_is_overtaken_by_all_that_are_urgent() -> None:
    time = Time()
    urgent = iter("abc")
    order: list[str] = []

    def sleep(seconds: float) -> None:
        time.now += seconds
        if threading.current_thread() is poll and (name := next(urgent, None)):
            # The turn that the poll waited for has just come.
            other = threading.Thread(target=lambda: limit.turn(within(60, time)))
            other.start()
            other.join(30)
            order.append(name)

    limit, poll = RateLimit(2, time, sleep), threading.main_thread()
    turns(limit, time, 2)
    polls(limit, time, 1)
    order.append("poll")

    assert order == ["a", "b", "c", "poll"]
    assert time.now - 1000.0 == pytest.approx(2.1)


def test_a_poll_that_gets_no_turn_in_its_time_is_refused() -> None:
    limit, time = limited(2)
    turns(limit, time, 2)
    with pytest.raises(BackendThrottled):
        polls(limit, time, 1, seconds=0.4)


def test_a_poll_behind_others_that_wait_gives_up_when_its_time_is_over() -> None:
    time = Time()
    waiting, go_on = threading.Event(), threading.Event()

    def sleep(_: float) -> None:
        waiting.set()
        assert go_on.wait(30)
        time.now += 60

    limit = RateLimit(1, time, sleep)
    turns(limit, time, 1)

    first = threading.Thread(target=lambda: polls(limit, time, 1, seconds=100))
    first.start()
    assert waiting.wait(30)
    with pytest.raises(BackendThrottled):
        polls(limit, time, 1, seconds=0.05)
    go_on.set()
    first.join(30)

    assert not first.is_alive()


def test_even_one_call_a_second_lets_polls_pass() -> None:
    limit, time = limited(1)
    polls(limit, time, 3)

    assert time.now - 1000.0 == pytest.approx(2.0)
