"""The backend is away: it refuses connections, or takes requests and never answers.

All values change meanwhile, so that all Secrets are stale when it comes back.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bench.audit import LOGIN
from bench.corpus import check_secrets
from bench.knocks import Knocks
from bench.meter import Meter
from bench.plans import one_path_each
from bench.world import World
from chaos.outage.changes import all_changed, change, wait_fresh
from chaos.outage.findings import Finding, freshness, knocking
from tests.testbed.fault_proxy import FaultProxy

_FRESH_SECONDS = 15.0
_LOGINS = 2
_LOOK_SECONDS = 0.1
_ANY = ".*"

# Takes the backend away, does what it is given, and tells when it was asked in vain, from then on.
Away = Callable[[FaultProxy, Callable[[], None]], list[float]]


def refused(world: World, definitions: int, seconds: float) -> list[Finding]:
    """The port is closed."""
    return _outage(world, definitions, seconds, _refused)


def hung(world: World, definitions: int, seconds: float) -> list[Finding]:
    """Requests are taken and kept."""
    return _outage(world, definitions, seconds, _hung)


def _outage(world: World, definitions: int, seconds: float, away: Away) -> list[Finding]:
    plan = world.seed(one_path_each(["outage"], definitions)).plan
    changed = all_changed(plan)
    with (
        FaultProxy(world.bed.openbao.url) as proxy,
        world.watch() as watch,
        world.daemon_in_step(5.0, definitions, world.openbao_at(proxy.url)) as daemon,
    ):
        moments = away(proxy, lambda: change(world, changed, seconds))
        meter = Meter(world.traffic(), daemon.pid)
        sightings = [watch.expect(wish, changed.data(wish)) for wish in changed.wishes]
        proxy.clear()
        proxy.accept()
        latencies = wait_fresh(watch, sightings)
        back = meter.stop(daemon.pid)
    check_secrets(changed, world.bed.cluster.api)
    logins = sum(call.path == LOGIN for call in back.backend)
    return [
        *knocking(moments, seconds),
        *freshness(latencies, _FRESH_SECONDS),
        Finding(what="logins after the return", value=logins, most=_LOGINS),
    ]


def _refused(proxy: FaultProxy, do: Callable[[], None]) -> list[float]:
    with Knocks(int(proxy.url.rpartition(":")[2])) as knocks:
        proxy.refuse()
        with _noted(knocks) as moments:
            do()
    return moments


def _hung(proxy: FaultProxy, do: Callable[[], None]) -> list[float]:
    began = time.monotonic()
    proxy.on(_ANY, _ANY).hang()
    do()
    return [request.at - began for request in tuple(proxy.requests) if request.at >= began]


@contextmanager
def _noted(knocks: Knocks) -> Iterator[list[float]]:
    """When somebody knocked while this lasts, in seconds from its begin."""
    moments: list[float] = []
    stop, began = threading.Event(), time.monotonic()

    def work() -> None:
        while not stop.wait(_LOOK_SECONDS):
            new = knocks.count() - len(moments)
            moments.extend([time.monotonic() - began] * new)

    thread = threading.Thread(target=work, name="knocks", daemon=True)
    thread.start()
    try:
        yield moments
    finally:
        stop.set()
        thread.join()
