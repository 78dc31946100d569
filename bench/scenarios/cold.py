"""Cold: definitions and values are there, no Secret is, and the daemon starts.

Measured from the start of the process, interpreter and imports included. The same work by a bare loop, on
the same servers, is the floor. Both are done several times in turn, since a machine has faster and slower
moments; the round with the median ratio to its floor is reported.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.audit import by_kind, by_operation
from bench.baseline import measure_floor
from bench.figures import Figure, Result, percentile
from bench.meter import Meter, Stretch
from bench.plans import MOUNT, Plan, one_path_each
from bench.scenario import Options, Scenario
from bench.world import World, wait_synced

# So long that no poll falls into the measurement: each path is read for its definition only.
_PERIOD_SECONDS = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One start of the daemon and one run of the bare loop."""

    daemon: Stretch
    floor: Stretch

    @property
    def ratio(self) -> float:
        """How many times its floor the daemon took until all was in step."""
        return _last(self.daemon) / _last(self.floor)


def run(world: World, options: Options) -> Result:
    """Measure daemon and floor in turn; each must leave the right Secrets behind, which are deleted then."""
    rounds = [_round(world, options.definitions, number) for number in range(options.repeats)]
    median = middle(rounds)
    ratios = [each.ratio for each in rounds]
    return Result(
        scenario=SCENARIO.name,
        conditions={"definitions": options.definitions, "rounds": options.repeats},
        figures=(
            *figures(median.daemon, median.floor),
            Figure(name="times the floor, least", value=min(ratios)),
            Figure(name="times the floor, most", value=max(ratios)),
        ),
        calls=by_kind(median.daemon.kubernetes),
        backend=by_operation(median.daemon.backend, MOUNT),
    )


def middle(rounds: Sequence[Round]) -> Round:
    """The round with the median ratio; of an even number the lower of the two in the middle. Pure."""
    return sorted(rounds, key=lambda each: each.ratio)[(len(rounds) - 1) // 2]


def _round(world: World, count: int, number: int) -> Round:
    """The floor is first in every other round, so that the order gives no advantage."""
    cold, bare = (one_path_each([f"{name}-{number}"], count) for name in ("cold", "floor"))
    if number % 2 == 0:
        daemon = _measure_daemon(world, cold)
        return Round(daemon=daemon, floor=measure_floor(world, bare))
    floor = measure_floor(world, bare)
    return Round(daemon=_measure_daemon(world, cold), floor=floor)


def _measure_daemon(world: World, plan: Plan) -> Stretch:
    corpus = world.seed(plan)
    world.wait_idle()
    meter = Meter(world.traffic())
    with world.daemon(_PERIOD_SECONDS) as process:
        wait_synced(meter, len(corpus.items))
        stretch = meter.stop(process.pid)
    corpus.check(world.bed.cluster.api)
    world.clear(plan)
    return stretch


def figures(daemon: Stretch, floor: Stretch) -> Sequence[Figure]:
    """The figures of a cold start beside those of the floor; pure."""
    made, floor_made = _ages(daemon, "create secrets"), _ages(floor, "create secrets")
    return (
        Figure(name="first call", value=_first(daemon), unit="s", floor=_first(floor)),
        Figure(
            name="half of the Secrets", value=percentile(made, 50), unit="s", floor=percentile(floor_made, 50)
        ),
        Figure(name="all Secrets right", value=max(made), unit="s", floor=max(floor_made)),
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
    """Seconds to the answer of the last write about a Secret."""
    return max(_ages(stretch, "update secretdefinitions/status"))


SCENARIO = Scenario(name="cold", summary="from nothing to N Secrets", run=run, defaults=Options(repeats=9))
