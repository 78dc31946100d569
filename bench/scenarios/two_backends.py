"""Two backends: one of two real OpenBaos fails in one way after the other, and values of the other change.

The same healthy values change at the same points of the poll period, first while all is well, then in each
trouble of the second server. A change counts from before it is written to when it is in the Secret.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial

from bench import proc
from bench.corpus import check_secrets, pages
from bench.figures import Figure, Result, latency_figures
from bench.plans import Plan, fresh_pair, one_path_each
from bench.scenario import Options, Scenario
from bench.scenarios.fresh import change
from bench.second_backend import TROUBLES, SecondBackend, second_backend, second_plan
from bench.spells import Beat, conditions, ready_since
from bench.watcher import SecretWatch
from bench.world import World
from tests.testbed.daemon import DaemonProcess
from tests.testbed.kube_api import secrets
from tests.testbed.waiting import wait_until

_WELL, _SECOND = "first", "second"
_PATIENCE_SECONDS = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Spell:
    """Some time with or without trouble.

    Attributes:
        trouble: a key of TROUBLES; empty for none.
        latencies: of the changes of healthy values, in seconds.
        unready: how many healthy definitions were not Ready at some time.
        changed: how many Secrets of the second backend were written or deleted.
        told: how many definitions of the second backend said at the end that they are not Ready.
        reasons: their reasons.
        calls: requests that reached the proxy of the second backend.
        logins: how many of them were logins.
        first_logins: logins to the first backend.
        cpu: CPU seconds of the daemon.
        seconds: how long it was.

    """

    trouble: str
    latencies: Sequence[float]
    unready: int
    changed: int
    told: int
    reasons: Sequence[str]
    calls: int
    logins: int
    first_logins: int
    cpu: float
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scene:
    world: World
    second: SecondBackend
    watch: SecretWatch
    daemon: DaemonProcess
    ill: Plan
    options: Options


def run(world: World, options: Options) -> Result:
    """Measure the time without trouble, and then each trouble."""
    with second_backend(world.folder) as second:
        spells = _measure(world, second, options)
    return Result(
        scenario=SCENARIO.name,
        conditions={
            "definitions of each": options.definitions,
            "reconcile period s": options.period,
            "changes": options.changes,
            "over s": options.minutes * 60,
            **{f"reasons, {spell.trouble}": ", ".join(spell.reasons) for spell in spells[1:]},
        },
        figures=figures(spells),
    )


def figures(spells: Sequence[Spell]) -> Sequence[Figure]:
    """The spells with trouble beside the first, which has none. Pure."""
    calm = spells[0]
    return [
        *latency_figures("calm: change to Secret", calm.latencies),
        Figure(name="calm: CPU", value=calm.cpu, unit="s"),
        *(figure for spell in spells[1:] for figure in _figures(spell, calm)),
    ]


def _figures(spell: Spell, calm: Spell) -> Iterator[Figure]:
    title = spell.trouble
    floors = [each.value for each in latency_figures("", calm.latencies)]
    found = latency_figures(f"{title}: change to Secret", spell.latencies)
    for each, floor in zip(found, floors, strict=True):
        yield Figure(name=each.name, value=each.value, unit=each.unit, floor=floor)
    yield Figure(name=f"{title}: healthy definitions that were not Ready", value=spell.unready)
    yield Figure(name=f"{title}: Secrets of the second backend changed", value=spell.changed)
    yield Figure(name=f"{title}: definitions of the second backend not Ready", value=spell.told)
    yield Figure(name=f"{title}: requests to the second backend a second", value=spell.calls / spell.seconds)
    yield Figure(name=f"{title}: logins to the second backend", value=spell.logins)
    yield Figure(name=f"{title}: logins to the first backend", value=spell.first_logins)
    yield Figure(name=f"{title}: CPU", value=spell.cpu, unit="s", floor=calm.cpu)


def _measure(world: World, second: SecondBackend, options: Options) -> Sequence[Spell]:
    ill = second_plan(_SECOND, options.definitions)
    second.write(ill)
    well = world.seed(one_path_each([_WELL], options.definitions)).plan
    world.seed(Plan(wishes=ill.wishes, values={}))
    settings = world.folder / "settings.toml"
    settings.write_text(second.settings(), encoding="utf-8")
    flags = (f"-config={settings}",)
    spells: list[Spell] = []
    with (
        world.watch() as watch,
        world.daemon_in_step(options.period, 2 * options.definitions, None, flags) as daemon,
    ):
        scene = _Scene(world=world, second=second, watch=watch, daemon=daemon, ill=ill, options=options)
        beat = Beat(options.period)
        for trouble in ("", *TROUBLES):
            wait_until(partial(_all_ready, scene), _PATIENCE_SECONDS, "the second backend is well", 0.2)
            beat.wait()
            with TROUBLES[trouble](second) if trouble else nullcontext():
                well, spell = _spell(scene, well, trouble)
            spells.append(spell)
    check_secrets(well, world.bed.cluster.api)
    check_secrets(ill, world.bed.cluster.api)
    return spells


def _spell(scene: _Scene, well: Plan, trouble: str) -> tuple[Plan, Spell]:
    world, options, second = scene.world, scene.options, scene.second
    new = {wish.path: fresh_pair(wish.name) for wish in well.some(options.changes)}
    changed, traffic = well.changed(new), world.traffic()
    ready, versions = ready_since(world, well), _versions(scene)
    calls, logins = second.calls(), second.logins()
    cpu, began = proc.cpu_seconds(scene.daemon.pid), time.monotonic()
    expectations = change(world, scene.watch, changed, seconds=options.minutes * 60, paths=new)
    seconds, spent = time.monotonic() - began, proc.cpu_seconds(scene.daemon.pid) - cpu
    latencies = scene.watch.wait(expectations, _PATIENCE_SECONDS)
    after, told = ready_since(world, well), conditions(world, scene.ill).values()
    sick = [each["reason"] for each in told if each["status"] != "True"]
    return changed, Spell(
        trouble=trouble,
        latencies=latencies,
        unready=sum(after.get(name) != since for name, since in ready.items()),
        changed=len(versions.items() ^ _versions(scene).items()),
        told=len(sick),
        reasons=sorted(set(sick)),
        calls=second.calls() - calls,
        logins=second.logins() - logins,
        first_logins=sum(call.is_login for call in traffic.take_backend()),
        cpu=spent,
        seconds=seconds,
    )


def _versions(scene: _Scene) -> dict[str, str]:
    """The uid and version of each Secret of the second backend."""
    found = pages(scene.world.bed.cluster.api, secrets(_SECOND))
    return {
        each["metadata"]["name"]: f"{each['metadata']['uid']} {each['metadata']['resourceVersion']}"
        for each in found
    }


def _all_ready(scene: _Scene) -> bool:
    return len(ready_since(scene.world, scene.ill)) == len(scene.ill.wishes)


SCENARIO = Scenario(
    name="two-backends",
    summary="values of one backend change while another fails in one way after the other",
    run=run,
    defaults=Options(definitions=200, changes=180, period=5.0, minutes=0.5),
)
