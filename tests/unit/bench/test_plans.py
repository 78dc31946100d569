"""The shapes of the estates that are measured."""

from __future__ import annotations

from bench.plans import large, many_keyed, one_path_each, shared


def test_one_path_each_gives_every_definition_a_path_of_two_keys() -> None:
    plan = one_path_each(["a", "b"], 3)

    assert plan.namespaces == ["a", "b"]
    assert len(plan.wishes) == len(plan.values) == 6
    assert len({wish.path for wish in plan.wishes}) == 6
    assert all(set(plan.data(wish)) == {"username", "password"} for wish in plan.wishes)


def test_shared_definitions_have_each_key_from_another_path_and_use_them_all() -> None:
    plan = shared("a", definitions=20, paths=5, keys=3)

    assert len(plan.values) == 5
    for wish in plan.wishes:
        assert len({source.path for source in wish.keys.values()}) == len(wish.keys) == 3
    assert {source.path for wish in plan.wishes for source in wish.keys.values()} == set(plan.values)


def test_many_keyed_definitions_have_all_keys_from_one_path() -> None:
    plan = many_keyed("a", definitions=2, keys=50)

    assert all(len(plan.data(wish)) == 50 for wish in plan.wishes)
    assert len(plan.values) == 2


def test_large_values_have_the_size_asked_for_and_no_two_are_alike() -> None:
    plan = large("a", definitions=3, kib=2)

    blobs = [plan.data(wish)["blob"] for wish in plan.wishes]
    assert [len(blob) for blob in blobs] == [2048] * 3
    assert len(set(blobs)) == 3


def test_some_are_the_same_each_time_and_never_more_than_there_are() -> None:
    plan = one_path_each(["a"], 10)

    assert plan.some(4) == plan.some(4)
    assert len({wish.name for wish in plan.some(4)}) == 4
    assert len(plan.some(11)) == 10


def test_a_change_leaves_the_other_values_as_they_are() -> None:
    plan = one_path_each(["a"], 2)
    first, second = plan.wishes

    changed = plan.changed({first.path: {"username": "u", "password": "p"}})

    assert changed.data(first) == {"username": "u", "password": "p"}
    assert changed.data(second) == plan.data(second)
