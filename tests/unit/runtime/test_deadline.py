"""The watchdog ends a call from outside, whatever the server does."""

from __future__ import annotations

import socket
import threading

from secrets_manager.runtime.deadline import Watchdog, attach_current
from tests.testbed.waiting import wait_until


class Hand:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_blocked_read_ends_when_the_time_is_up() -> None:
    clock = Hand()
    ours, theirs = socket.socketpair()
    ends: list[tuple[bytes, bool]] = []

    def wait() -> None:
        with Watchdog(clock).guard(5) as guard:
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
    clock = Hand()
    watchdog = Watchdog(clock)
    ours, theirs = socket.socketpair()
    with ours, theirs, watchdog.guard(1) as early, watchdog.guard(100) as late:
        attach_current(ours)
        clock.now += 2
        wait_until(lambda: early.expired, what="the guard that is due expired")
        theirs.sendall(b"x")

        assert not late.expired
        assert ours.recv(1) == b"x"


def test_a_socket_that_is_opened_after_the_end_is_shut_at_once() -> None:
    clock = Hand()
    ours, theirs = socket.socketpair()
    with ours, theirs, Watchdog(clock).guard(1) as guard:
        clock.now += 1
        wait_until(lambda: guard.expired, what="the guard expired")
        attach_current(ours)

        assert ours.recv(1) == b""


def test_the_inner_of_two_guards_has_the_socket_and_the_outer_gets_its_turn_again() -> None:
    watchdog = Watchdog(Hand())
    ours, theirs = socket.socketpair()
    with ours, theirs, watchdog.guard(9) as outer:
        with watchdog.guard(9) as inner:
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
    clock = Hand()
    watchdog = Watchdog(clock)
    with watchdog.guard(1):
        pass
    with watchdog.guard(1) as second:
        clock.now += 1

        wait_until(lambda: second.expired, what="the second guard expired")


def test_it_tells_how_late_it_is_with_a_call() -> None:
    now = [100.0]
    watchdog = Watchdog(clock=lambda: now[0])
    watchdog._expire_due = lambda now: None  # type: ignore[method-assign]
    assert watchdog.overdue() == 0
    with watchdog.guard(5):
        assert watchdog.overdue() == 0
        now[0] += 12
        assert watchdog.overdue() == 7

    assert watchdog.overdue() == 0
