"""New object: definitions are made one by one while many others are polled all the time.

A definition counts from before it is made to when the benchmark's own watch shows its Secret.
"""

from __future__ import annotations

from bench.audit import by_kind, by_operation
from bench.corpus import check_secrets
from bench.figures import Figure, Result, latency_figures
from bench.meter import Meter
from bench.pace import paced
from bench.plans import MOUNT, one_path_each
from bench.scenario import Options, Scenario
from bench.world import World, wait_settled

_PATIENCE_SECONDS = 120.0


def run(world: World, options: Options) -> Result:
    """Bring the old ones in step, then make the new ones, whose values are in the backend already."""
    world.seed(one_path_each(["old"], options.definitions))
    new = one_path_each(["new"], options.changes)
    world.prepare(new)
    expectations = []
    with world.watch() as watch, world.daemon_in_step(options.period, options.definitions) as process:
        meter = Meter(world.traffic(), process.pid)
        for wish in paced(new.wishes, count=len(new.wishes), seconds=options.minutes * 60):
            expectations.append(watch.expect(wish, new.data(wish)))
            world.define(wish)
        latencies = watch.wait(expectations, _PATIENCE_SECONDS)
        wait_settled(meter)
        stretch = meter.stop(process.pid)
    check_secrets(new, world.bed.cluster.api)
    return Result(
        scenario=SCENARIO.name,
        conditions={
            "definitions": options.definitions,
            "reconcile period s": options.period,
            "new": options.changes,
            "over s": options.minutes * 60,
        },
        figures=(
            *latency_figures("definition to Secret", latencies),
            Figure(name="CPU", value=stretch.cpu, unit="s"),
        ),
        calls=by_kind(stretch.kubernetes),
        backend=by_operation(stretch.backend, MOUNT),
    )


SCENARIO = Scenario(
    name="new-object",
    summary="definitions are made while others are polled",
    run=run,
    defaults=Options(period=5.0, minutes=0.4, changes=50),
)
