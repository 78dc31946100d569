"""A scenario: a name, a sentence, its options, and a function from a World to a Result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bench.figures import Result
from bench.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options of a run. A scenario uses those that it needs and names them in its conditions.

    Attributes:
        definitions: how many there are; most scenarios give each two keys from a path of its own.
        minutes: how long a stretch is watched, or over which time changes are spread.
        period: seconds of the reconcile period, where sources are polled.
        changes: how many things are changed, where some are.
        outage: seconds for which the backend is away, where it is.
        repeats: how often a short thing is measured, or a round of daemon and floor.
        lease: seconds after which a standby may take a Lease that was not renewed.
        large: how many definitions have a large value, where some do.
        layout: how definitions lie in namespaces, where that can be chosen; a name of `bench.layouts`.

    """

    definitions: int = 1000
    minutes: float = 1.0
    period: float = 30.0
    changes: int = 100
    outage: float = 45.0
    repeats: int = 5
    lease: float = 15.0
    large: int = 200
    layout: str = "one"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One thing to measure. `run` gets fresh servers; it seeds them, starts what it needs and measures.

    `defaults` are its options where no others are given.
    """

    name: str
    summary: str
    run: Callable[[World, Options], Result]
    defaults: Options = Options()
