"""Turns go round: a namespace that queued little does not wait behind all that others queued."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from secrets_manager.sync.queue.fair_lane import DueLane, FairLane

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


def test_a_key_that_leaves_a_lane_reports_since_when_it_waited() -> None:
    lane = lane_of(("a", 1), ("a", 2), ("b", 1))

    assert lane.oldest() == 0.0
    assert lane.remove(("a", 1)) == 0.0
    assert lane.take() == (("a", 2), 1.0)
    assert lane.oldest() == 2.0


@given(keys=KEYS, removed=st.sets(st.integers(0, 29)))
def test_iteration_and_takes_give_each_key_once_in_the_same_order(
    keys: list[tuple[str, int]], removed: set[int]
) -> None:
    lane = lane_of(*keys)
    gone = [key for place, key in enumerate(keys) if place in removed]
    for key in gone:
        lane.remove(key)
    left = [key for key in keys if key not in gone]

    assert len(list(lane)) == len(left)
    assert all((key in lane) == (key in left) for key in keys)
    told = list(lane)
    assert drained(lane) == told
    assert sorted(told) == sorted(left)


def test_groups_that_owe_nothing_come_first_and_then_groups_that_owe_least() -> None:
    lane = lane_of(("a", 1), ("b", 1), ("c", 1), ("d", 1))
    owed = {"a": 3.0, "b": 1.0, "c": 0.0, "d": 0.0}

    assert [lane.take(lambda group: owed.get(str(group)))[0][0] for _ in range(4)] == ["c", "d", "b", "a"]


def test_a_group_that_must_have_no_turn_has_none() -> None:
    lane = lane_of(("a", 1), ("a", 2), ("b", 1))
    owed = {"b": 0.0}
    assert lane.take(lambda group: owed.get(str(group)))[0] == ("b", 1)

    assert not lane.has_turn(lambda group: str(group) in owed)
    assert lane.has_turn(lambda group: group == "a")
    assert len(list(lane)) == 2


def test_the_next_key_of_each_group_can_be_seen_without_taking_it() -> None:
    lane = lane_of(("a", 1), ("a", 2), ("b", 1))

    assert list(lane.heads()) == [(("a", 1), 0.0), (("b", 1), 2.0)]


def test_where_keys_come_as_they_are_due_only_groups_without_a_turn_are_left_out() -> None:
    lane = DueLane[tuple[str, int]](lambda key: key[0])
    for since, key in enumerate([("a", 0), ("a", 1), ("b", 0), ("a", 2), ("c", 0)]):
        lane.add(key, float(since))
    assert list(lane) == [("a", 0), ("a", 1), ("b", 0), ("a", 2), ("c", 0)]

    def owed(group: object) -> float | None:
        return None if group == "a" else 3.0

    assert lane.take() == (("a", 0), 0.0)
    assert [lane.take(owed), lane.take(owed)] == [(("b", 0), 2.0), (("c", 0), 4.0)]
    assert not lane.has_turn(lambda group: group != "a")
    assert [lane.take(), lane.take()] == [(("a", 1), 1.0), (("a", 2), 3.0)]
    assert not lane
