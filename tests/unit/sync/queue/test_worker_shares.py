"""Turns by the time that each group has used of the workers."""

from __future__ import annotations

import pytest

from secrets_manager.sync.queue.worker_shares import WorkerShares


def test_a_group_that_used_nothing_owes_nothing() -> None:
    assert WorkerShares(16).owed("a", 10.0) == 0.0


def test_time_that_a_group_used_is_owed_until_as_much_time_has_passed() -> None:
    shares = WorkerShares(16)
    shares.begin("a")
    shares.end("a", 2.0, now=10.0)

    assert shares.owed("a", 10.0) == 2.0
    assert shares.owed("a", 11.5) == 0.5
    assert shares.owed("a", 13.0) == 0.0
    assert shares.owed("b", 10.0) == 0.0


def test_no_group_owes_more_than_a_few_seconds() -> None:
    shares = WorkerShares(16)
    for _ in range(100):
        shares.begin("a")
        shares.end("a", 60.0, now=10.0)

    assert shares.owed("a", 10.0) == 5.0


@pytest.mark.parametrize(("workers", "most"), [(1, 1), (2, 1), (3, 1), (4, 2), (16, 8)])
def test_a_group_has_half_of_the_workers_at_most_and_always_one(workers: int, most: int) -> None:
    shares = WorkerShares(workers)
    for _ in range(most):
        assert shares.owed("a", 10.0) is not None
        shares.begin("a")

    assert shares.owed("a", 10.0) is None
    assert shares.owed("b", 10.0) == 0.0
    assert shares.end("a", 0.1, now=10.0)
    assert shares.owed("a", 10.0) is not None


def workers_for(shares: WorkerShares, group: str) -> int:
    """How many more workers a group may have."""
    more = 0
    while shares.has_room(group):
        shares.begin(group)
        more += 1
    return more


@pytest.mark.parametrize(
    ("workers", "half", "most"), [(1, 1, 1), (2, 1, 1), (4, 2, 2), (6, 3, 4), (16, 8, 14)]
)
def test_a_group_whose_work_is_over_in_a_moment_has_all_workers_but_two(
    workers: int, half: int, most: int
) -> None:
    shares = WorkerShares(workers)
    at_work = workers_for(shares, "a")
    assert at_work == half
    for number in range(100):
        shares.end("a", 0.01, now=float(number))
        at_work += workers_for(shares, "a") - 1
        assert at_work == min(most, half + number + 1)
    assert shares.owed("b", 100.0) == 0.0


def test_a_group_has_half_of_the_workers_again_once_something_took_long() -> None:
    shares = WorkerShares(16)
    workers_for(shares, "a")
    for _ in range(20):
        shares.end("a", 0.01, now=10.0)
        workers_for(shares, "a")
    shares.end("a", 0.5, now=10.0)
    assert shares.owed("a", 10.0) is None
    for _ in range(6):
        assert not shares.has_room("a")
        shares.end("a", 0.5, now=10.0)

    assert workers_for(shares, "a") == 1


def test_a_group_without_a_worker_loses_its_extra_workers() -> None:
    shares = WorkerShares(16)
    for _ in range(100):
        shares.begin("a")
        shares.end("a", 0.01, now=10.0)

    assert workers_for(shares, "a") == 8


@pytest.mark.parametrize("group", [None, ""])
def test_keys_of_no_group_may_have_all_workers_and_owe_nothing(group: str | None) -> None:
    shares = WorkerShares(2)
    for _ in range(10):
        shares.begin(group)
    shares.end(group, 60.0, now=10.0)

    assert shares.owed(group, 10.0) == 0.0


def test_groups_that_owe_nothing_any_more_are_forgotten() -> None:
    shares = WorkerShares(16)
    for number in range(1000):
        shares.begin(f"{number}")
        shares.end(f"{number}", 0.01, now=float(number))

    assert len(shares._paid_at) <= 3


def test_groups_that_have_to_share_have_half_of_the_workers_together_while_they_are_slow() -> None:
    shares = WorkerShares(8, has_to_share=lambda group: group != "free")
    for group in ("a", "b", "free"):
        shares.begin(group)
        shares.end(group, 1.5, 100.0)
    for group in ("a", "a", "b", "b"):
        assert shares.has_room(group)
        shares.begin(group)

    assert not shares.has_room("a")
    assert not shares.has_room("b")
    assert shares.has_room("quick")
    assert shares.has_room("free")


def test_one_piece_of_work_that_is_not_long_ends_the_sharing() -> None:
    shares = WorkerShares(2, has_to_share=lambda _: True)
    for group in ("a", "b"):
        shares.begin(group)
        shares.end(group, 1.5, 100.0)
    shares.begin("a")
    assert not shares.has_room("b")
    shares.end("a", 0.9, 101.0)
    shares.begin("a")

    assert shares.has_room("b")
