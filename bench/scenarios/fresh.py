"""Fresh: values change in the backend, a few each second, and the Secrets have to follow.

A change counts from before it is written to when the benchmark's own watch shows it in the Secret.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench.audit import by_kind, by_operation
from bench.corpus import check_secrets
from bench.figures import Figure, Result, latency_figures
from bench.meter import Meter, Stretch
from bench.pace import paced
from bench.plans import MOUNT, Plan, fresh_pair, one_path_each
from bench.scenario import Options, Scenario
from bench.watcher import Expectation, SecretWatch
from bench.world import World, wait_settled


def run(world: World, options: Options) -> Result:
    """Bring all in step, change values over a while, and wait for the last of them."""
    plan = world.seed(one_path_each(["fresh"], options.definitions)).plan
    new = {wish.path: fresh_pair(wish.name) for wish in plan.some(options.changes)}
    with world.watch() as watch, world.daemon_in_step(options.period, options.definitions) as process:
        meter = Meter(world.traffic(), process.pid)
        expectations = change(world, watch, plan.changed(new), seconds=options.minutes * 60, paths=new)
        during = meter.stop(process.pid)
        latencies = watch.wait(expectations, 60 + 10 * options.period)
        wait_settled(meter)
        whole = meter.stop(process.pid)
    check_secrets(plan.changed(new), world.bed.cluster.api)
    return Result(
        scenario=SCENARIO.name,
        conditions={
            "definitions": options.definitions,
            "reconcile period s": options.period,
            "changes": len(new),
            "over s": options.minutes * 60,
        },
        figures=figures(latencies, during),
        calls=by_kind(whole.kubernetes),
        backend=by_operation(whole.backend, MOUNT),
    )


def change(
    world: World, watch: SecretWatch, plan: Plan, *, seconds: float, paths: Mapping[str, Mapping[str, str]]
) -> Sequence[Expectation]:
    """Write the values of these paths, spread over a time; returns at its end what is waited for."""
    wishes = [wish for wish in plan.wishes if wish.path in paths]
    expectations = []
    for wish in paced(wishes, count=len(wishes), seconds=seconds):
        expectations.append(watch.expect(wish, plan.data(wish)))
        world.write(wish.path, paths[wish.path])
    return expectations


def figures(latencies: Sequence[float], during: Stretch) -> Sequence[Figure]:
    """The figures of a stretch of changes; pure."""
    return (
        *latency_figures("change to Secret", latencies),
        Figure(name="CPU while values change", value=during.cpu, unit="s"),
        Figure(name="time of that", value=during.seconds, unit="s"),
        Figure(name="CPU of the servers", value=during.servers_cpu, unit="s"),
    )


SCENARIO = Scenario(
    name="fresh",
    summary="values change in the backend",
    run=run,
    defaults=Options(period=5.0, minutes=0.4),
)
