"""Which fault comes when, and for how long: drawn from a seed, so that a run can be repeated. Pure.

Each server has a lane of its own; faults of two lanes may overlap, those of one lane never do. Knows nothing
of what the faults are.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Climate:
    """How long faults and the calm between them last, least and most, in seconds."""

    spell: tuple[float, float] = (4.0, 20.0)
    calm: tuple[float, float] = (3.0, 12.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spell:
    """One fault of one server, from `at` for so many seconds; `at` counts from the begin of the run."""

    server: str
    kind: str
    at: float
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A spell begins or ends."""

    at: float
    begins: bool
    spell: Spell


def forecast(
    rng: random.Random, kinds: Mapping[str, Sequence[str]], climate: Climate, seconds: float
) -> list[Turn]:
    """All turns of a run of so many seconds, in their order; every spell has ended by then.

    Each lane goes through all its kinds before one comes again.
    """
    spells = [spell for server in kinds for spell in _lane(rng, server, kinds[server], climate, seconds)]
    begins = [Turn(at=spell.at, begins=True, spell=spell) for spell in spells]
    ends = [Turn(at=spell.at + spell.seconds, begins=False, spell=spell) for spell in spells]
    return sorted([*begins, *ends], key=lambda turn: turn.at)


def _lane(
    rng: random.Random, server: str, kinds: Sequence[str], climate: Climate, seconds: float
) -> Iterator[Spell]:
    at = 0.0
    for kind in _deck(rng, kinds):
        at += rng.uniform(*climate.calm)
        lasts = rng.uniform(*climate.spell)
        if at + lasts > seconds:
            return
        yield Spell(server=server, kind=kind, at=at, seconds=lasts)
        at += lasts


def _deck(rng: random.Random, kinds: Sequence[str]) -> Iterator[str]:
    while kinds:
        yield from rng.sample(kinds, len(kinds))
