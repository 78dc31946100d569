"""One piece of work at a time."""

from __future__ import annotations

import threading

import pytest

from secrets_manager.backends.kit.single_flight import SingleFlight
from secrets_manager.domain.errors import BackendThrottled, BackendTimeout, Reach

LATE = BackendTimeout("late")


def test_callers_during_the_work_share_its_result() -> None:
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


def test_a_caller_after_the_end_starts_the_work_again() -> None:
    flight: SingleFlight[int] = SingleFlight("test")

    assert [flight.join(lambda n=n: n, wait=5, overdue=LATE) for n in (1, 2)] == [1, 2]  # type: ignore[misc]


def test_a_failure_is_raised_for_each_waiting_caller() -> None:
    flight: SingleFlight[int] = SingleFlight("test")
    fault = BackendThrottled("slow down", retry_after=3)

    def fail() -> int:
        raise fault

    with pytest.raises(BackendThrottled, match="slow down") as caught:
        flight.join(fail, wait=5, overdue=LATE)
    assert caught.value is not fault
    assert caught.value.retry_after == 3


def test_a_fault_of_what_all_need_is_about_the_backend_as_a_whole() -> None:
    flight: SingleFlight[int] = SingleFlight("test")

    def work() -> int:
        raise BackendThrottled("429")

    with pytest.raises(BackendThrottled) as caught:
        flight.join(work, wait=5, overdue=BackendTimeout("late"))
    assert caught.value.reach is Reach.ALL


def test_an_overdue_wait_for_shared_work_is_a_fault_of_the_whole_backend() -> None:
    flight: SingleFlight[bool] = SingleFlight("test")
    go_on = threading.Event()

    with pytest.raises(BackendTimeout) as caught:
        flight.join(lambda: go_on.wait(5), wait=0.01, overdue=BackendTimeout("late"))
    go_on.set()
    assert caught.value.reach is Reach.ALL
