"""Namespaces take turns: a flood of one costs the others nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secrets_manager.cluster.write.event_lane import EventLane, EventRate


def lane(*, rate: float = 1.0, burst: int = 3, capacity: int = 10, longest: float = 60.0) -> EventLane[str]:
    return EventLane(pace=EventRate(rate=rate, burst=burst), capacity=capacity, longest=longest, now=0.0)


def taken(turns: EventLane[str], now: float, *, unpaced: bool = False) -> list[str]:
    found = []
    while (item := turns.take(now, unpaced=unpaced)) is not None:
        found.append(item)
    return found


def test_events_of_one_namespace_beyond_its_rate_are_dropped_and_those_of_another_are_posted() -> None:
    turns = lane()
    for number in range(100):
        turns.put("loud", f"loud-{number}", 0.0)
    turns.put("quiet", "quiet", 0.0)

    assert taken(turns, 0.0) == ["loud-0", "quiet", "loud-1"]
    assert turns.dropped == 97
    assert taken(turns, 1.0) == ["loud-2"]


def test_a_quiet_namespace_is_next_whatever_waits() -> None:
    turns = lane(burst=3)
    for namespace in ("a", "b", "c"):
        for number in range(3):
            turns.put(namespace, f"{namespace}{number}", 0.0)
    assert taken(turns, 0.0) == ["a0", "b0", "c0"]
    turns.put("quiet", "quiet", 0.0)

    assert taken(turns, 4.0) == ["a1", "b1", "c1"]
    assert taken(turns, 5.0) == ["quiet"]


def test_when_too_many_events_wait_the_namespace_with_most_of_them_loses_one() -> None:
    turns = lane(capacity=3)
    for name in ("loud-0", "loud-1", "loud-2"):
        turns.put("loud", name, 0.0)
    turns.put("quiet", "quiet", 0.0)

    assert taken(turns, 0.0, unpaced=True) == ["loud-0", "quiet", "loud-1"]
    assert turns.dropped == 1


def test_when_each_waiting_event_is_of_another_namespace_the_newest_is_dropped() -> None:
    turns = lane(capacity=2)
    for namespace in "abc":
        turns.put(namespace, namespace, 0.0)

    assert taken(turns, 0.0, unpaced=True) == ["a", "b"]
    assert turns.dropped == 1


def test_an_event_that_waited_too_long_is_dropped_and_counted() -> None:
    turns = lane(burst=1, longest=60.0)
    for namespace in "abc":
        turns.put(namespace, namespace, 0.0)

    assert taken(turns, 0.0) == ["a"]
    assert turns.next_in(0.0) == pytest.approx(1.0)
    assert taken(turns, 61.0) == []
    assert (turns.dropped, len(turns), turns.next_in(61.0)) == (2, 0, None)


def test_the_bucket_of_a_namespace_is_forgotten_after_a_thousand_others() -> None:
    turns = lane(burst=1, capacity=10_000)
    turns.put("first", "one", 0.0)
    turns.put("first", "two", 0.0)
    assert turns.dropped == 1
    for number in range(1000):
        turns.put(f"other-{number}", "x", 0.0)
    turns.put("first", "three", 0.0)

    assert turns.dropped == 1
    assert len(turns._buckets) == 1000


STEPS = st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 5)), max_size=80)


@given(STEPS)
def test_each_thing_is_taken_once_waits_or_is_counted_as_dropped(steps: list[tuple[str, float]]) -> None:
    turns = lane(capacity=5, longest=10.0)
    now, got = 0.0, 0
    for namespace, pause in steps:
        now += pause
        turns.put(namespace, namespace, now)
        got += turns.take(now) is not None
        assert len(turns) <= 5

    assert got + len(turns) + turns.dropped == len(steps)
