"""Shapes: what definitions cost by the way in which they say where their values come from.

For each shape a daemon brings as many definitions from nothing into step, all shapes in turn and several
times, since a machine has faster and slower moments. The floor of each figure is that of keysMap.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

from bench.audit import by_kind, by_operation
from bench.figures import Figure, Result
from bench.meter import Meter, Stretch
from bench.plans import MOUNT
from bench.scenario import Options, Scenario
from bench.shapes import KEYS_MAP, SHAPES, shaped
from bench.world import World, wait_synced

# So long that no poll falls into the measurement: each path is read for its definition only.
_PERIOD_SECONDS = 3600.0


def run(world: World, options: Options) -> Result:
    """Measure a cold start of each shape, all in turn; each must leave the right Secrets behind."""
    stretches: dict[str, list[Stretch]] = {shape: [] for shape in SHAPES}
    for number in range(options.repeats):
        # Another one is first each time, so that the order gives no advantage.
        for at in range(len(SHAPES)):
            shape = SHAPES[(number + at) % len(SHAPES)]
            stretches[shape].append(_measure(world, shape, number, options.definitions))
    return Result(
        scenario=SCENARIO.name,
        conditions={"definitions of each shape": options.definitions, "rounds": options.repeats},
        figures=figures(stretches, options.definitions),
        calls=by_kind(call for each in stretches.values() for call in each[0].kubernetes),
        backend=by_operation([call for each in stretches.values() for call in each[0].backend], MOUNT),
    )


def _measure(world: World, shape: str, number: int, count: int) -> Stretch:
    plan = shaped(shape, f"{shape.lower().replace(' ', '-')}-{number}", count)
    corpus = world.seed(plan)
    world.wait_idle()
    meter = Meter(world.traffic())
    with world.daemon(_PERIOD_SECONDS) as process:
        wait_synced(meter, count)
        stretch = meter.stop(process.pid)
    corpus.check(world.bed.cluster.api)
    world.clear(plan)
    return stretch


def figures(stretches: Mapping[str, Sequence[Stretch]], count: int) -> Sequence[Figure]:
    """The median of each figure of each shape, beside that of keysMap; pure."""
    floor = _medians(stretches[KEYS_MAP], count)
    return [
        Figure(
            name=f"{name}, {shape}",
            value=value,
            unit=unit,
            floor=None if shape == KEYS_MAP else floor[name, unit],
        )
        for name, unit in floor
        for shape in stretches
        for value in [_medians(stretches[shape], count)[name, unit]]
    ]


def _medians(stretches: Sequence[Stretch], count: int) -> Mapping[tuple[str, str], float]:
    return {
        ("Kubernetes calls per definition", ""): median(len(each.kubernetes) / count for each in stretches),
        ("backend calls per definition", ""): median(len(each.backend) / count for each in stretches),
        ("CPU", "s"): median(each.cpu for each in stretches),
        ("memory after", "MiB"): median(each.memory.resident for each in stretches),
    }


SCENARIO = Scenario(
    name="shapes",
    summary="keysMap, whole paths and templates",
    run=run,
    defaults=Options(repeats=3),
)
