"""Sharing: many definitions want keys of the same few paths, each definition several paths at once.

A path has to be read once a cycle, however many definitions and keys use it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from itertools import pairwise

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
        # Each definition is reconciled once after a start; then there are only polls.
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
    times = _times(quiet.backend)
    return (
        Figure(name="reads until all are in step", value=len(_reads(cold.backend))),
        Figure(name="paths read", value=len(times)),
        Figure(name="reads per cycle", value=sum(_per_cycle(each, period) for each in times.values())),
        Figure(name="reads within half a cycle", value=sum(_early(each, period) for each in times.values())),
        Figure(name="CPU per minute", value=quiet.cpu * 60 / quiet.seconds, unit="s"),
    )


def _times(calls: Sequence[BackendCall]) -> Mapping[str, Sequence[float]]:
    """When each path was read."""
    times: dict[str, list[float]] = {}
    for call in _reads(calls):
        times.setdefault(call.path, []).append(call.at)
    return times


def _per_cycle(times: Sequence[float], period: float) -> float:
    """Reads of one path by period, from its first read to its last; 0 if there was only one read."""
    return period * (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 else 0.0


def _early(times: Sequence[float], period: float) -> int:
    """Reads of one path that came so soon after the last that they belong to no cycle."""
    return sum(later - earlier < period / 2 for earlier, later in pairwise(times))


def _reads(calls: Sequence[BackendCall]) -> Sequence[BackendCall]:
    return [call for call in calls if call.operation == "read" and call.path.startswith(MOUNT)]


SCENARIO = Scenario(
    name="sharing",
    summary="many definitions on few paths",
    run=run,
    defaults=Options(definitions=200, period=5.0, minutes=0.5),
)
