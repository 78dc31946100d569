"""Who has not moved for too long."""

from __future__ import annotations

from secrets_manager.runtime.heartbeat import Heartbeats


class Hand:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_thread_that_beats_is_not_silent() -> None:
    clock = Hand()
    beats = Heartbeats(clock)
    worker = beats.register("worker", limit=10)
    for _ in range(5):
        clock.now += 10
        worker.beat()

    assert beats.silent() == []
    assert worker.age() == 0


def test_threads_that_have_not_beaten_within_their_limit_are_named() -> None:
    clock = Hand()
    beats = Heartbeats(clock)
    for name, limit in (("watch", 20.0), ("worker", 5.0), ("lease", 5.0)):
        beats.register(name, limit=limit)
    clock.now += 5.5

    assert beats.silent() == ["lease", "worker"]


def test_a_thread_that_ended_in_good_order_is_not_missed() -> None:
    clock = Hand()
    beats = Heartbeats(clock)
    beats.register("worker", limit=5)
    beats.forget("worker")
    beats.forget("never-registered")
    clock.now += 60

    assert beats.silent() == []
