"""A machine without another thread for a while: whatever needs one works again once there is one."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from secrets_manager.backends.kit.blocking import Blocking
from secrets_manager.backends.kit.single_flight import SingleFlight
from secrets_manager.cluster.client.fresh_header import FreshHeader
from secrets_manager.domain.errors import BackendTimeout
from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.runtime.http.dialling import NameService
from secrets_manager.runtime.terms import Deadline, Terms
from tests.builders import Clock
from tests.testbed.waiting import wait_until


class Costly:
    """A source of credentials that is asked on a thread of its own."""

    costly = True
    asked = 0

    def current(self) -> str:
        self.asked += 1
        return "bearer 1"

    reread = current


def single_flight() -> Callable[[], object]:
    flight: SingleFlight[int] = SingleFlight("test")
    return lambda: flight.join(lambda: 7, wait=5.0, overdue=BackendTimeout("late"))


def blocking() -> Callable[[], object]:
    calls = Blocking(1, "test")
    return lambda: calls.call(lambda: 7, Terms.within(5.0))


def names() -> Callable[[], object]:
    service = NameService()
    return lambda: service.addresses("localhost", 80, 5.0)


def watchdog() -> Callable[[], object]:
    watching = Watchdog()

    def guarded() -> None:
        with watching.guard(Deadline(0.0, lambda: 1.0)) as guard:
            wait_until(lambda: guard.expired, what="the call is ended")

    return guarded


def credentials() -> Callable[[], object]:
    clock, source = Clock(), Costly()
    header = FreshHeader(source, clock)

    def asked_once_more() -> None:
        before = source.asked
        clock.now += 3600
        header.header()
        wait_until(lambda: source.asked > before, what="the credentials are read")

    return asked_once_more


NEEDS = [single_flight, blocking, names, watchdog, credentials]


@pytest.mark.parametrize("need", NEEDS, ids=lambda need: need.__name__)
def test_what_could_not_start_a_thread_starts_one_later(
    need: Callable[[], Callable[[], object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    work = need()

    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        for _ in range(2):
            with pytest.raises(RuntimeError, match="new thread"):
                work()

    work()
