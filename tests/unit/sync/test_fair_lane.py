"""Turns that go round: who has queued little never waits behind all that others have queued."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from secrets_manager.sync.fair_lane import FairLane

KEYS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9)), unique=True)


def lane_of(*keys: tuple[str, int]) -> FairLane[tuple[str, int]]:
    """Keys grouped by their letter; each has waited since its place in the order."""
    lane = FairLane[tuple[str, int]](lambda key: key[0])
    for since, key in enumerate(keys):
        lane.add(key, float(since))
    return lane


def drained(lane: FairLane[tuple[str, int]]) -> list[tuple[str, int]]:
    taken = []
    while lane:
        taken.append(lane.take()[0])
    return taken


def test_turns_go_round_the_groups_and_within_one_the_first_comes_first() -> None:
    lane = lane_of(("a", 1), ("a", 2), ("a", 3), ("b", 1), ("c", 1), ("c", 2))

    assert drained(lane) == [("a", 1), ("b", 1), ("c", 1), ("a", 2), ("c", 2), ("a", 3)]


def test_a_group_that_comes_late_waits_for_one_turn_of_each_other() -> None:
    lane = lane_of(*(("a", number) for number in range(100)), *(("b", number) for number in range(100)))
    lane.take()
    lane.add(("c", 1), 0.0)

    assert [lane.take()[0] for _ in range(3)] == [("b", 0), ("a", 1), ("c", 1)]


def test_a_key_tells_since_when_it_waited_however_it_leaves() -> None:
    lane = lane_of(("a", 1), ("a", 2), ("b", 1))

    assert lane.oldest() == 0.0
    assert lane.remove(("a", 1)) == 0.0
    assert lane.take() == (("a", 2), 1.0)
    assert lane.oldest() == 2.0


@given(keys=KEYS, removed=st.sets(st.integers(0, 29)))
def test_each_key_that_was_not_removed_comes_once_in_the_order_told(
    keys: list[tuple[str, int]], removed: set[int]
) -> None:
    lane = lane_of(*keys)
    gone = [key for place, key in enumerate(keys) if place in removed]
    for key in gone:
        lane.remove(key)
    left = [key for key in keys if key not in gone]

    assert len(lane) == len(left)
    assert all((key in lane) == (key in left) for key in keys)
    told = list(lane)
    assert drained(lane) == told
    assert sorted(told) == sorted(left)
