"""Sharing: many definitions want keys of the same few paths, each definition several paths at once.

A path has to be read once a cycle, however many definitions and keys hang on it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence

from bench.audit import BackendCall, by_kind, by_operation
from bench.figures import Figure, Result
from bench.meter import Meter, Stretch
from bench.plans import MOUNT, shared
from bench.scenario import Options, Scenario
from bench.world import World, wait_synced

PATHS = 20
KEYS = 10
_NO_POLL_SECONDS = 3600.0


def run(world: World, options: Options) -> Result:
    """Count the reads that bring all in step, then those of a stretch in which nothing changes."""
    corpus = world.seed(shared("sharing", definitions=options.definitions, paths=PATHS, keys=KEYS))
    cold = _cold(world, options.definitions)
    with world.daemon(options.period) as process:
        process.wait_ready()
        # Each definition is looked at once after a start; then there are only polls.
        time.sleep(2 * options.period)
        meter = Meter(world.traffic(), process.pid)
        time.sleep(options.minutes * 60)
        quiet = meter.stop(process.pid)
    corpus.check(world.bed.cluster.api)
    return Result(
        scenario=SCENARIO.name,
        conditions={
            "definitions": options.definitions,
            "keys each": KEYS,
            "paths": PATHS,
            "reconcile period s": options.period,
        },
        figures=figures(cold, quiet, options.period),
        calls=by_kind(quiet.kubernetes),
        backend=by_operation(quiet.backend, MOUNT),
    )


def _cold(world: World, count: int) -> Stretch:
    """From nothing to all in step, without a poll."""
    meter = Meter(world.traffic())
    with world.daemon(_NO_POLL_SECONDS) as process:
        wait_synced(meter, count)
        return meter.stop(process.pid)


def figures(cold: Stretch, quiet: Stretch, period: float) -> Sequence[Figure]:
    """The figures of a cold start and of a quiet stretch after it; pure."""
    reads = _reads(quiet.backend)
    per_path = Counter(call.path for call in reads)
    return (
        Figure(name="reads until all are in step", value=len(_reads(cold.backend))),
        Figure(name="reads per cycle", value=_per_cycle(reads, period)),
        Figure(name="paths read", value=len(per_path)),
        Figure(name="CPU per minute", value=quiet.cpu * 60 / quiet.seconds, unit="s"),
    )


def _per_cycle(reads: Sequence[BackendCall], period: float) -> float:
    """Reads in as many whole periods as there are from the first one on, by period."""
    if not reads:
        return 0.0
    first, last = min(call.at for call in reads), max(call.at for call in reads)
    cycles = max(1, int((last - first) / period))
    return sum(call.at < first + cycles * period for call in reads) / cycles


def _reads(calls: Sequence[BackendCall]) -> Sequence[BackendCall]:
    return [call for call in calls if call.operation == "read" and call.path.startswith(MOUNT)]


SCENARIO = Scenario(
    name="sharing",
    summary="many definitions on few paths",
    run=run,
    defaults=Options(definitions=200, period=5.0, minutes=0.5),
)
