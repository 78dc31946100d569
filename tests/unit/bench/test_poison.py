"""Estates with sick definitions: who is sick, of what, and what the backend holds for them."""

from __future__ import annotations

from collections import Counter

import pytest

from bench.plans import Wish
from bench.poison import POISONS, TOO_LARGE, Poison, Undoing, beside, healthy_only, mixed, poison_of
from secrets_manager.domain import errors


def test_one_in_so_many_is_sick_and_they_lie_evenly_among_the_healthy() -> None:
    estate = mixed(["a"], 40, sick_every=10)

    assert [each.wish.name for each in estate.sick] == ["app-00009", "app-00019", "app-00029", "app-00039"]
    assert len(estate.healthy.wishes) == 36
    assert [wish.name for wish in estate.wishes] == [f"app-{number:05d}" for number in range(40)]


def test_all_can_be_sick_and_none() -> None:
    ill, well = mixed(["a"], 5, sick_every=1), healthy_only(["a"], 5)

    assert (len(ill.sick), len(ill.healthy.wishes), ill.namespaces) == (5, 0, ["a"])
    assert (len(well.sick), len(well.healthy.wishes), well.namespaces) == (0, 5, ["a"])


def test_definitions_are_dealt_out_to_the_namespaces() -> None:
    estate = healthy_only(["a", "b", "c"], 6)

    assert Counter(wish.namespace for wish in estate.wishes) == {"a": 2, "b": 2, "c": 2}


def test_two_estates_beside_each_other_keep_what_they_had() -> None:
    ill, well = mixed(["ill"], 3, sick_every=1), healthy_only(["well"], 2)

    both = beside(ill, well)

    assert both.sick == ill.sick
    assert both.healthy.values == well.healthy.values
    assert both.namespaces == ["ill", "well"]


def test_each_poison_has_its_turn_and_few_are_too_large() -> None:
    counts = Counter(poison_of(turn).reason for turn in range(900))

    assert counts[TOO_LARGE.reason] == 9
    assert all(98 <= counts[poison.reason] <= 100 for poison in POISONS)


@pytest.mark.parametrize("poison", [*POISONS, TOO_LARGE], ids=lambda poison: poison.reason)
def test_each_poison_is_told_by_a_reason_of_the_program_that_a_person_must_act_on(poison: Poison) -> None:
    assert issubclass(getattr(errors, poison.reason), errors.PermanentError)


def test_the_backend_holds_what_a_poison_needs_and_nothing_where_it_needs_none() -> None:
    estate = mixed(["a"], 10, sick_every=1)
    by_reason = {each.poison.reason: each.wish for each in estate.sick}

    assert estate.stored[by_reason["KeyNotFound"].path] == {"other": "x"}
    assert estate.undone(Undoing.DELETED) == [by_reason["SourceDeleted"].path]
    assert estate.undone(Undoing.DESTROYED) == [by_reason["SourceDestroyed"].path]
    unwritten = {by_reason[reason].path for reason in ("SourceNotFound", "PermissionDenied", "InvalidPath")}
    assert not unwritten & estate.stored.keys()


def test_all_who_are_too_large_share_one_path_of_which_two_are_more_than_a_secret_holds() -> None:
    large = [each.wish for each in mixed(["a"], 400, sick_every=1).sick if each.poison is TOO_LARGE]

    assert len({wish.path for wish in large}) == 1 < len(large)
    assert all(_bytes(wish) > 1024 * 1024 for wish in large)


def _bytes(wish: Wish) -> int:
    stored = TOO_LARGE.stored or {}
    return sum(len(str(stored[source.key])) for source in wish.keys.values())


def test_nothing_stored_shows_in_what_is_printed() -> None:
    assert "xxx" not in repr(TOO_LARGE)
