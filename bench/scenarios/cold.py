"""Cold: definitions and values are there, no Secret is, and the daemon starts.

Measured from the start of the process, interpreter and imports included. The same work by a bare loop, on
the same servers right after, is the floor.
"""

from __future__ import annotations

from collections.abc import Sequence

from bench.audit import by_kind, by_operation
from bench.baseline import measure_floor
from bench.figures import Figure, Result, percentile
from bench.meter import Meter, Stretch
from bench.plans import MOUNT, one_path_each
from bench.scenario import Options, Scenario
from bench.world import World, wait_synced

# So long that no poll falls into the measurement: each path is read for its definition only.
_PERIOD_SECONDS = 3600.0


def run(world: World, options: Options) -> Result:
    """Measure the daemon, then the floor; both must leave the right Secrets behind."""
    daemon = _measure_daemon(world, options.definitions)
    corpus = world.seed(one_path_each(["floor"], options.definitions))
    floor = measure_floor(world, corpus)
    corpus.check(world.bed.cluster.api)
    return Result(
        scenario=SCENARIO.name,
        conditions={"definitions": options.definitions},
        figures=figures(daemon, floor),
        calls=by_kind(daemon.kubernetes),
        backend=by_operation(daemon.backend, MOUNT),
    )


def _measure_daemon(world: World, count: int) -> Stretch:
    corpus = world.seed(one_path_each(["cold"], count))
    meter = Meter(world.traffic())
    with world.daemon(_PERIOD_SECONDS) as process:
        wait_synced(meter, count)
        stretch = meter.stop(process.pid)
    corpus.check(world.bed.cluster.api)
    return stretch


def figures(daemon: Stretch, floor: Stretch) -> Sequence[Figure]:
    """The figures of a cold start beside those of the floor; pure."""
    made, floor_made = _ages(daemon, "create secrets"), _ages(floor, "create secrets")
    return (
        Figure(name="first call", value=_first(daemon), unit="s", floor=_first(floor)),
        Figure(
            name="half of the Secrets", value=percentile(made, 50), unit="s", floor=percentile(floor_made, 50)
        ),
        Figure(name="last Secret", value=max(made), unit="s", floor=max(floor_made)),
        Figure(name="all in step", value=_last(daemon), unit="s", floor=_last(floor)),
        Figure(
            name="Kubernetes calls per definition",
            value=len(daemon.kubernetes) / len(made),
            floor=len(floor.kubernetes) / len(floor_made),
        ),
        Figure(
            name="backend calls per definition",
            value=len(daemon.backend) / len(made),
            floor=len(floor.backend) / len(floor_made),
        ),
        Figure(name="CPU", value=daemon.cpu, unit="s", floor=floor.cpu),
        Figure(name="CPU of the servers", value=daemon.servers_cpu, unit="s", floor=floor.servers_cpu),
        Figure(name="memory after", value=daemon.memory.resident, unit="MiB"),
        Figure(name="memory peak", value=daemon.memory.peak, unit="MiB", floor=floor.memory.peak),
    )


def _ages(stretch: Stretch, kind: str) -> list[float]:
    """Seconds from the start to the answer of each call of a kind that was granted."""
    return [call.at - stretch.began for call in stretch.kubernetes if call.kind == kind and call.status < 300]


def _first(stretch: Stretch) -> float:
    return min(call.at for call in stretch.kubernetes) - stretch.began


def _last(stretch: Stretch) -> float:
    """Seconds to the answer of the last write that tells of a Secret."""
    return max(_ages(stretch, "update secretdefinitions/status"))


SCENARIO = Scenario(name="cold", summary="from nothing to N Secrets", run=run)
