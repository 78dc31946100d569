"""Drift: Secrets are deleted and edited by hand, and the daemon has to put them right.

A deed counts from before its request to when the benchmark's own watch shows the Secret as defined.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bench.audit import by_kind, by_operation
from bench.corpus import encode
from bench.figures import Figure, Result, latency_figures
from bench.meter import Meter, Stretch
from bench.pace import paced
from bench.plans import MOUNT, Plan, Wish, one_path_each
from bench.scenario import Options, Scenario
from bench.watcher import SecretWatch
from bench.world import World, wait_settled
from tests.testbed.kube_api import secrets

_PATIENCE_SECONDS = 120.0


def run(world: World, options: Options) -> Result:
    """Bring all in step; then first delete some Secrets one after the other, and then edit others."""
    corpus = world.seed(one_path_each(["drift"], options.definitions))
    wishes = corpus.plan.some(2 * options.changes)
    half = len(wishes) // 2
    seconds = options.minutes * 60 / 2
    with world.watch() as watch, world.daemon_in_step(options.period, options.definitions) as process:
        meter = Meter(world.traffic(), process.pid)
        harm = HandEdits(world, watch, corpus.plan)
        deleted = harm.do(harm.delete, wishes[:half], seconds)
        edited = harm.do(harm.edit, wishes[half:], seconds)
        wait_settled(meter)
        stretch = meter.stop(process.pid)
    corpus.check(world.bed.cluster.api)
    return Result(
        scenario=SCENARIO.name,
        conditions={
            "definitions": options.definitions,
            "reconcile period s": options.period,
            "deleted": half,
            "edited": len(wishes) - half,
        },
        figures=figures(deleted, edited, stretch),
        calls=by_kind(stretch.kubernetes),
        backend=by_operation(stretch.backend, MOUNT),
    )


class HandEdits:
    """Deletions and edits of Secrets by hand."""

    def __init__(self, world: World, watch: SecretWatch, plan: Plan) -> None:
        self._api = world.bed.cluster.api
        self._watch = watch
        self._plan = plan

    def do(self, deed: Callable[[Wish], object], wishes: Sequence[Wish], seconds: float) -> Sequence[float]:
        """Do it to the Secrets of these definitions, spread over a time; the latencies of their repair."""
        expectations = []
        for wish in paced(wishes, count=len(wishes), seconds=seconds):
            expectations.append(self._watch.expect(wish, self._plan.data(wish)))
            deed(wish)
        return self._watch.wait(expectations, _PATIENCE_SECONDS)

    def delete(self, wish: Wish) -> None:
        """Delete the Secret."""
        self._api.delete(secrets(wish.namespace, wish.name))

    def edit(self, wish: Wish) -> None:
        """Change a value in the Secret."""
        edited = encode({"password": "changed by hand"})
        self._api.patch(secrets(wish.namespace, wish.name), {"data": edited})


def figures(deleted: Sequence[float], edited: Sequence[float], stretch: Stretch) -> Sequence[Figure]:
    """The figures of both kinds of harm; pure."""
    return (
        *latency_figures("deleted to repaired", deleted),
        *latency_figures("edited to repaired", edited),
        Figure(name="CPU", value=stretch.cpu, unit="s"),
    )


# A period so long that no poll helps.
SCENARIO = Scenario(
    name="drift",
    summary="Secrets are deleted and edited by hand",
    run=run,
    defaults=Options(period=3600.0, minutes=0.5),
)
