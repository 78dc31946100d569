"""The interval jobs, on APScheduler's thread pool. The only module that knows APScheduler.

A job is short: it enqueues, or maintains the token. Each has an executor of its own, so that a login that
hangs never delays the ticks. Three weaknesses of APScheduler are mended here: it goes by the wall clock, so a
clock that is set back would stop all jobs, and one that is set forward would run them before their time; it
swallows every exception; and a job that hangs is skipped for ever without a log line. A fault of a job is
logged once, and then every ten minutes at most.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MAX_INSTANCES, JobExecutionEvent
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger

from secrets_manager.runtime.heartbeat import Heartbeat, Heartbeats
from secrets_manager.runtime.reminder import Reminder

log = logging.getLogger("jobs")

_CLOCK_CHECK_SECONDS = 1.0
# A smaller change of the clock delays no job by more.
_LEAST_DRIFT_SECONDS = 0.5
# A change that is worth a log line, and the time by which a run may be early without harm.
_CLOCK_DRIFT_SECONDS = 5.0
_LEAST_LIMIT = 30.0


@dataclass(frozen=True, slots=True)
class Job:
    """A function that runs every ``period`` seconds, first ``first_after`` seconds after the start.

    ``longest`` is how many seconds a run may take that waits for a server.
    """

    name: str
    period: float
    run: Callable[[], None]
    first_after: float = 0.0
    longest: float = 0.0

    @property
    def limit(self) -> float:
        """Seconds between the ends of two runs after which the job counts as dead."""
        return max(_LEAST_LIMIT, 3 * self.period, self.period + self.longest)


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
        # When each job is due by the monotonic clock.
        self._due: dict[str, float] = {}
        self._offset = 0.0
        self._reminder = Reminder(monotonic_clock)
        self._stopped = threading.Event()
        self._clock_guard = threading.Thread(target=self._guard_clock, name="clock-guard", daemon=True)
        self._scheduler.add_listener(self._on_job_event, EVENT_JOB_ERROR | EVENT_JOB_MAX_INSTANCES)

    def start(self) -> None:
        """Run every job, when it is first due and then at its period."""
        # Before any job is scheduled by the wall clock, which may be set at once.
        self._offset = self._wall_clock() - self._monotonic_clock()
        for job in self._jobs:
            heartbeat = self._heartbeats.register(f"job {job.name}", limit=job.limit)
            self._due[job.name] = self._monotonic_clock() + job.first_after
            self._scheduler.add_job(
                self._run_if_due,
                _Every(job.period),
                args=(job, heartbeat),
                id=job.name,
                executor=job.name,
                next_run_time=self._due_by_the_wall_clock(job),
            )
        self._guarding = self._heartbeats.register("clock-guard", limit=_LEAST_LIMIT)
        self._scheduler.start()
        self._clock_guard.start()

    def stop(self) -> None:
        """Start no more jobs, also if none was started yet; a job that runs ends by itself."""
        self._stopped.set()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    def _run_if_due(self, job: Job, heartbeat: Heartbeat) -> None:
        now = self._monotonic_clock()
        if self._due[job.name] - now > _CLOCK_DRIFT_SECONDS:
            # The clock was set forward: otherwise each such step would list the whole cluster again.
            self._schedule(job)
            return
        self._due[job.name] = now + job.period
        job.run()
        heartbeat.beat()

    def _guard_clock(self) -> None:
        """Compare the wall clock with the monotonic one: APScheduler waits by the former."""
        heeded = reported = self._offset
        while not self._stopped.wait(_CLOCK_CHECK_SECONDS):
            self._guarding.beat()
            offset = self._wall_clock() - self._monotonic_clock()
            if abs(offset - heeded) > _LEAST_DRIFT_SECONDS:
                heeded = offset
                for job in self._jobs:
                    self._schedule(job)
            if abs(offset - reported) > _CLOCK_DRIFT_SECONDS:
                # Logged each time: it explains the times of all other lines.
                log.warning("the system clock was changed", extra={"seconds": round(offset - reported)})
                reported = offset

    def _schedule(self, job: Job) -> None:
        """Let the job run when it is due, whatever the wall clock showed before."""
        # A scheduler that was stopped meanwhile has forgotten its jobs.
        with contextlib.suppress(JobLookupError):
            self._scheduler.modify_job(job.name, next_run_time=self._due_by_the_wall_clock(job))

    def _due_by_the_wall_clock(self, job: Job) -> datetime:
        left = max(0.0, self._due[job.name] - self._monotonic_clock())
        return datetime.fromtimestamp(self._wall_clock() + left, UTC)

    def _on_job_event(self, event: JobExecutionEvent) -> None:
        error = getattr(event, "exception", None)
        if error is None:
            self._report(logging.WARNING, "a job is still running when it is due again", job=event.job_id)
        else:
            self._report(logging.ERROR, "a job failed", job=event.job_id, error=type(error).__name__)

    def _report(self, level: int, message: str, **fields: str) -> None:
        about = (message, *fields.values())
        if times := self._reminder.happened(about):
            log.log(level, message, extra=fields | ({"times": times} if times > 1 else {}))


class _Every(BaseTrigger):  # type: ignore[misc]  # it has no type information
    """Due every ``period`` seconds.

    Not APScheduler's own trigger, which lists every run since the last one by one: a machine whose clock has
    no battery is decades late until it learns the time.
    """

    def __init__(self, period: float) -> None:
        self._period = timedelta(seconds=period)

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime:
        if previous is None:
            return now
        due = previous + self._period
        return due if due > now else now + self._period
