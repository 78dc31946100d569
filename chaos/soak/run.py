"""A soak from begin to end: bring all in step, let faults come and go while everything is in motion, then let
it be calm, and look whether all is as it should be.

The servers are started and stopped here, on the calling thread: they end with the thread that started them.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field

from chaos.soak import logbook, samples
from chaos.soak.estate import CANARY, Estate, Gardener, Swell, in_motion
from chaos.soak.faults import FAULTS, kinds
from chaos.soak.forecast import Climate, Spell, Turn, forecast
from chaos.soak.layout import paths
from chaos.soak.logbook import Logbook
from chaos.soak.samples import Sample
from chaos.soak.scene import Scene
from chaos.soak.verdict import Evidence
from chaos.witness import Witness
from tests.testbed.daemon import DaemonProcess
from tests.testbed.waiting import wait_until

# So many samples are taken of the calm at the end.
_LAST_LOOKS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run is.

    Attributes:
        seed: of all that is random.
        definitions: that stay to the end.
        seconds: during which faults come and go.
        climate: how long they and the calm between them last.
        slow: whether those faults come, too, that a server takes long to come back from.
        churn: seconds between two definitions that are made, and deleted later.
        interval: seconds between two samples.
        settle: seconds that all may take to be in step at the end. What a person must act on is looked at
            again after five minutes at the latest, and so is the deletion of a Secret that was refused.

    """

    seed: int
    definitions: int = 300
    seconds: float = 1200.0
    climate: Climate = field(default_factory=Climate)
    slow: bool = True
    churn: float = 0.5
    interval: float = 3.0
    settle: float = 330.0


@dataclass(eq=False, slots=True, kw_only=True)
class Diary:
    """What happens in a run as it happens: samples, faults in force, and how many of each kind there were.

    `told` gets each sample, and the number of faults so far.
    """

    told: Callable[[Sample, int], None] = lambda _, __: None
    samples: list[Sample] = field(default_factory=list)
    in_force: set[str] = field(default_factory=set)
    spells: Counter[str] = field(default_factory=Counter)

    def begin(self, name: str) -> None:
        """A fault is in force."""
        self.spells[name] += 1
        self.in_force.add(name)

    def look(self, daemon: DaemonProcess, at: float) -> None:
        """Take a sample; none of a daemon that has ended."""
        with suppress(FileNotFoundError, ProcessLookupError, KeyError):
            self.samples.append(samples.take(daemon, at, tuple(self.in_force)))
            self.told(self.samples[-1], self.spells.total())


def soak(scene: Scene, plan: Plan, diary: Diary) -> Evidence:
    """Carry out the plan. The daemon is stopped at the end."""
    witness = Witness(scene.stage.cluster.api, scene.namespace)
    estate = Estate(scene.stage, scene.namespace, plan.definitions, witness.judge)
    estate.seed()
    wait_until(lambda: not estate.amiss(1), plan.settle, "all in step before the first fault", 0.5)
    witness.start()
    try:
        with _sampled(scene, plan, diary):
            level = _under_faults(scene, plan, estate, diary)
            amiss = _settled(scene, estate, level, plan.settle)
            time.sleep(_LAST_LOOKS * plan.interval)
        left_over = estate.left_over()
    finally:
        witness.stop()
    strays = _strays(scene, estate)
    exit_code = scene.daemon.stop()
    return Evidence(
        samples=diary.samples,
        faults=witness.judge.faults,
        amiss=amiss,
        left_over=left_over,
        strays=strays,
        logbook=_log(scene),
        exit_code=exit_code,
    )


def _log(scene: Scene) -> Logbook:
    with scene.daemon.log_file.open(encoding="utf-8", errors="replace") as lines:
        return logbook.read(lines, [*scene.planted, CANARY])


def _under_faults(scene: Scene, plan: Plan, estate: Estate, diary: Diary) -> int:
    """Everything in motion and faults on top; in the end calm, and every path at the level returned."""
    chance = random.Random(plan.seed)
    turns = forecast(chance, kinds(slow=plan.slow), plan.climate, plan.seconds)
    swell = Swell(scene.stage.openbao, scene.namespace, paths(estate.plots), random.Random(chance.random()))
    gardener = Gardener(
        estate, random.Random(chance.random()), pause=plan.churn, standing=plan.definitions // 10
    )
    with in_motion(swell, gardener):
        _weather(scene, turns, diary, chance)
    gardener.tidy()
    swell.raise_once()
    return swell.level


def _weather(scene: Scene, turns: Sequence[Turn], diary: Diary, chance: random.Random) -> None:
    began = time.monotonic()
    running: dict[Spell, ExitStack] = {}
    with ExitStack() as all_of_them:
        for turn in turns:
            time.sleep(max(0.0, began + turn.at - time.monotonic()))
            spell = turn.spell
            name = f"{spell.server}: {spell.kind}"
            if turn.begins:
                diary.begin(name)
                running[spell] = all_of_them.enter_context(ExitStack())
                running[spell].enter_context(FAULTS[spell.server][spell.kind](scene.stage, chance))
            else:
                running.pop(spell).close()
                diary.in_force.discard(name)


def _settled(scene: Scene, estate: Estate, level: int, seconds: float) -> Sequence[str]:
    """Which Secrets are not in step after so many seconds; as soon as all is settled, none are."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        amiss = estate.amiss(level)
        if not amiss and not estate.left_over() and not _strays(scene, estate):
            break
        time.sleep(0.5)
    return estate.amiss(level)


def _strays(scene: Scene, estate: Estate) -> list[str]:
    return samples.strays(list(samples.parse(scene.daemon.fetch("/metrics")[1])), estate.living())


@contextmanager
def _sampled(scene: Scene, plan: Plan, diary: Diary) -> Iterator[None]:
    """A sample every interval while this lasts."""
    stop, began = threading.Event(), time.monotonic()

    def work() -> None:
        while not stop.wait(plan.interval):
            scene.stage.api_proxy.forget()
            scene.stage.backend_proxy.forget()
            diary.look(scene.daemon, time.monotonic() - began)

    thread = threading.Thread(target=work, name="sampler", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(30)
