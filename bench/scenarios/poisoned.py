"""Poisoned: cold starts among definitions that can never become a Secret.

None is sick, one in ten, all, or all of one namespace. Each part has a fresh daemon that watches the
namespaces of its part only. Sick definitions must get a condition of their own, and healthy ones must not
notice: they are compared with as many that have a daemon for themselves.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from bench.audit import by_kind, by_operation
from bench.figures import Result
from bench.meter import Meter, Stretch
from bench.pace import paced
from bench.plans import MOUNT, one_path_each
from bench.poison import Estate, beside, healthy_only, mixed
from bench.poison_figures import Aftermath, Found, Part, figures
from bench.scenario import Options, Scenario
from bench.sickbed import admit, check_estate
from bench.world import World, wait_written
from tests.testbed import logbook
from tests.testbed.daemon import DaemonProcess

_ONE_IN = 10
_SPREAD = 10
_NEW = "newcomers"
_NEW_SECONDS = 10.0
_PATIENCE_SECONDS = 120.0


def run(world: World, options: Options) -> Result:
    """Measure the parts one after the other, each in namespaces of its own."""
    found = _measure(world, options)
    return Result(
        scenario=SCENARIO.name,
        conditions={
            "definitions": options.definitions,
            "reconcile period s": options.period,
            "quiet minutes": options.minutes,
            "new": options.changes,
        },
        figures=figures(found),
        calls=by_kind(found.all_sick.cold.kubernetes),
        backend=by_operation(found.all_sick.cold.backend, MOUNT),
    )


def _measure(world: World, options: Options) -> Found:
    count, half = options.definitions, options.definitions // 2
    assert half >= _SPREAD, f"{count} definitions are too few to be divided: {2 * _SPREAD} are the least"
    alone = _start(world, healthy_only(["alone"], count - count // _ONE_IN), options)
    one_in_ten = _start(world, mixed(["few"], count, sick_every=_ONE_IN), options)
    all_sick, aftermath = _start_all_sick(world, options)
    calm = _start(world, healthy_only(_spread("calm"), half), options)
    crowd = mixed(["crowd"], half, sick_every=1)
    crowded = _start(world, beside(crowd, healthy_only(_spread("near"), half)), options)
    return Found(
        alone=alone,
        one_in_ten=one_in_ten,
        all_sick=all_sick,
        aftermath=aftermath,
        calm=calm,
        crowded=crowded,
    )


def _start_all_sick(world: World, options: Options) -> tuple[Part, Aftermath]:
    estate = mixed(["ill"], options.definitions, sick_every=1)
    seen: list[Aftermath] = []
    part = _start(world, estate, options, lambda process: seen.append(_aftermath(world, process, options)))
    return part, seen[0]


def _start(
    world: World, estate: Estate, options: Options, then: Callable[[DaemonProcess], object] = lambda _: None
) -> Part:
    """A cold start of an estate; `then` goes on with the daemon, which must be well to the end."""
    admit(world.bed, estate)
    world.wait_idle()
    flags = (f"-watch-namespaces={','.join([*estate.namespaces, _NEW])}",)
    meter = Meter(world.traffic())
    with world.daemon(options.period, flags=flags) as process:
        wait_written(meter, secrets=len(estate.healthy.wishes), statuses=len(estate.wishes))
        cold = meter.stop(process.pid)
        _check_health(process)
        then(process)
        _check_health(process)
    check_estate(estate, world.bed.cluster.api)
    return _part(estate, cold, process.output())


def _check_health(process: DaemonProcess) -> None:
    health, _ = process.fetch("/healthz")
    assert health == 200, f"/healthz answered {health}"


def _part(estate: Estate, cold: Stretch, log: str) -> Part:
    book = logbook.read(log.splitlines(), ())
    assert not book.errors, f"the daemon's log reports a fault of its own: {book.errors[0]}"
    return Part(
        healthy=len(estate.healthy.wishes),
        sick=len(estate.sick),
        cold=cold,
        logged=book.messages.total(),
        complaints=sum(
            count for (_, message), count in book.messages.items() if message == "Secret is out of sync"
        ),
        faults=len(book.errors),
    )


def _aftermath(world: World, process: DaemonProcess, options: Options) -> Aftermath:
    # Polls that came due during the cold start are made up for first.
    time.sleep(min(options.period, options.minutes * 60))
    meter = Meter(world.traffic(), process.pid)
    time.sleep(options.minutes * 60)
    quiet = meter.stop(process.pid)
    return Aftermath(quiet=quiet, latencies=_newcomers(world, options.changes))


def _newcomers(world: World, count: int) -> Sequence[float]:
    """Seconds from before each of so many healthy definitions is made to its Secret."""
    new = one_path_each([_NEW], count)
    world.prepare(new)
    expectations = []
    with world.watch() as watch:
        for wish in paced(new.wishes, count=count, seconds=_NEW_SECONDS):
            expectations.append(watch.expect(wish, new.data(wish)))
            world.define(wish)
        return watch.wait(expectations, _PATIENCE_SECONDS)


def _spread(prefix: str) -> Sequence[str]:
    return [f"{prefix}-{number}" for number in range(_SPREAD)]


SCENARIO = Scenario(
    name="poisoned",
    summary="cold starts among definitions that can never become a Secret",
    run=run,
    defaults=Options(definitions=10_000, changes=50),
)
