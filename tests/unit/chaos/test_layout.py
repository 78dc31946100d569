"""Which definitions a soak has."""

from __future__ import annotations

from collections import Counter

import pytest

from chaos.soak.estate import differences
from chaos.soak.layout import POISONS, Plot, Sort, layout, manifest, paths, wanted


def test_a_tenth_is_poisoned_in_every_way_and_two_tenths_share_paths() -> None:
    plots = layout(300)

    sorts = Counter(plot.sort for plot in plots)
    assert len(plots) == len({plot.name for plot in plots}) == 300
    assert sorts[Sort.HEALTHY] == 270
    assert all(sorts[poison] == 5 for poison in POISONS)
    assert len(paths(plots)) == 210 + 6


def test_a_few_definitions_are_possible() -> None:
    assert [plot.sort for plot in layout(3)] == [Sort.HEALTHY] * 3


def test_healthy_secrets_hold_what_their_paths_hold() -> None:
    healthy, sick = Plot(name="a", path="a"), Plot(name="b", path="a", sort=Sort.NO_KEY)

    assert wanted([healthy, sick], {"one": "1"}) == {"a": {"one": "1"}}


@pytest.mark.parametrize("sort", POISONS)
def test_each_poison_shows_in_the_definition_but_a_foreign_secret(sort: Sort) -> None:
    healthy = manifest(Plot(name="a", path="p"), "x")
    poisoned = manifest(Plot(name="a", path="p", sort=sort), "x")

    assert (healthy == poisoned) == (sort is Sort.FOREIGN)


def test_a_definition_can_be_spoilt_by_a_key() -> None:
    spoilt = manifest(Plot(name="a", path="p"), "x", key="none")

    assert spoilt["spec"]["keysMap"]["one"] == {"path": "secret/data/x/p", "key": "none"}
    assert spoilt["spec"]["keysMap"]["two"]["key"] == "two"


def test_secrets_that_are_missing_wrong_or_too_many_are_named_without_their_values() -> None:
    found = {"a": {"k": "1"}, "b": {"k": "value"}, "d": {"k": "1"}}

    told = differences(found, {"a": {"k": "1"}, "b": {"k": "2"}, "c": {"k": "3"}})

    assert told == ["b: not what its definition says", "c: missing", "d: should not be there"]
