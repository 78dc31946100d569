"""Backends: what each further backend costs a daemon that is at rest, with 1, 5 and 20 of them.

As many definitions each time, spread over the backends, which are mounts of one OpenBao: each has a login, a
session, connections and jobs of its own, whatever server it is on.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from bench import proc
from bench.figures import Figure, Result
from bench.meter import Meter, Stretch
from bench.plans import Plan, Source, Wish, fresh_pair
from bench.scenario import Options, Scenario
from bench.world import ROLE, World, wait_synced

COUNTS = (1, 5, 20)


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """A daemon with so many backends, over a quiet stretch."""

    backends: int
    quiet: Stretch
    threads: int
    descriptors: int


def run(world: World, options: Options) -> Result:
    """Measure each number of backends with a daemon of its own."""
    for number in range(max(COUNTS)):
        world.bed.openbao.enable_engine(_mount(number), "kv", {"version": "2"})
    mounts = [f"{_mount(number)}/data/*" for number in range(max(COUNTS))]
    world.bed.openbao.read_policy(ROLE, *mounts)
    found = [_measure(world, count, options) for count in COUNTS]
    return Result(
        scenario=SCENARIO.name,
        conditions={
            "definitions": options.definitions,
            "reconcile period s": options.period,
            "minutes": options.minutes,
        },
        figures=figures(found, options),
    )


def figures(found: Sequence[Footprint], options: Options) -> Sequence[Figure]:
    """The figures for each number of backends beside those of the least, and of a further one. Pure."""
    least, most = found[0], found[-1]
    further = most.backends - least.backends
    rows = [figure for each in found for figure in _figures(each, least, options)]
    memory = most.quiet.memory.resident - least.quiet.memory.resident
    return (
        *rows,
        Figure(name="each further backend: memory", value=memory / further, unit="MiB"),
        Figure(name="each further backend: threads", value=(most.threads - least.threads) / further),
    )


def _figures(each: Footprint, least: Footprint, options: Options) -> Iterator[Figure]:
    title, quiet, first = f"{each.backends} backends", each.quiet, least.quiet
    periods = quiet.seconds / options.period
    reads = sum(call.operation == "read" and "/data/" in call.path for call in quiet.backend)

    def figure(name: str, value: float, floor: float, unit: str = "") -> Figure:
        return Figure(name=f"{title}: {name}", value=value, unit=unit, floor=floor)

    yield figure("memory", quiet.memory.resident, first.memory.resident, "MiB")
    yield figure("memory peak", quiet.memory.peak, first.memory.peak, "MiB")
    yield figure("CPU of a quiet minute", _per_minute(quiet), _per_minute(first), "s")
    yield figure("threads", each.threads, least.threads)
    yield figure("open descriptors", each.descriptors, least.descriptors)
    yield Figure(name=f"{title}: reads per path and period", value=reads / options.definitions / periods)
    yield Figure(name=f"{title}: logins", value=sum(call.is_login for call in quiet.backend))
    yield Figure(name=f"{title}: other calls per backend and minute", value=_others(each, reads))


def _per_minute(stretch: Stretch) -> float:
    return stretch.cpu / (stretch.seconds / 60)


def _others(each: Footprint, reads: int) -> float:
    return (len(each.quiet.backend) - reads) / each.backends / (each.quiet.seconds / 60)


def _measure(world: World, count: int, options: Options) -> Footprint:
    plan = _plan(count, options.definitions)
    corpus = world.seed(plan)
    settings = world.folder / f"settings-{count}.toml"
    settings.write_text("".join(_table(world, number) for number in range(1, count)), encoding="utf-8")
    flags = (f"-config={settings}", f"-watch-namespaces={','.join(plan.namespaces)}")
    meter = Meter(world.traffic())
    with world.daemon(options.period, None, flags) as process:
        wait_synced(meter, options.definitions)
        meter = Meter(world.traffic(), process.pid)
        time.sleep(options.minutes * 60)
        quiet = meter.stop(process.pid)
        threads = proc.threads(process.pid)
        descriptors = int(process.metric("process_open_fds") or 0)
    corpus.check(world.bed.cluster.api)
    return Footprint(backends=count, quiet=quiet, threads=threads, descriptors=descriptors)


def _plan(backends: int, definitions: int) -> Plan:
    """Definitions of two keys from one path of their own, one backend after the other."""
    wishes = [_wish(f"backends-{backends}", number, number % backends) for number in range(definitions)]
    return Plan(wishes=wishes, values={wish.path: fresh_pair(wish.name) for wish in wishes})


def _wish(namespace: str, number: int, backend: int) -> Wish:
    name = f"app-{number:05d}"
    path = f"{_mount(backend)}/data/{namespace}/{name}"
    keys = {key: Source(path=path, key=key) for key in ("username", "password")}
    wish = Wish(namespace=namespace, name=name, keys=keys)
    if not backend:
        return wish
    entries = {key: {"path": path, "key": key} for key in keys}
    return replace(wish, spec={"backend": _name(backend), "keysMap": entries})


def _table(world: World, number: int) -> str:
    lines = (
        f"[backends.{_name(number)}]",
        'kind = "vault"',
        f'url = "{world.bed.openbao.url}"',
        f'role-id = "{world.role.role_id}"',
        f'secret-id = "{world.role.secret_id}"',
    )
    return "\n".join((*lines, ""))


def _name(number: int) -> str:
    return f"backend-{number}"


def _mount(number: int) -> str:
    return f"kv-{number}"


SCENARIO = Scenario(
    name="backends",
    summary="nothing changes, with 1, 5 and 20 backends",
    run=run,
    defaults=Options(period=30.0, minutes=1.0),
)
