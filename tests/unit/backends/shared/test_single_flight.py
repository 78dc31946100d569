"""One piece of work at a time."""

from __future__ import annotations

import threading

import pytest

from secrets_manager.backends.shared.single_flight import SingleFlight
from secrets_manager.domain.errors import BackendThrottled, BackendTimeout

LATE = BackendTimeout("late")


def test_who_asks_while_it_runs_shares_the_result() -> None:
    flight: SingleFlight[int] = SingleFlight("test")
    begun, go_on = threading.Event(), threading.Event()
    results: list[int] = []

    def work() -> int:
        begun.set()
        go_on.wait(5)
        return 7

    def never() -> int:
        raise AssertionError("a second piece of work was started")

    first = threading.Thread(target=lambda: results.append(flight.join(work, wait=5, overdue=LATE)))
    first.start()
    assert begun.wait(5)
    second = threading.Thread(target=lambda: results.append(flight.join(never, wait=5, overdue=LATE)))
    second.start()
    with pytest.raises(BackendTimeout, match="late"):
        flight.join(never, wait=0.05, overdue=LATE)
    go_on.set()
    first.join(5)
    second.join(5)

    assert results == [7, 7]


def test_who_asks_afterwards_starts_anew() -> None:
    flight: SingleFlight[int] = SingleFlight("test")

    assert [flight.join(lambda n=n: n, wait=5, overdue=LATE) for n in (1, 2)] == [1, 2]  # type: ignore[misc]


def test_a_failure_is_raised_whole_for_each_who_waits() -> None:
    flight: SingleFlight[int] = SingleFlight("test")
    fault = BackendThrottled("slow down", retry_after=3)

    def fail() -> int:
        raise fault

    with pytest.raises(BackendThrottled, match="slow down") as caught:
        flight.join(fail, wait=5, overdue=LATE)
    assert caught.value is not fault
    assert caught.value.retry_after == 3
