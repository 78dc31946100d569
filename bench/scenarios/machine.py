"""Machine: what the three calls of a cold start take here, each alone, by a bare loop and without the daemon.

Seconds of two machines can be compared when both have taken this. It also shows the parts of a cold start.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench.baseline import LoopTime, measure_alone
from bench.figures import Figure, Result, percentile
from bench.plans import one_path_each
from bench.scenario import Options, Scenario
from bench.world import World

_NAMES = {"read": "reads", "create": "Secrets", "status": "statuses"}


def run(world: World, options: Options) -> Result:
    """Measure each kind of call several times, on definitions of its own."""
    rounds = [
        measure_alone(world, one_path_each([f"machine-{number}"], options.definitions))
        for number in range(options.repeats)
    ]
    return Result(
        scenario=SCENARIO.name,
        conditions={"definitions": options.definitions, "rounds": options.repeats},
        figures=figures(rounds),
    )


def figures(rounds: Sequence[Mapping[str, LoopTime]]) -> Sequence[Figure]:
    """The medians of each kind of call; pure."""
    return [
        figure
        for step, name in _NAMES.items()
        for figure in (
            Figure(name=name, value=percentile([each[step].seconds for each in rounds], 50), unit="s"),
            Figure(name=f"{name}: CPU", value=percentile([each[step].cpu for each in rounds], 50), unit="s"),
        )
    ]


SCENARIO = Scenario(name="machine", summary="reads, Secrets and statuses alone, without the daemon", run=run)
