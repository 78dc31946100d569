"""Signs of life, and the threads that have been silent for too long."""

from __future__ import annotations

from secrets_manager.runtime.heartbeat import Heartbeats
from tests.builders import Clock


def test_a_thread_is_silent_once_its_limit_is_past() -> None:
    clock = Clock()
    beats = Heartbeats(clock)
    beat = beats.register("worker", limit=10)
    clock.now += 10
    assert beats.silent() == []
    assert beat.age() == 10
    clock.now += 0.1

    assert beats.silent() == ["worker"]


def test_a_thread_that_rests_is_silent_when_its_rest_and_its_limit_are_past() -> None:
    clock = Clock()
    beats = Heartbeats(clock)
    beats.register("watch", limit=10).rest(75)
    clock.now += 85
    assert beats.silent() == []
    clock.now += 0.1

    assert beats.silent() == ["watch"]


def test_a_beat_ends_the_silence() -> None:
    clock = Clock()
    beats = Heartbeats(clock)
    beat = beats.register("worker", limit=10)
    clock.now += 11
    beat.beat()

    assert beats.silent() == []


def test_the_silent_are_named_in_order() -> None:
    clock = Clock()
    beats = Heartbeats(clock)
    for name in ("c", "a", "b"):
        beats.register(name, limit=10)
    beats.register("patient", limit=60)
    clock.now += 11

    assert beats.silent() == ["a", "b", "c"]


def test_a_name_registered_again_is_the_new_threads() -> None:
    clock = Clock()
    beats = Heartbeats(clock)
    beats.register("worker", limit=10)
    clock.now += 11
    beats.register("worker", limit=10)

    assert beats.silent() == []
