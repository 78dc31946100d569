"""Start-up: one definition, one value, and a daemon that was not there a moment ago.

Measured from the start of the process, interpreter and imports included, to when the benchmark's own watch
shows the Secret.
"""

from __future__ import annotations

from collections.abc import Sequence

from bench.corpus import check_secrets
from bench.figures import Figure, Result, percentile
from bench.plans import one_path_each
from bench.scenario import Options, Scenario
from bench.world import World

_PATIENCE_SECONDS = 60.0


def run(world: World, options: Options) -> Result:
    """Start the daemon several times, each time with one more definition that has no Secret."""
    starts = [_start(world, f"start-{number}", options.period) for number in range(options.repeats)]
    return Result(scenario=SCENARIO.name, conditions={"starts": options.repeats}, figures=figures(starts))


def _start(world: World, namespace: str, period: float) -> float:
    """Seconds; the daemon sees only this one namespace."""
    plan = world.seed(one_path_each([namespace], 1)).plan
    (wish,) = plan.wishes
    with world.watch() as watch:
        expectation = watch.expect(wish, plan.data(wish))
        with world.daemon(period, flags=(f"-watch-namespaces={namespace}",)):
            (seconds,) = watch.wait([expectation], _PATIENCE_SECONDS)
    check_secrets(plan, world.bed.cluster.api)
    return seconds


def figures(starts: Sequence[float]) -> Sequence[Figure]:
    """The figures of several starts; pure."""
    return (
        Figure(name="start to Secret, median", value=percentile(starts, 50), unit="s"),
        Figure(name="start to Secret, least", value=min(starts), unit="s"),
        Figure(name="start to Secret, most", value=max(starts), unit="s"),
    )


SCENARIO = Scenario(name="startup", summary="process start to first Secret", run=run)
