"""The interval jobs: what happens when they fail, hang, or the clock is set."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from secrets_manager.daemon.jobs import Job, Jobs, _Every
from secrets_manager.runtime.heartbeat import Heartbeats
from tests.testbed.waiting import wait_until

HOUR = 3600.0


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class Count:
    """The body of a job that counts its runs."""

    def __init__(self) -> None:
        self.runs = 0

    def __call__(self) -> None:
        self.runs += 1

    def reaches(self, runs: int) -> None:
        wait_until(lambda: self.runs >= runs, 20, f"{runs} runs")


Start = Callable[..., Jobs]


@pytest.fixture
def heartbeats() -> Heartbeats:
    return Heartbeats()


@pytest.fixture
def start(heartbeats: Heartbeats) -> Iterator[Start]:
    """Starts jobs (and clocks, by keyword); stopped at the end."""
    started: list[Jobs] = []

    def make(*jobs: Job, **clocks: Callable[[], float]) -> Jobs:
        made = Jobs(list(jobs), heartbeats, **clocks)
        made.start()
        started.append(made)
        return made

    yield make
    for each in started:
        each.stop()


def test_a_job_runs_again_and_again(start: Start) -> None:
    count = Count()
    start(Job("a", 0.05, count))

    count.reaches(4)


def test_no_job_runs_after_the_stop(heartbeats: Heartbeats) -> None:
    count = Count()
    jobs = Jobs([Job("a", 0.05, count)], heartbeats)
    others = clock_guards()
    jobs.start()
    count.reaches(1)
    jobs.stop()
    wait_until(lambda: clock_guards() <= others, 20, "the clock guard to end")
    runs = count.runs
    threading.Event().wait(0.3)

    assert count.runs <= runs + 1


def clock_guards() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "clock-guard"}


def test_an_error_is_heard_and_the_job_runs_on(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    runs = Count()

    def fail() -> None:
        runs()
        raise ValueError("canary-value")

    logging.getLogger("apscheduler").setLevel(logging.CRITICAL)
    start(Job("a", 0.05, fail))
    runs.reaches(2)
    wait_until(lambda: any(record.name == "jobs" for record in caplog.records), 20, "the complaint")
    told = [record for record in caplog.records if record.name == "jobs"]

    assert told[0].getMessage() == "a job failed"
    assert (told[0].__dict__["job"], told[0].__dict__["error"]) == ("a", "ValueError")
    assert "canary" not in str([record.__dict__ for record in told])


def test_a_job_that_hangs_is_heard_and_delays_no_other(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    leave, count = threading.Event(), Count()
    start(Job("hanging", 0.05, lambda: wait_for(leave)), Job("other", 0.05, count))
    count.reaches(4)
    wait_until(lambda: any(record.name == "jobs" for record in caplog.records), 20, "the complaint")
    leave.set()
    told = next(record for record in caplog.records if record.name == "jobs")

    assert told.getMessage() == "a job is still running when it is due again"
    assert told.__dict__["job"] == "hanging"


def wait_for(event: threading.Event) -> None:
    event.wait(30)


def test_each_run_that_ends_well_is_a_sign_of_life(start: Start, heartbeats: Heartbeats) -> None:
    count = Count()
    start(Job("a", 0.05, count))
    beat = heartbeats._beats["job a"]
    before = beat._last
    count.reaches(2)

    wait_until(lambda: beat._last > before, 20, "a beat")
    assert beat.limit == 30.0


def test_a_run_that_fails_is_none(start: Start, heartbeats: Heartbeats) -> None:
    runs = Count()

    def fail() -> None:
        runs()
        raise ValueError

    logging.getLogger("apscheduler").setLevel(logging.CRITICAL)
    start(Job("a", 0.05, fail))
    beat = heartbeats._beats["job a"]
    before = beat._last
    runs.reaches(3)

    assert beat._last == before


def test_a_slow_job_has_three_periods_to_give_one(start: Start, heartbeats: Heartbeats) -> None:
    start(Job("a", 600.0, Count()))

    assert heartbeats._beats["job a"].limit == 1800.0


@pytest.mark.parametrize("step", [-HOUR, HOUR * 240], ids=["set back", "set forward"])
def test_a_clock_that_is_set_stops_no_job(
    step: float, start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    wall, count = Clock(), Count()
    start(Job("a", HOUR, count), wall_clock=wall, monotonic_clock=lambda: 0.0)
    count.reaches(1)
    wall.now += step

    count.reaches(2)
    # A machine that stood still may complain of a job besides.
    told = [record for record in caplog.records if record.getMessage() == "the clock was set"]
    assert [record.__dict__["seconds"] for record in told] == [step]


def test_a_clock_that_is_set_once_is_noticed_once(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    wall, count, looks = Clock(), Count(), Count()

    def monotonic() -> float:
        looks()
        return 0.0

    start(Job("a", HOUR, count), wall_clock=wall, monotonic_clock=monotonic)
    count.reaches(1)
    wall.now += 100
    count.reaches(2)
    seen = looks.runs
    looks.reaches(seen + 3)

    assert count.runs == 2
    assert len(caplog.records) == 1


def test_a_clock_that_is_slewed_a_little_is_left_alone(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    wall, looks = Clock(), Count()

    def monotonic() -> float:
        looks()
        return 0.0

    count = Count()
    start(Job("a", HOUR, count), wall_clock=wall, monotonic_clock=monotonic)
    count.reaches(1)
    wall.now += 4
    looks.reaches(3)

    assert (count.runs, caplog.records) == (1, [])


def test_a_clock_that_leaps_by_decades_is_not_caught_up_with_run_by_run() -> None:
    trigger, before = _Every(0.25), datetime(1970, 1, 1, tzinfo=UTC)
    now = before + timedelta(days=56 * 365)

    assert trigger.get_next_fire_time(before, now) == now + timedelta(seconds=0.25)
    assert trigger.get_next_fire_time(now, now) == now + timedelta(seconds=0.25)
