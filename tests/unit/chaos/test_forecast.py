"""When faults come: seeded, apart within a lane, over before the end."""

from __future__ import annotations

import random
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from chaos.soak.forecast import Climate, Spell, Turn, forecast

KINDS = {"one": ["a", "b", "c"], "two": ["d", "e"]}
CLIMATE = Climate(spell=(2.0, 5.0), calm=(1.0, 3.0))

seeds = st.integers(min_value=0, max_value=10**6)


def turns(seed: int, seconds: float = 200.0) -> list[Turn]:
    chance = random.Random(seed)  # noqa: S311 - when a fault comes is no secret
    return forecast(chance, KINDS, CLIMATE, seconds)


def lane(seed: int, server: str) -> list[Spell]:
    return [turn.spell for turn in turns(seed) if turn.begins and turn.spell.server == server]


@given(seeds)
def test_a_seed_gives_the_same_faults_again(seed: int) -> None:
    assert turns(seed) == turns(seed)


def test_another_seed_gives_others() -> None:
    assert turns(1) != turns(2)


@given(seeds)
def test_faults_of_one_server_are_apart_by_some_calm(seed: int) -> None:
    for server in KINDS:
        spells = lane(seed, server)
        for spell, following in pairwise(spells):
            assert following.at >= spell.at + spell.seconds + CLIMATE.calm[0]


@given(seeds)
def test_every_fault_ends_after_it_began_and_before_the_run_does(seed: int) -> None:
    in_force: list[Spell] = []
    for turn in turns(seed):
        if turn.begins:
            in_force.append(turn.spell)
        else:
            in_force.remove(turn.spell)
        assert turn.at <= 200.0

    assert in_force == []


@given(seeds)
def test_every_kind_comes_before_one_comes_again(seed: int) -> None:
    for server, kinds in KINDS.items():
        first = [spell.kind for spell in lane(seed, server)][: len(kinds)]

        assert sorted(first) == kinds


def test_a_run_that_is_too_short_for_a_fault_has_none() -> None:
    assert turns(1, seconds=2.5) == []


def test_a_server_without_faults_has_none() -> None:
    chance = random.Random(1)  # noqa: S311 - as above

    assert forecast(chance, {"one": []}, CLIMATE, 100.0) == []
