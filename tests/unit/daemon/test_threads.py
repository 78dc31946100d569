"""A core thread that ends too early is noticed."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading

import pytest

from secrets_manager.daemon import threads as threads_module
from secrets_manager.daemon.threads import CoreThreads


def test_a_core_thread_that_fails_counts_as_dead_and_its_error_is_logged_by_type(
    caplog: pytest.LogCaptureFixture,
) -> None:
    threads = CoreThreads()

    def fail() -> None:
        raise ValueError("canary-value")

    threads.start("worker 3", fail)

    assert threads.died.wait(20)
    assert threads.dead_thread == "worker 3"
    (told,) = caplog.records
    assert (told.levelno, told.getMessage()) == (logging.CRITICAL, "a core thread failed")
    assert told.__dict__["error"] == "ValueError"
    assert "canary" not in str(told.__dict__)


def test_a_core_thread_that_merely_returns_counts_as_dead() -> None:
    threads = CoreThreads()
    threads.start("events", lambda: None)

    assert threads.died.wait(20)
    assert threads.dead_thread == "events"


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, MemoryError])
def test_a_core_thread_counts_as_dead_after_any_exception(error: type[BaseException]) -> None:
    threads = CoreThreads()

    def fail() -> None:
        raise error

    threads.start("worker", fail)

    assert threads.died.wait(20)


def test_a_core_thread_counts_as_dead_though_there_is_no_memory_left_to_log_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(threads_module.log, "critical", fail)
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    threads = CoreThreads()
    threads.start("worker", fail)

    assert threads.died.wait(20)


def test_an_end_that_was_asked_for_is_none() -> None:
    threads, ended = CoreThreads(), threading.Event()

    def work() -> None:
        threads.stopping.wait(20)
        ended.set()

    threads.start("worker", work)
    threads.stopping.set()

    assert ended.wait(20)
    assert not threads.died.wait(0.2)
    assert threads.dead_thread == ""


def test_a_core_thread_that_cannot_be_started_counts_as_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    threads = CoreThreads()
    threads.start("worker", lambda: None)

    assert (threads.died.is_set(), threads.dead_thread) == (True, "worker")


def test_the_first_casualty_keeps_the_blame() -> None:
    threads, second = CoreThreads(), threading.Event()
    threads.start("first", lambda: None)
    assert threads.died.wait(20)

    threads.start("second", second.set)
    assert second.wait(20)
    assert threads.dead_thread == "first"


def test_threads_do_not_keep_the_process_alive() -> None:
    program = (
        "import threading\n"
        "from secrets_manager.daemon.threads import CoreThreads\n"
        "CoreThreads().start('worker', threading.Event().wait)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], timeout=30, check=False)

    assert done.returncode == 0
