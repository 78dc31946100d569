"""Sick mount: one of two mounts of a real OpenBao fails, and values in the other go on changing.

For each share of the paths that is sick a daemon of its own. The same healthy values change at the same
points of the poll period, first while all is well, then while every read of the sick mount is answered with
429 and a long pause, with 500, or not at all. A change counts from before it is written to when it is in the
Secret.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from bench.corpus import check_secrets
from bench.figures import Figure, Result, latency_figures
from bench.plans import MOUNT, Plan, Source, Wish, fresh_pair, one_path_each
from bench.scenario import Options, Scenario
from bench.scenarios.fresh import change
from bench.spells import Beat, halves, ready_since
from bench.watcher import SecretWatch
from bench.world import ROLE, World
from tests.testbed.fault_proxy import FaultProxy
from tests.testbed.fault_rules import Rule, RuleBuilder
from tests.testbed.waiting import wait_until

_SICK_MOUNT = "sick"
# Of so many paths 1, 12 and 200 are sick.
_SHARES = (1 / 400, 12 / 400, 200 / 400)
_PAUSE_ASKED = 60
_PATIENCE_SECONDS = 120.0

TROUBLES: Mapping[str, Callable[[RuleBuilder], Rule]] = {
    "500": lambda rule: rule.vault_error(500, "internal error"),
    "hang": lambda rule: rule.hang(),
    # The last one: it takes as long to be over as the pause that is asked for.
    "429": lambda rule: rule.reply(429, {"errors": ["rate limit quota exceeded"]}, retry_after=_PAUSE_ASKED),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Spell:
    """Some time with or without trouble.

    Attributes:
        trouble: a key of TROUBLES; empty for none.
        latencies: of the changes of healthy values, in seconds.
        unready: how many healthy definitions were not Ready at some time.
        calls: how many reads of the sick mount were made.
        late_calls: how many of them in its second half.
        seconds: how long it was.

    """

    trouble: str
    latencies: Sequence[float]
    unready: int
    calls: int
    late_calls: int
    seconds: float


def run(world: World, options: Options) -> Result:
    """Measure each share of sick paths, and each trouble beside the time without."""
    world.bed.openbao.enable_engine(_SICK_MOUNT, "kv", {"version": "2"})
    world.bed.openbao.read_policy(ROLE, f"{MOUNT}data/*", f"{_SICK_MOUNT}/data/*")
    figures: list[Figure] = []
    for sick in sick_counts(options.definitions):
        figures += figures_of(sick, _measure(world, options, sick))
    return Result(
        scenario=SCENARIO.name,
        conditions={
            "definitions": options.definitions,
            "reconcile period s": options.period,
            "changes": options.changes,
            "over s": options.minutes * 60,
        },
        figures=figures,
    )


def sick_counts(paths: int) -> Sequence[int]:
    """How many of so many paths are sick, in each part. Pure."""
    return sorted({max(1, round(paths * share)) for share in _SHARES})


def figures_of(sick: int, spells: Sequence[Spell]) -> Sequence[Figure]:
    """The spells with trouble beside the first, which has none. Pure."""
    calm = spells[0]
    return [figure for spell in spells[1:] for figure in _figures(sick, spell, calm)]


def _figures(sick: int, spell: Spell, calm: Spell) -> Iterator[Figure]:
    title = f"{sick} sick, {spell.trouble}"
    floors = [each.value for each in latency_figures("", calm.latencies)]
    for each, floor in zip(
        latency_figures(f"{title}: change to Secret", spell.latencies), floors, strict=True
    ):
        yield Figure(name=each.name, value=each.value, unit=each.unit, floor=floor)
    yield Figure(name=f"{title}: healthy definitions that were not Ready", value=spell.unready)
    yield Figure(name=f"{title}: calls to the sick mount a second", value=spell.calls / spell.seconds)
    yield Figure(name=f"{title}: the same in the second half", value=spell.late_calls / (spell.seconds / 2))


def _measure(world: World, options: Options, sick: int) -> Sequence[Spell]:
    well = world.seed(one_path_each([f"well-{sick}"], options.definitions - sick)).plan
    ill = world.seed(_sick_plan(f"ill-{sick}", sick)).plan
    flags = (f"-watch-namespaces=well-{sick},ill-{sick}",)
    spells: list[Spell] = []
    with (
        FaultProxy(world.bed.openbao.url) as proxy,
        world.watch() as watch,
        world.daemon_in_step(options.period, options.definitions, world.openbao_at(proxy.url), flags),
    ):
        clock = Beat(options.period)
        for trouble in ("", *TROUBLES):
            if spells:
                _wait_ready(world, ill)
            clock.wait()
            with _trouble(proxy, trouble) as rule:
                well, spell = _spell(world, watch, well, options, (trouble, rule))
            spells.append(spell)
    check_secrets(well, world.bed.cluster.api)
    return spells


def _spell(
    world: World, watch: SecretWatch, well: Plan, options: Options, what: tuple[str, Rule | None]
) -> tuple[Plan, Spell]:
    trouble, rule = what
    new = {wish.path: fresh_pair(wish.name) for wish in well.some(options.changes)}
    changed = well.changed(new)
    before, began = ready_since(world, well), time.monotonic()
    seconds = options.minutes * 60
    # In two halves: what follows the onset of trouble, and how it goes on.
    first, second = halves(new)
    expectations = [*change(world, watch, changed, seconds=seconds / 2, paths=first)]
    so_far = rule.hits if rule else 0
    expectations += change(world, watch, changed, seconds=seconds / 2, paths=second)
    calls = rule.hits if rule else 0
    latencies = watch.wait(expectations, _PATIENCE_SECONDS)
    after = ready_since(world, well)
    return changed, Spell(
        trouble=trouble,
        latencies=latencies,
        unready=sum(after.get(name) != since for name, since in before.items()),
        calls=calls,
        late_calls=calls - so_far,
        seconds=min(seconds, time.monotonic() - began),
    )


@contextmanager
def _trouble(proxy: FaultProxy, kind: str) -> Iterator[Rule | None]:
    if not kind:
        yield None
        return
    rule = TROUBLES[kind](proxy.on("GET", f"/v1/{_SICK_MOUNT}/.*"))
    try:
        yield rule
    finally:
        rule.remove()


def _sick_plan(namespace: str, count: int) -> Plan:
    wishes = []
    for number in range(count):
        name = f"ill-{number:05d}"
        path = f"{_SICK_MOUNT}/data/{namespace}/{name}"
        keys = {key: Source(path=path, key=key) for key in ("username", "password")}
        wishes.append(Wish(namespace=namespace, name=name, keys=keys))
    return Plan(wishes=wishes, values={wish.path: fresh_pair(wish.name) for wish in wishes})


def _wait_ready(world: World, plan: Plan) -> None:
    """Until all that was sick is in step again."""
    wait_until(partial(_all_ready, world, plan), _PATIENCE_SECONDS, "the sick mount is fresh again", 0.2)


def _all_ready(world: World, plan: Plan) -> bool:
    return len(ready_since(world, plan)) == len(plan.wishes)


SCENARIO = Scenario(
    name="sick-mount",
    summary="values change while one of two mounts answers 429, 500 or nothing",
    run=run,
    defaults=Options(definitions=400, changes=180, period=5.0, minutes=0.5),
)
