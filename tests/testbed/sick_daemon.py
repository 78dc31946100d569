"""The daemon with one thread that dies or stands still once a file appears.

``python -m tests.testbed.sick_daemon PART kill|block FILE [FLAGS]``. The product has no such switch: here one
method that the thread passes through again and again is wrapped before the daemon starts. It knows those
methods by name, and nothing else of the daemon. With the part ``threads`` no new thread can be started while
the file is there, as on a machine that has no more.
"""

from __future__ import annotations

import functools
import sys
import threading
from pathlib import Path
from typing import Any

from apscheduler.schedulers.blocking import BlockingScheduler

from secrets_manager import __main__ as program
from secrets_manager.cluster.lead.leader_election import LeaderElector
from secrets_manager.cluster.view.informer import Informer
from secrets_manager.cluster.write.event_recorder import EventRecorder
from secrets_manager.daemon.web.server import _BoundedServer
from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.sync.rounds import Rounds
from secrets_manager.sync.workers import Workers

PARTS: dict[str, tuple[Any, str]] = {
    "worker": (Workers, "work_once"),
    "informer": (Informer, "_hear"),
    "lease": (LeaderElector, "attempt"),
    "events": (EventRecorder, "_post"),
    "scheduler": (BlockingScheduler, "_process_jobs"),
    "job": (Rounds, "tick"),
    "http": (_BoundedServer, "service_actions"),
    "watchdog": (Watchdog, "_expire_due"),
}


def sicken(part: str, how: str, when: Path) -> None:
    """Wrap the method of ``part``: once the file exists, no thread gets through it."""
    if part == "threads":
        _starve(when)
        return
    owner, name = PARTS[part]
    healthy = getattr(owner, name)

    @functools.wraps(healthy)
    def sick(*args: Any, **named: Any) -> Any:
        if when.exists():
            if how == "kill":
                raise SystemExit
            threading.Event().wait()
        return healthy(*args, **named)

    setattr(owner, name, sick)


def _starve(when: Path) -> None:
    start: Any = threading.Thread.start

    def refuse(self: threading.Thread) -> None:
        if when.exists():
            raise RuntimeError("can't start new thread")
        start(self)

    threading.Thread.start = refuse  # type: ignore[method-assign]


if __name__ == "__main__":
    part, how, when, *flags = sys.argv[1:]
    sicken(part, how, Path(when))
    sys.argv[1:] = flags
    program.main()
