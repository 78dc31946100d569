"""When faults come: seeded, apart within a lane, over before the end."""

from __future__ import annotations

import random
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from chaos.soak.forecast import Climate, Turn, forecast

KINDS = {"one": ["a", "b", "c"], "two": ["d", "e"], "none": []}
CLIMATE = Climate(spell=(2.0, 5.0), calm=(1.0, 3.0))


def turns(seed: int, seconds: float = 200.0) -> list[Turn]:
    rng = random.Random(seed)  # noqa: S311 - when a fault comes is no secret
    return forecast(rng, KINDS, CLIMATE, seconds)


@given(st.integers(min_value=0, max_value=10**6))
def test_a_seed_gives_the_same_faults_again_which_are_apart_of_every_kind_and_over_in_time(seed: int) -> None:
    made = turns(seed)
    assert made == turns(seed) != turns(seed + 1)
    assert turns(seed, seconds=2.5) == []
    begun = [turn.spell for turn in made if turn.begins]
    assert sorted(map(repr, begun)) == sorted(repr(turn.spell) for turn in made if not turn.begins)
    assert max(turn.at for turn in made) <= 200.0
    for server, kinds in KINDS.items():
        lane = [spell for spell in begun if spell.server == server]
        assert sorted(spell.kind for spell in lane[: len(kinds)]) == kinds
        for spell, following in pairwise(lane):
            assert following.at >= spell.at + spell.seconds + CLIMATE.calm[0]
