"""Quiet: everything is in step and nothing changes, for some minutes of polling."""

from __future__ import annotations

import time
from collections.abc import Sequence

from bench.audit import by_kind, by_operation
from bench.figures import Figure, Result
from bench.meter import Meter, Stretch
from bench.plans import MOUNT, one_path_each
from bench.scenario import Options, Scenario
from bench.world import World, wait_synced

# The calls that keep a quiet daemon informed; the list is the safety net under the watch.
_LISTENING = frozenset({"watch", "list"})


def run(world: World, options: Options) -> Result:
    """Bring all in step, then watch the daemon do nothing but poll."""
    stretch = _measure(world, options)
    return Result(
        scenario=SCENARIO.name,
        conditions={
            "definitions": options.definitions,
            "reconcile period s": options.period,
            "minutes": options.minutes,
        },
        figures=figures(stretch, options),
        calls=by_kind(stretch.kubernetes),
        backend=by_operation(stretch.backend, MOUNT),
    )


def _measure(world: World, options: Options) -> Stretch:
    corpus = world.seed(one_path_each(["quiet"], options.definitions))
    meter = Meter(world.traffic())
    with world.daemon(options.period) as process:
        wait_synced(meter, options.definitions)
        meter = Meter(world.traffic(), process.pid)
        time.sleep(options.minutes * 60)
        stretch = meter.stop(process.pid)
    corpus.check(world.bed.cluster.api)
    return stretch


def figures(stretch: Stretch, options: Options) -> Sequence[Figure]:
    """The figures of a quiet stretch; pure."""
    minutes = stretch.seconds / 60
    reads = sum(call.operation == "read" and call.path.startswith(MOUNT) for call in stretch.backend)
    rounds = options.definitions * stretch.seconds / options.period
    asked = sum(call.verb not in _LISTENING for call in stretch.kubernetes)
    return (
        Figure(name="CPU per minute", value=stretch.cpu / minutes, unit="s"),
        Figure(name="CPU per backend read", value=1000 * stretch.cpu / max(reads, 1), unit="ms"),
        Figure(name="CPU of the servers per minute", value=stretch.servers_cpu / minutes, unit="s"),
        Figure(name="Kubernetes calls but watch and list", value=asked),
        Figure(name="backend reads", value=reads),
        Figure(name="backend reads per path and period", value=reads / rounds),
        Figure(name="memory after", value=stretch.memory.resident, unit="MiB"),
        Figure(name="memory peak", value=stretch.memory.peak, unit="MiB"),
    )


SCENARIO = Scenario(name="quiet", summary="nothing changes", run=run)
