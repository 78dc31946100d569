"""When a job runs for the first time."""

from __future__ import annotations

import threading

from secrets_manager.daemon.jobs import Job, Jobs
from secrets_manager.runtime.heartbeat import Heartbeats


def test_a_job_runs_at_once_unless_it_has_a_first_delay() -> None:
    runs: list[str] = []
    at_once, later, later_again = threading.Event(), threading.Event(), threading.Event()

    def run(name: str, done: threading.Event) -> None:
        runs.append(name)
        done.set()

    jobs = Jobs(
        [
            Job("hourly", 3600.0, lambda: run("hourly", at_once)),
            Job("waiting", 3600.0, lambda: run("waiting", later_again), first_after=3600.0),
            Job("soon", 3600.0, lambda: run("soon", later), first_after=0.2),
        ],
        Heartbeats(),
    )
    jobs.start()
    try:
        assert at_once.wait(20)
        assert later.wait(20)
    finally:
        jobs.stop()

    assert sorted(runs) == ["hourly", "soon"]
