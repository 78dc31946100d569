"""A soak from begin to end: bring all in step, let faults come and go while everything is in motion, then let
it be calm, and check that all is as it should be.

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

from chaos.restarts import Workload
from chaos.soak import samples
from chaos.soak.estate import CANARY, Churn, Estate, RandomRises, in_motion
from chaos.soak.faults import FAULTS, kinds
from chaos.soak.forecast import Climate, Spell, Turn, forecast
from chaos.soak.layout import USED, paths
from chaos.soak.samples import Sample
from chaos.soak.scene import Scene
from chaos.soak.verdict import CALM_LOOKS, Evidence
from chaos.witness import Witness
from tests.testbed import logbook
from tests.testbed.daemon import DaemonProcess
from tests.testbed.logbook import Logbook
from tests.testbed.waiting import wait_until


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The options of a run.

    Attributes:
        seed: of all that is random.
        definitions: that stay to the end.
        seconds: during which faults come and go.
        climate: how long they and the calm between them last.
        slow: whether faults come, too, from which a server recovers slowly.
        churn: seconds between two definitions that are made, and deleted later.
        interval: seconds between two samples.
        settle: seconds that all may take to be in step at the end. A permanent fault is reconciled again
            after five minutes at the latest, and so is the refused deletion of a Secret.

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
    """The events of a run as they happen: samples, faults in force, and how many of each kind there were.

    `on_sample` gets each sample, and the number of faults so far.
    """

    on_sample: Callable[[Sample, int], None] = lambda _, __: None
    samples: list[Sample] = field(default_factory=list)
    in_force: set[str] = field(default_factory=set)
    spells: Counter[str] = field(default_factory=Counter)

    def begin(self, name: str) -> None:
        """A fault is in force."""
        self.spells[name] += 1
        self.in_force.add(name)

    def sample(self, daemon: DaemonProcess, at: float) -> None:
        """Take a sample; none of a daemon that has ended."""
        with suppress(FileNotFoundError, ProcessLookupError, KeyError):
            self.samples.append(samples.take(daemon, at, tuple(self.in_force)))
            self.on_sample(self.samples[-1], self.spells.total())


def soak(scene: Scene, plan: Plan, diary: Diary) -> Evidence:
    """Carry out the plan. The daemon is stopped at the end."""
    witness = Witness(scene.stage.cluster.api, scene.namespace)
    estate = Estate(scene.stage, scene.namespace, plan.definitions, witness.judge)
    workload = Workload(scene.stage.cluster.api, scene.namespace, witness.restarts)
    workload.make(USED)
    estate.seed()
    wait_until(lambda: not estate.amiss(1), plan.settle, "all in step before the first fault", 0.5)
    witness.start()
    workload.start()
    try:
        with _sampled(scene, plan, diary):
            level = _under_faults(scene, plan, estate, diary)
            amiss = _settled(scene, estate, level, witness, plan.settle)
            time.sleep((CALM_LOOKS + 1) * plan.interval)
        left_over = estate.left_over()
    finally:
        workload.stop()
        witness.stop()
    strays = _strays(scene, estate)
    exit_code = scene.daemon.stop()
    return Evidence(
        samples=diary.samples,
        faults=witness.judge.faults,
        restarts=witness.restarts.faults(USED),
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
    rng = random.Random(plan.seed)
    turns = forecast(rng, kinds(slow=plan.slow), plan.climate, plan.seconds)
    rises = RandomRises(
        scene.stage.openbao, scene.namespace, paths(estate.planned), random.Random(rng.random())
    )
    churn = Churn(estate, random.Random(rng.random()), pause=plan.churn, standing=plan.definitions // 10)
    with in_motion(rises, churn):
        _weather(scene, turns, diary, rng)
    churn.clean_up()
    rises.raise_once()
    return rises.level


def _weather(scene: Scene, turns: Sequence[Turn], diary: Diary, rng: random.Random) -> None:
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
                running[spell].enter_context(FAULTS[spell.server][spell.kind](scene.stage, rng))
            else:
                running.pop(spell).close()
                diary.in_force.discard(name)


def _settled(scene: Scene, estate: Estate, level: int, witness: Witness, seconds: float) -> Sequence[str]:
    """Which Secrets are not in step after so many seconds; as soon as all is settled, none are."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        late = estate.amiss(level) or witness.restarts.is_behind(USED)
        if not late and not estate.left_over() and not _strays(scene, estate):
            break
        time.sleep(0.5)
    return estate.amiss(level)


def _strays(scene: Scene, estate: Estate) -> list[str]:
    return samples.strays(list(samples.parse(scene.daemon.metrics())), estate.living())


@contextmanager
def _sampled(scene: Scene, plan: Plan, diary: Diary) -> Iterator[None]:
    """A sample every interval while this lasts."""
    stop, began = threading.Event(), time.monotonic()

    def work() -> None:
        while not stop.wait(plan.interval):
            scene.stage.api_proxy.forget()
            scene.stage.backend_proxy.forget()
            diary.sample(scene.daemon, time.monotonic() - began)

    thread = threading.Thread(target=work, name="sampler", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(30)
