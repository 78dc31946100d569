"""Outage: the backend refuses connections for a while, all values change meanwhile, and it comes back.

A value counts from the return of the backend to when the benchmark's own watch shows it in the Secret.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.audit import LOGIN, by_kind, by_operation
from bench.corpus import check_secrets
from bench.figures import Figure, Result, latency_figures
from bench.gate import Gate
from bench.meter import Meter, Stretch
from bench.plans import MOUNT, Plan, fresh_pair, one_path_each
from bench.scenario import Options, Scenario
from bench.watcher import SecretWatch
from bench.world import World, wait_settled

_PATIENCE_SECONDS = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The result of an outage.

    Attributes:
        latencies: seconds from the return to each fresh Secret.
        attempts: attempts to connect while the backend was away; None where they cannot be counted.
        away: the activity of the daemon meanwhile.
        back: its activity from the return until all was fresh.

    """

    latencies: Sequence[float]
    attempts: int | None
    away: Stretch
    back: Stretch


def run(world: World, options: Options) -> Result:
    """Bring all in step through a gate, close it, change all values, and open it again."""
    plan = world.seed(one_path_each(["outage"], options.definitions)).plan
    changed = plan.changed({wish.path: fresh_pair(wish.name) for wish in plan.wishes})
    with Gate(world.bed.openbao.url) as gate:
        environ = world.openbao_at(gate.url)
        with (
            world.watch() as watch,
            world.daemon_in_step(options.period, options.definitions, environ) as process,
        ):
            away, attempts = _stay_away(world, gate, changed, pid=process.pid, seconds=options.outage)
            back = Meter(world.traffic(), process.pid)
            latencies = _return(watch, gate, changed)
            wait_settled(back)
            found = Found(latencies=latencies, attempts=attempts, away=away, back=back.stop(process.pid))
    check_secrets(changed, world.bed.cluster.api)
    return Result(
        scenario=SCENARIO.name,
        conditions={
            "definitions": options.definitions,
            "reconcile period s": options.period,
            "outage s": options.outage,
        },
        figures=figures(found),
        calls=by_kind(found.back.kubernetes),
        backend=by_operation(found.back.backend, MOUNT),
    )


def _stay_away(
    world: World, gate: Gate, changed: Plan, *, pid: int, seconds: float
) -> tuple[Stretch, int | None]:
    """Close the gate for a while and change all values behind it; returns the activity meanwhile."""
    gate.close()
    began = time.monotonic()
    meter, attempts = Meter(world.traffic(), pid), gate.attempts()
    for path, values in changed.values.items():
        world.write(path, values)
    time.sleep(max(0.0, began + seconds - time.monotonic()))
    if attempts is None:
        return meter.stop(pid), None
    with attempts:
        return meter.stop(pid), attempts.count()


def _return(watch: SecretWatch, gate: Gate, changed: Plan) -> Sequence[float]:
    gate.open()
    expectations = [watch.expect(wish, changed.data(wish)) for wish in changed.wishes]
    return watch.wait(expectations, _PATIENCE_SECONDS)


def figures(found: Found) -> Sequence[Figure]:
    """The figures of an outage; pure."""
    counted = (
        ()
        if found.attempts is None
        else (
            Figure(name="connections tried while away", value=found.attempts),
            Figure(name="connections tried while away, a second", value=found.attempts / found.away.seconds),
        )
    )
    return (
        *latency_figures("return to Secret", found.latencies),
        Figure(name="logins after the return", value=sum(c.path == LOGIN for c in found.back.backend)),
        *counted,
        Figure(name="CPU while away, a minute", value=60 * found.away.cpu / found.away.seconds, unit="s"),
        Figure(name="CPU after the return", value=found.back.cpu, unit="s"),
    )


SCENARIO = Scenario(
    name="outage",
    summary="the backend refuses for a while and all values change",
    run=run,
    defaults=Options(definitions=300, period=5.0),
)
