"""The watchdog ends a call from outside, whatever the server does."""

from __future__ import annotations

import math
import socket
import threading
from typing import cast

import pytest
import urllib3

from secrets_manager.runtime.deadline import Guard, Watchdog, attach_current
from secrets_manager.runtime.http.client import HttpClient
from secrets_manager.runtime.http.messages import Request
from secrets_manager.runtime.terms import Deadline
from tests.builders import Clock
from tests.testbed.waiting import wait_until
from tests.unit.runtime.loopback import Loopback, each_request


def test_a_blocked_read_ends_when_the_time_is_up() -> None:
    clock = Clock()
    ours, theirs = socket.socketpair()
    ends: list[tuple[bytes, bool]] = []

    def wait() -> None:
        with Watchdog().guard(Deadline.within(5, clock)) as guard:
            attach_current(ours)
            reading.set()
            ends.append((ours.recv(1), guard.expired))

    reading = threading.Event()
    with ours, theirs:
        thread = threading.Thread(target=wait)
        thread.start()
        assert reading.wait(5)
        clock.now += 5
        thread.join(5)
    assert ends == [(b"", True)]


def test_nothing_is_ended_before_its_time() -> None:
    clock = Clock()
    watchdog = Watchdog()
    ours, theirs = socket.socketpair()
    with (
        ours,
        theirs,
        watchdog.guard(Deadline.within(1, clock)) as early,
        watchdog.guard(Deadline.within(100, clock)) as late,
    ):
        attach_current(ours)
        clock.now += 2
        wait_until(lambda: early.expired, what="the guard that is due expired")
        theirs.sendall(b"x")

        assert not late.expired
        assert ours.recv(1) == b"x"


def test_a_socket_that_is_opened_after_the_end_is_shut_at_once() -> None:
    clock = Clock()
    ours, theirs = socket.socketpair()
    with ours, theirs, Watchdog().guard(Deadline.within(1, clock)) as guard:
        clock.now += 1
        wait_until(lambda: guard.expired, what="the guard expired")
        attach_current(ours)

        assert ours.recv(1) == b""


def test_the_inner_of_two_guards_has_the_socket_and_the_outer_gets_its_turn_again() -> None:
    watchdog = Watchdog()
    ours, theirs = socket.socketpair()
    with ours, theirs, watchdog.guard(Deadline.within(9)) as outer:
        with watchdog.guard(Deadline.within(9)) as inner:
            attach_current(ours)
        inner.attach(None)
        attach_current(ours)
        outer.expire()

        assert ours.recv(1) == b""


def test_a_call_without_a_guard_may_attach_and_nothing_happens() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        attach_current(ours)
        theirs.sendall(b"x")

        assert ours.recv(1) == b"x"


def test_a_watchdog_that_rested_wakes_for_the_next_call() -> None:
    clock = Clock()
    watchdog = Watchdog()
    with watchdog.guard(Deadline.within(1, clock)):
        pass
    with watchdog.guard(Deadline.within(1, clock)) as second:
        clock.now += 1

        wait_until(lambda: second.expired, what="the second guard expired")


def test_the_watchdog_reports_how_overdue_a_call_is() -> None:
    now = [100.0]
    watchdog = Watchdog()
    watchdog._expire_due = lambda: None  # type: ignore[method-assign]
    assert watchdog.overdue() == 0
    with watchdog.guard(Deadline.within(5, lambda: now[0])):
        assert watchdog.overdue() == 0
        now[0] += 12
        assert watchdog.overdue() == 7

    assert watchdog.overdue() == 0


def test_a_call_that_goes_on_after_it_was_ended_is_overdue_too() -> None:
    clock = Clock()
    watchdog = Watchdog()
    with watchdog.guard(Deadline.within(5, clock)) as guard:
        clock.now += 12
        wait_until(lambda: guard.expired, what="the guard expired")

        assert watchdog.overdue() == 7
    assert watchdog.overdue() == 0


@pytest.mark.parametrize("error", [MemoryError, RuntimeError("Set changed size during iteration")])
def test_a_watchdog_that_fails_once_ends_the_call_at_its_next_turn(
    monkeypatch: pytest.MonkeyPatch, error: Exception | type[Exception]
) -> None:
    clock, failed = Clock(), threading.Event()
    watchdog = Watchdog()
    healthy = watchdog._running

    def fail_once() -> tuple[Guard, ...]:
        if failed.is_set():
            return healthy()
        failed.set()
        raise error

    monkeypatch.setattr(watchdog, "_running", fail_once)
    with watchdog.guard(Deadline.within(5, clock)) as guard:
        assert failed.wait(20)
        clock.now += 5

        wait_until(lambda: guard.expired, what="the guard expired")


def test_a_watchdog_that_has_died_is_overdue_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    watchdog = Watchdog()

    def die() -> None:
        raise SystemExit

    monkeypatch.setattr(watchdog, "_expire_due", die)
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    with watchdog.guard(Deadline.within(60)):
        pass

    wait_until(lambda: watchdog.overdue() == math.inf, what="its death to be known")


def test_the_end_of_a_call_that_is_over_does_nothing_to_its_socket() -> None:
    """The watchdog has a copy of the running calls, and one of them may end before its turn comes."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        with Watchdog().guard(Deadline.within(60)) as guard:
            attach_current(ours)
        guard.expire()
        guard.attach(ours)
        theirs.sendall(b"next")

        assert (ours.recv(4), guard.expired) == (b"next", False)


def test_releasing_a_socket_waits_until_the_watchdog_has_shut_it() -> None:
    """Else it would be shut in the hands of the next call."""
    order: list[str] = []
    shutting, go_on = threading.Event(), threading.Event()

    class Slow:
        """TLS within TLS, whose socket takes a while to be found."""

        @property
        def socket(self) -> None:
            shutting.set()
            go_on.wait(10)
            order.append("shut")

    guard = Guard(Deadline(0.0))
    guard.attach(cast("socket.socket", Slow()))

    def let_go() -> None:
        guard.attach(None)
        order.append("let go")

    ending = threading.Thread(target=guard.expire)
    ending.start()
    assert shutting.wait(10)
    letting_go = threading.Thread(target=let_go)
    letting_go.start()
    letting_go.join(0.2)
    go_on.set()
    ending.join(10)
    letting_go.join(10)

    assert order == ["shut", "let go"]


def test_a_wrapper_of_a_socket_is_shut_too() -> None:
    ours, theirs = socket.socketpair()

    class Wrapper:
        socket = ours

    with ours, theirs:
        guard = Guard(Deadline(0.0))
        guard.attach(cast("socket.socket", Wrapper()))
        guard.expire()

        assert theirs.recv(1) == b""


def test_a_connection_that_was_given_back_is_out_of_reach_of_the_call_before() -> None:
    watchdog = Watchdog()
    with Loopback(each_request(lambda c, r: c.reply(200, r.target.encode()))) as server:
        client = HttpClient(urllib3.PoolManager(), watchdog)
        with watchdog.guard(Deadline.within(60)) as first:
            request = Request(method="GET", url=f"{server.url}/1", deadline=Deadline.within(60))
            origin, head = client._addressed(request)
            origin.pool.call(request, head, 1000)
            # Its time ends between the last byte and its return; another call could have the connection now.
            first.expire()
        second = client.call(Request(method="POST", url=f"{server.url}/2", deadline=Deadline.within(60)))

        assert (second.body, server.connections) == (b"/2", 1)
