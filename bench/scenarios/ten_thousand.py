"""Ten thousand: a cold start of as many definitions on as many paths, and then a quiet while.

The floor is measured before it and after it on the same servers, since a machine does not keep its speed for
so long. `bench.layouts` has how they may lie in namespaces.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from bench.audit import by_kind, by_operation
from bench.baseline import measure_floor
from bench.figures import Figure, Result, beside_both
from bench.layouts import LAYOUTS
from bench.meter import Meter, Stretch
from bench.plans import MOUNT
from bench.scenario import Options, Scenario
from bench.scenarios import cold as cold_start
from bench.scenarios import quiet as quiet_stretch
from bench.world import World, wait_synced


def run(world: World, options: Options) -> Result:
    """Measure the daemon at the period it goes on with, between two runs of the floor."""
    layout = LAYOUTS[options.layout]
    plan = layout.plan("ten", options.definitions)
    before = measure_floor(world, layout.plan("before", options.definitions))
    cold, quiet = _measure_daemon(world, options)
    after = measure_floor(world, layout.plan("after", options.definitions))
    return Result(
        scenario=SCENARIO.name,
        conditions={
            "definitions": len(plan.wishes),
            "namespaces": len(plan.namespaces),
            "watches": "named namespaces" if layout.named else "the cluster",
            "reconcile period s": options.period,
        },
        figures=figures(cold, quiet, (before, after), options),
        calls=by_kind(cold.kubernetes),
        backend=by_operation(cold.backend, MOUNT),
    )


def _measure_daemon(world: World, options: Options) -> tuple[Stretch, Stretch]:
    layout = LAYOUTS[options.layout]
    corpus = world.seed(layout.plan("ten", options.definitions))
    world.wait_idle()
    meter = Meter(world.traffic())
    with world.daemon(options.period, flags=layout.flags(corpus.plan)) as process:
        wait_synced(meter, len(corpus.items))
        cold = meter.stop(process.pid)
        # Polls that came due during the cold start are made up for first.
        time.sleep(options.minutes * 60)
        meter = Meter(world.traffic(), process.pid)
        time.sleep(options.minutes * 60)
        quiet = meter.stop(process.pid)
    corpus.check(world.bed.cluster.api)
    return cold, quiet


def figures(
    cold: Stretch, quiet: Stretch, floors: tuple[Stretch, Stretch], options: Options
) -> Sequence[Figure]:
    """Those of a cold start beside both floors, then those of the quiet while; pure."""
    before, after = (cold_start.figures(cold, floor) for floor in floors)
    refused = sum(call.status >= 400 for call in cold.kubernetes)
    later = quiet_stretch.figures(quiet, options)
    return (
        *beside_both(before, after),
        Figure(name="Kubernetes calls refused", value=refused),
        Figure(name="quiet: cores", value=quiet.cpu / quiet.seconds),
        *(Figure(name=f"quiet: {each.name}", value=each.value, unit=each.unit) for each in later),
    )


SCENARIO = Scenario(
    name="ten-thousand",
    summary="cold start of very many, and then nothing changes",
    run=run,
    defaults=Options(definitions=10_000),
)
