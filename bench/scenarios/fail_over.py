"""Fail-over: a leader ends while a standby is warm and values change; once by SIGKILL and once by SIGTERM.

The time begins with the signal. The changes are written right after it, so the next leader has to bring them.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial

from bench.bulk import send_all
from bench.corpus import backend, check_secrets, write_call
from bench.figures import Figure, Result, percentile
from bench.layouts import LAYOUTS
from bench.meter import Meter
from bench.plans import Plan, Wish, fresh_pair
from bench.scenario import Options, Scenario
from bench.watcher import SecretWatch
from bench.world import World, wait_synced
from tests.integration.deployment_support import NAMESPACE
from tests.testbed.daemon import DaemonProcess

_READY_SECONDS = 120.0
# A Lease of 15 s that runs out, and then some periods.
_PATIENCE_SECONDS = 300.0


def run(world: World, options: Options) -> Result:
    """Let a leader bring all in step; then end each leader as soon as it has a standby."""
    layout = LAYOUTS[options.layout]
    plan = world.seed(layout.plan("fail-over", options.definitions)).plan
    start = partial(world.start, options.period, flags=(*_election(options.lease), *layout.flags(plan)))
    found: list[Figure] = []
    with ExitStack() as running:
        watch = running.enter_context(world.watch())
        leader = running.enter_context(_first_leader(world, start, len(plan.wishes)))
        for number in (signal.SIGKILL, signal.SIGTERM):
            standby = running.enter_context(start())
            standby.wait_ready(_READY_SECONDS)
            wishes = plan.some(options.changes)
            plan = plan.changed({wish.path: fresh_pair(wish.name) for wish in wishes})
            leader.process.send_signal(number)
            found += figures(number.name, _latencies(world, watch, plan, wishes))
            leader = standby
    check_secrets(plan, world.bed.cluster.api)
    return Result(
        scenario=SCENARIO.name,
        conditions={
            "definitions": len(plan.wishes),
            "namespaces": len(plan.namespaces),
            "reconcile period s": options.period,
            "Lease s": options.lease,
            "changes": min(options.changes, len(plan.wishes)),
        },
        figures=found,
    )


def _election(lease: float) -> Sequence[str]:
    """Flags; the other times keep to the Lease's in the product's own proportions."""
    times = {"lease-duration": lease, "renew-deadline": lease * 2 / 3, "retry-period": lease * 2 / 15}
    return (
        "-enable-leader-election",
        f"-election.lease-namespace={NAMESPACE}",
        *(f"-election.{name}={round(seconds * 1000)}ms" for name, seconds in times.items()),
    )


def _first_leader(world: World, start: Callable[[], DaemonProcess], count: int) -> DaemonProcess:
    """A leader that has brought everything from nothing into step."""
    meter = Meter(world.traffic())
    leader = start()
    try:
        wait_synced(meter, count)
    except BaseException:
        leader.kill()
        raise
    return leader


def _latencies(world: World, watch: SecretWatch, plan: Plan, wishes: Sequence[Wish]) -> Sequence[float]:
    """Change the values of these definitions at once; the seconds until each was seen in its Secret."""
    expectations = [watch.expect(wish, plan.data(wish)) for wish in wishes]
    send_all(backend(world.bed), [write_call(wish.path, plan.values[wish.path]) for wish in wishes])
    return watch.wait(expectations, _PATIENCE_SECONDS)


def figures(how: str, latencies: Sequence[float]) -> Sequence[Figure]:
    """The figures of one hand-over; pure."""
    return (
        Figure(name=f"{how}: first write", value=min(latencies), unit="s"),
        Figure(name=f"{how}: changed values fresh, p95", value=percentile(latencies, 95), unit="s"),
        Figure(name=f"{how}: all fresh", value=max(latencies), unit="s"),
    )


SCENARIO = Scenario(
    name="fail-over",
    summary="a leader ends while a standby is warm",
    run=run,
    defaults=Options(definitions=10_000),
)
