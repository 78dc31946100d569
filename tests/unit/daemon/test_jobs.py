"""The interval jobs: what happens when they fail, hang, or the clock is set."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, tzinfo

import pytest
from apscheduler.events import EVENT_JOB_MAX_INSTANCES

from secrets_manager.daemon.jobs import Job, Jobs, _Every
from secrets_manager.runtime.heartbeat import Heartbeats
from tests.builders import Clock
from tests.testbed.waiting import wait_until

HOUR = 3600.0


class Count:
    """The body of a job that counts its runs."""

    def __init__(self) -> None:
        self.runs = 0

    def __call__(self) -> None:
        self.runs += 1

    def reaches(self, runs: int) -> None:
        wait_until(lambda: self.runs >= runs, 20, f"{runs} runs")


Start = Callable[..., Jobs]


@pytest.fixture(autouse=True)
def _clock_is_looked_at_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secrets_manager.daemon.jobs._CLOCK_CHECK_SECONDS", 0.02)


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


def test_a_job_that_is_late_all_the_time_is_reported_once_and_then_with_the_count(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    leave, clock, late = threading.Event(), Clock(), Late()
    jobs = start(Job("hanging", 0.02, lambda: wait_for(leave)), monotonic_clock=clock)
    jobs._scheduler.add_listener(late, EVENT_JOB_MAX_INSTANCES)
    late.reaches(5)
    assert len(told_of_jobs(caplog)) == 1

    clock.now += 299
    late.reaches(late.times + 3)
    clock.now += 299
    late.reaches(late.times + 3)
    assert len(told_of_jobs(caplog)) == 1

    clock.now += 2
    wait_until(lambda: len(told_of_jobs(caplog)) == 2, 20, "the reminder")
    leave.set()
    assert told_of_jobs(caplog)[1].__dict__["times"] > 5
    assert "times" not in told_of_jobs(caplog)[0].__dict__


def test_each_job_that_is_late_is_reported_by_its_own_name(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    leave = threading.Event()
    start(*(Job(name, 0.02, lambda: wait_for(leave)) for name in ("a", "b")))
    wait_until(lambda: len(told_of_jobs(caplog)) >= 2, 20, "both")
    leave.set()

    assert sorted(record.__dict__["job"] for record in told_of_jobs(caplog)) == ["a", "b"]


def test_a_job_that_fails_each_time_is_reported_once(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    runs = Count()

    def fail() -> None:
        runs()
        raise ValueError

    start(Job("a", 0.02, fail))
    runs.reaches(5)

    assert len(told_of_jobs(caplog)) == 1


class Late:
    """Counts how often a job was due while it ran; called after all other listeners."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self, _event: object) -> None:
        self.times += 1

    def reaches(self, times: int) -> None:
        wait_until(lambda: self.times >= times, 20, f"{times} times")


def told_of_jobs(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.name == "jobs" and "job" in record.__dict__]


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


@pytest.mark.parametrize(("longest", "limit"), [(0.0, 45.0), (25.0, 45.0), (50.0, 65.0)])
def test_a_job_that_waits_for_a_server_has_the_time_of_its_calls_too(longest: float, limit: float) -> None:
    assert Job("a", 15.0, Count(), longest=longest).limit == limit


