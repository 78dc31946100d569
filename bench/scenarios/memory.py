"""Memory: the resident memory of the daemon, by the number of definitions and the size of values.

Each estate is measured twice: from nothing to all in step and some minutes of polling; and after a restart,
which finds all Secrets there and lists them. The daemon watches the namespace of one estate only.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench import proc
from bench.figures import Figure, Result
from bench.meter import Meter
from bench.plans import MOUNT, Plan, large, many_keyed, one_path_each
from bench.scenario import Options, Scenario
from bench.world import World
from tests.testbed.waiting import wait_until

_MANY_KEYS = 50
_LARGE_KIB = 500
_GROWTH = (1, 2, 4)
_PATIENCE_SECONDS = 120.0
_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """The memory for one estate.

    Attributes:
        estate: the estate in words.
        definitions: how many it has.
        values: MiB of all its values together.
        cold: memory after all was brought from nothing and polled for a while.
        restarted: memory of a daemon that found all in step.

    """

    estate: str
    definitions: int
    values: float
    cold: proc.Memory
    restarted: proc.Memory


def run(world: World, options: Options) -> Result:
    """Measure each estate in turn."""
    found = [_measure(world, estate, plan, options) for estate, plan in _estates(options)]
    return Result(
        scenario=SCENARIO.name,
        conditions={
            "reconcile period s": options.period,
            "minutes": options.minutes,
            "keys of many": _MANY_KEYS,
            "KiB of large": _LARGE_KIB,
        },
        figures=figures(found),
    )


def _estates(options: Options) -> Iterator[tuple[str, Plan]]:
    """One at a time, so that the benchmark holds the values of one only."""
    for factor in _GROWTH:
        count = factor * options.definitions
        yield f"{count} of two keys", one_path_each([f"size-{count}"], count)
    count = options.definitions
    yield f"{count} of many keys", many_keyed("many", definitions=count, keys=_MANY_KEYS)
    yield f"{options.large} large", large("large", definitions=options.large, kib=_LARGE_KIB)


def _measure(world: World, estate: str, plan: Plan, options: Options) -> Footprint:
    corpus = world.seed(plan)
    flags = (f"-watch-namespaces={','.join(plan.namespaces)}",)
    with world.daemon_in_step(options.period, len(plan.wishes), flags=flags) as process:
        time.sleep(options.minutes * 60)
        cold = proc.memory(process.pid)
    corpus.check(world.bed.cluster.api)
    return Footprint(
        estate=estate,
        definitions=len(plan.wishes),
        values=sum(len(value) for each in plan.values.values() for value in each.values()) / _MIB,
        cold=cold,
        restarted=_restarted(world, plan, flags, options),
    )


def _restarted(world: World, plan: Plan, flags: Sequence[str], options: Options) -> proc.Memory:
    meter = Meter(world.traffic())
    with world.daemon(options.period, flags=flags) as process:
        wait_until(
            lambda: _paths_read(meter) == len(plan.values), _PATIENCE_SECONDS, "each path read", poll=0.2
        )
        return proc.memory(process.pid)


def _paths_read(meter: Meter) -> int:
    return len({call.path for call in meter.backend_so_far() if call.path.startswith(MOUNT)})


def figures(found: Sequence[Footprint]) -> Sequence[Figure]:
    """The figures of all estates; the first and the last of two keys give that of a further 1000. Pure."""
    rows = []
    for each in found:
        rows += [
            Figure(name=f"{each.estate}: values that exist", value=each.values, unit="MiB"),
            Figure(name=f"{each.estate}: after", value=each.cold.resident, unit="MiB"),
            Figure(name=f"{each.estate}: peak", value=each.cold.peak, unit="MiB"),
            Figure(name=f"{each.estate}: after a restart", value=each.restarted.resident, unit="MiB"),
            Figure(name=f"{each.estate}: peak of a restart", value=each.restarted.peak, unit="MiB"),
        ]
    least, most = found[0], found[len(_GROWTH) - 1]
    thousands = (most.definitions - least.definitions) / 1000
    growth = (most.cold.resident - least.cold.resident) / thousands
    peak_growth = (most.cold.peak - least.cold.peak) / thousands
    return (
        *rows,
        Figure(name="each further 1000: after", value=growth, unit="MiB"),
        Figure(name="each further 1000: peak", value=peak_growth, unit="MiB"),
    )


SCENARIO = Scenario(
    name="memory",
    summary="several sizes, many keys, large values",
    run=run,
    defaults=Options(minutes=0.5),
)
