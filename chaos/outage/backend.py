"""The backend is away: it refuses connections, or takes requests and never answers.

All values change meanwhile, so that all Secrets are stale when it comes back.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bench.attempts import AttemptCounter
from bench.audit import LOGIN
from bench.corpus import check_secrets
from bench.gate import Gate
from bench.meter import Meter
from bench.plans import one_path_each
from bench.world import World
from chaos.outage.changes import all_changed, change, wait_fresh
from chaos.outage.findings import Finding, attempt_findings, freshness

_FRESH_SECONDS = 15.0
_LOGINS = 2
_LOOK_SECONDS = 0.1


def refused(world: World, definitions: int, seconds: float) -> list[Finding]:
    """The port is closed."""
    return _outage(world, definitions, seconds, Gate.close)


def hung(world: World, definitions: int, seconds: float) -> list[Finding]:
    """Connections are taken, and nothing is answered. Each attempt without an old connection makes one."""
    return _outage(world, definitions, seconds, Gate.hold)


def _outage(
    world: World, definitions: int, seconds: float, take_away: Callable[[Gate], None]
) -> list[Finding]:
    plan = world.seed(one_path_each(["outage"], definitions)).plan
    changed = all_changed(plan)
    with (
        Gate(world.bed.openbao.url) as gate,
        world.watch() as watch,
        world.daemon_in_step(5.0, definitions, world.openbao_at(gate.url)) as daemon,
    ):
        take_away(gate)
        with _attempt_times(gate.attempts()) as moments:
            change(world, changed, seconds)
        meter = Meter(world.traffic(), daemon.pid)
        expectations = [watch.expect(wish, changed.data(wish)) for wish in changed.wishes]
        gate.open()
        latencies = wait_fresh(watch, expectations)
        back = meter.stop(daemon.pid)
    check_secrets(changed, world.bed.cluster.api)
    logins = sum(call.path == LOGIN for call in back.backend)
    return [
        *([] if moments is None else attempt_findings(moments, seconds)),
        *freshness(latencies, _FRESH_SECONDS),
        Finding(what="logins after the return", value=logins, most=_LOGINS),
    ]


@contextmanager
def _attempt_times(attempts: AttemptCounter | None) -> Iterator[list[float] | None]:
    """The times of attempts to connect while this lasts, in seconds; None where they cannot be seen."""
    if attempts is None:
        yield None
        return
    with attempts:
        yield from _followed_times(attempts)


def _followed_times(attempts: AttemptCounter) -> Iterator[list[float]]:
    moments: list[float] = []
    stop, began = threading.Event(), time.monotonic()

    def work() -> None:
        while not stop.wait(_LOOK_SECONDS):
            new = attempts.count() - len(moments)
            moments.extend([time.monotonic() - began] * new)

    thread = threading.Thread(target=work, name="attempts", daemon=True)
    thread.start()
    try:
        yield moments
    finally:
        stop.set()
        thread.join()
