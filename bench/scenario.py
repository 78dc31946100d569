"""What a scenario is: a name, a sentence, and a function from a World to a Result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bench.figures import Result
from bench.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a run was asked for. A scenario uses what it needs and says so in its conditions.

    Attributes:
        definitions: how many there are; each has two keys from a path of its own.
        minutes: how long a stretch is watched, where one is.
        period: seconds of the reconcile period, where sources are polled.

    """

    definitions: int = 1000
    minutes: float = 1.0
    period: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One thing to measure. `run` gets fresh servers; it seeds them, starts what it needs and measures."""

    name: str
    summary: str
    run: Callable[[World, Options], Result]
