"""The interval jobs, on APScheduler's thread pool. The only module that knows APScheduler.

A job does nothing long: it enqueues, or looks after the token. Each has an executor of its own, so that a
login that hangs never delays the ticks. What APScheduler does not do by itself is done here: it goes by the
wall clock, so a clock that is set back would stop all jobs; it swallows every exception; and a job that hangs
is skipped for ever without a word.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MAX_INSTANCES, JobExecutionEvent
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger

from secrets_manager.runtime.heartbeat import Heartbeat, Heartbeats

log = logging.getLogger("jobs")

_CLOCK_CHECK_SECONDS = 1.0
_CLOCK_DRIFT_SECONDS = 5.0
_LEAST_LIMIT = 30.0


@dataclass(frozen=True, slots=True)
class Job:
    """What runs every ``period`` seconds, the first time ``first_after`` seconds from the start."""

    name: str
    period: float
    run: Callable[[], None]
    first_after: float = 0.0


class Jobs:
    """Runs jobs from ``start`` to ``stop``. Each beats a heartbeat that falls silent when it hangs or
    fails.
    """

    def __init__(
        self,
        jobs: list[Job],
        heartbeats: Heartbeats,
        *,
        wall_clock: Callable[[], float] = time.time,
        monotonic_clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={job.name: ThreadPoolExecutor(1) for job in jobs},
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )
        self._jobs = jobs
        self._heartbeats = heartbeats
        self._wall_clock = wall_clock
        self._monotonic_clock = monotonic_clock
        self._stopped = threading.Event()
        self._clock_guard = threading.Thread(target=self._guard_clock, name="clock-guard", daemon=True)
        self._scheduler.add_listener(_complain, EVENT_JOB_ERROR | EVENT_JOB_MAX_INSTANCES)

    def start(self) -> None:
        """Run every job, when it is first due and then at its period."""
        for job in self._jobs:
            limit = max(_LEAST_LIMIT, 3 * job.period)
            heartbeat = self._heartbeats.register(f"job {job.name}", limit=limit)
            self._scheduler.add_job(
                _beating,
                _Every(job.period),
                args=(job.run, heartbeat),
                id=job.name,
                executor=job.name,
                next_run_time=datetime.now(UTC) + timedelta(seconds=job.first_after),
            )
        self._scheduler.start()
        self._clock_guard.start()

    def stop(self) -> None:
        """Start no job any more; one that runs is left to end by itself."""
        self._stopped.set()
        self._scheduler.shutdown(wait=False)

    def run_all_now(self) -> None:
        """Let every job run at once and count its period from there."""
        now = datetime.now(UTC)
        for job in self._scheduler.get_jobs():
            job.modify(next_run_time=now)

    def _guard_clock(self) -> None:
        """Compare the wall clock with the monotonic one: APScheduler waits by the former."""
        offset = self._wall_clock() - self._monotonic_clock()
        while not self._stopped.wait(_CLOCK_CHECK_SECONDS):
            drift = self._wall_clock() - self._monotonic_clock() - offset
            if abs(drift) > _CLOCK_DRIFT_SECONDS:
                offset += drift
                log.warning("the clock was set", extra={"seconds": round(drift)})
                self.run_all_now()


class _Every(BaseTrigger):  # type: ignore[misc]  # it comes without type information
    """Due every ``period`` seconds.

    Not APScheduler's own: that one lists every run since the last, one by one, and a machine without a
    battery for its clock is decades late until it hears the time.
    """

    def __init__(self, period: float) -> None:
        self._period = timedelta(seconds=period)

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime:
        if previous is None:
            return now
        due = previous + self._period
        return due if due > now else now + self._period


def _beating(run: Callable[[], None], heartbeat: Heartbeat) -> None:
    run()
    heartbeat.beat()


def _complain(event: JobExecutionEvent) -> None:
    error = getattr(event, "exception", None)
    if error is None:
        log.warning("a job is still running when it is due again", extra={"job": event.job_id})
    else:
        log.error("a job failed", extra={"job": event.job_id, "error": type(error).__name__})