class SetClock(Clock):
    """A wall clock that goes on by itself and can be set; APScheduler reads it too."""

    def __call__(self) -> float:
        return time.time() + self.now


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> SetClock:
    clock = SetClock()

    class Datetime(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.fromtimestamp(clock(), tz)

    monkeypatch.setattr("apscheduler.schedulers.base.datetime", Datetime)
    return clock


TEN_YEARS = 10 * 365 * 24 * HOUR
CHANGED = "the system clock was changed"


def changes(caplog: pytest.LogCaptureFixture) -> list[int]:
    """The changes of the clock that were logged, in seconds."""
    return [record.__dict__["seconds"] for record in caplog.records if record.getMessage() == CHANGED]


@pytest.mark.parametrize("step", [-HOUR, HOUR * 24, TEN_YEARS], ids=["hour", "day", "years"])
def test_a_clock_that_is_set_stops_no_job_and_runs_none_before_its_time(
    step: float, start: Start, wall: SetClock, caplog: pytest.LogCaptureFixture
) -> None:
    often, seldom, later = Count(), Count(), Count()
    start(
        Job("often", 0.05, often), Job("seldom", HOUR, seldom), Job("later", 60, later, 60), wall_clock=wall
    )
    often.reaches(3)
    wall.now += step
    wait_until(lambda: changes(caplog), 20, "the report")
    often.reaches(often.runs + 10)

    assert (seldom.runs, later.runs) == (1, 0)
    assert changes(caplog) == [step]


def test_a_clock_that_is_set_back_a_little_again_and_again_delays_no_job(
    start: Start, wall: SetClock
) -> None:
    count = Count()

    def run() -> None:
        count()
        wall.now -= 4

    start(Job("a", 0.05, run), wall_clock=wall)

    # Each run would be four seconds late.
    count.reaches(8)


def test_jobs_that_are_stopped_just_when_the_clock_is_set_end_without_a_fault(
    start: Start, wall: SetClock
) -> None:
    count = Count()
    to_stop: list[Jobs] = []

    def read_clock() -> float:
        if to_stop and threading.current_thread().name == "clock-guard":
            to_stop.pop().stop()
            wall.now += HOUR
        return wall()

    jobs = start(Job("a", 0.05, count), wall_clock=read_clock)
    count.reaches(2)
    to_stop.append(jobs)
    jobs._clock_guard.join(20)

    assert to_stop == []
    assert not jobs._clock_guard.is_alive()


def test_a_clock_that_swings_changes_neither_how_often_jobs_run_nor_which(wall: SetClock) -> None:
    often, seldom = Count(), Count()
    heartbeats = Heartbeats()
    jobs = Jobs([Job("often", 0.05, often), Job("seldom", 60, seldom, 60)], heartbeats, wall_clock=wall)
    jobs.start()
    began = time.monotonic()
    for swing in (-HOUR, TEN_YEARS, -24 * HOUR, -4.0, 4.0, TEN_YEARS) * 2:
        wall.now = swing
        often.reaches(often.runs + 2)
    lasted = time.monotonic() - began
    jobs.stop()

    assert often.runs <= lasted / 0.05 + 12
    assert seldom.runs == 0
    assert heartbeats.silent() == []


def test_a_job_that_became_due_while_the_clock_was_wrong_runs_when_it_is_due(
    start: Start, wall: SetClock
) -> None:
    steady, count = Clock(), Count()
    start(Job("a", HOUR, count), wall_clock=wall, monotonic_clock=steady)
    count.reaches(1)
    wall.now -= 24 * HOUR
    steady.now += HOUR

    count.reaches(2)


def test_the_guard_of_the_clock_shows_signs_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    heartbeats = Heartbeats(clock)
    jobs = Jobs([], heartbeats, wall_clock=lambda: 0.0, monotonic_clock=lambda: 0.0)
    jobs.start()
    clock.now += 29
    guard = heartbeats._beats["clock-guard"]
    wait_until(lambda: guard.age() == 0.0, 20, "a sign of life")
    jobs.stop()
    jobs._clock_guard.join()
    clock.now += 31

    assert heartbeats.silent() == ["clock-guard"]


def test_a_clock_that_is_set_is_reported_each_time(
    start: Start, wall: SetClock, caplog: pytest.LogCaptureFixture
) -> None:
    start(Job("a", HOUR, Count()), wall_clock=wall)
    steps = [HOUR, HOUR, -240 * HOUR]
    for number, step in enumerate(steps, 1):
        wall.now += step
        wait_until(lambda number=number: len(changes(caplog)) == number, 20, "the report")  # type: ignore[misc]

    assert changes(caplog) == steps


def test_a_clock_that_leaps_by_decades_is_not_caught_up_with_run_by_run() -> None:
    trigger, before = _Every(0.25), datetime(1970, 1, 1, tzinfo=UTC)
    now = before + timedelta(days=56 * 365)

    assert trigger.get_next_fire_time(before, now) == now + timedelta(seconds=0.25)
    assert trigger.get_next_fire_time(now, now) == now + timedelta(seconds=0.25)
