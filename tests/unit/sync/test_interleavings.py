"""The order of reading is the fence: every interleaving of two would-be leaders and two backend updates.

Each leader makes one pass of three steps (look at the Secret, read the backend, write), the backend changes
twice in between: 8! / (3! 3! 2!) = 560 schedules. Half of them are played: the others are these with the two
leaders, who are alike, exchanged. A regression is a write that puts an older value over a
newer one. The steps are those of the real Reconciler, held at its calls to the cluster and to the backend;
the control, which reads the backend first as the original did, shows that the check can fail.
"""

from __future__ import annotations

import base64
import itertools
import math
import threading
from collections.abc import Iterator
from dataclasses import dataclass, fields

import pytest

from secrets_manager.backends.base import Reading, Source
from secrets_manager.backends.memory import MemoryBackend
from secrets_manager.cluster import manifests
from secrets_manager.cluster.base import DEFINITIONS, SECRETS, Json, Resource
from secrets_manager.cluster.lead.fenced import SoleReplica
from secrets_manager.cluster.view.definition_store import DefinitionEntry
from secrets_manager.daemon.core import CoreParts, Times, build_core
from secrets_manager.domain.backend_name import DEFAULT_BACKEND
from secrets_manager.domain.definition import Definition, Ref, SecretSpec
from secrets_manager.domain.outcome import Outcome
from secrets_manager.domain.secret import Digester
from secrets_manager.runtime.terms import Terms
from secrets_manager.settings import Settings
from secrets_manager.sync.gatherer import Gatherer, GiveWay
from secrets_manager.sync.gathering import Gathered
from secrets_manager.sync.reconciler import Reconciler
from tests.silent import SilentSync
from tests.unit.sync.doubles import FakeClock, LossyCluster, RecordedEvents
from tests.unit.sync.world import TEAM, World

APP = Ref(TEAM, "app")
STEPS = 3
UPDATES = "u" * 2
CLOCK = FakeClock()


class PassOver(Exception):
    """The pass has made its three steps: what it would try after a conflict is another pass."""


class WorkerShares:
    """Holds one pass before each of its steps until it is told to go on."""

    def __init__(self) -> None:
        self._go = threading.Semaphore(0)
        self._held = threading.Semaphore(0)
        self._steps = 0
        self._over = False

    def gate(self) -> None:
        """Called by the pass before a step."""
        if self._steps == STEPS:
            raise PassOver
        self._steps += 1
        self._held.release()
        assert self._go.acquire(timeout=30)

    def over(self) -> None:
        """Called by the pass at its end."""
        self._over = True
        self._held.release()

    def begun(self) -> None:
        """Return once the pass is held before its first step."""
        assert self._held.acquire(timeout=30)

    def step(self) -> None:
        """Let the pass make one step; nothing when it is over."""
        if not self._over:
            self._go.release()
            assert self._held.acquire(timeout=30)


class HeldCluster:
    """The shared cluster as one leader reaches it: reads and writes of Secrets wait for their turn."""

    def __init__(self, cluster: RecordingCluster, turns: WorkerShares) -> None:
        self._cluster = cluster
        self._turns = turns

    def get(self, resource: Resource, ref: Ref) -> Json:
        self._turns.gate()
        return self._cluster.get(resource, ref)

    def replace(self, resource: Resource, ref: Ref, body: Json, *, subresource: str = "") -> Json:
        self._turns.gate()
        return self._cluster.replace(resource, ref, body, subresource=subresource)

    def __getattr__(self, verb: str) -> object:
        raise AssertionError(f"a pass has no reason to call {verb}")


class HeldBackend(MemoryBackend):
    """The shared backend as one leader reaches it."""

    def __init__(self, backend: MemoryBackend, turns: WorkerShares) -> None:
        super().__init__()
        self._shared = backend
        self._turns = turns

    def read(self, source: Source, terms: Terms) -> Reading:
        self._turns.gate()
        return self._shared.read(source, terms)


class RecordingCluster(LossyCluster):
    """Notes each write that put an older value over a newer one."""

    def __init__(self) -> None:
        super().__init__()
        self.regressions = 0

    def replace(self, resource: Resource, ref: Ref, body: Json, *, subresource: str = "") -> Json:
        before = self.snapshot(resource, ref)
        reply = super().replace(resource, ref, body, subresource=subresource)
        if resource == SECRETS and before is not None:
            self.regressions += _value(reply) < _value(before)
        return reply


@dataclass(eq=False, kw_only=True)
class Early(Gatherer):
    """Gives what it gathered before."""

    taken: Gathered | None = None

    def gather(self, asker: Ref, spec: SecretSpec, since: float, give_way: GiveWay) -> Gathered:
        taken, self.taken = self.taken, None
        return taken or super().gather(asker, spec, since, give_way)


class BackendFirst(Reconciler):
    """The control: the order of the original, with the resourceVersion all the same."""

    def _sync(self, definition: Definition, asked_at: float, give_way: GiveWay) -> Outcome:
        assert isinstance(definition.spec, SecretSpec)
        early = Early(upstreams=self.upstreams, routes=self.routes, telemetry=self.telemetry)
        early.taken = early.gather(definition.ref, definition.spec, math.inf, give_way)
        self._gatherer = early
        return super()._sync(definition, asked_at, give_way)


def _value(secret: Json) -> int:
    return int(base64.b64decode(secret["data"]["user"]))


def schedules() -> Iterator[str]:
    """Every order of three steps of leader a, which begins, three of leader b and two updates, each once."""
    letters = "a" * STEPS + "b" * STEPS + UPDATES
    places = range(len(letters))
    for mine in itertools.combinations(places, STEPS):
        rest = [place for place in places if place not in mine]
        for theirs in itertools.combinations(rest, STEPS):
            if theirs < mine:
                continue
            yield "".join("a" if at in mine else "b" if at in theirs else "u" for at in places)


class Scene:
    """A Secret in step with version 0 of its source, and two leaders that are about to make a pass."""

    def __init__(self, kind: type[Reconciler]) -> None:
        self.cluster = RecordingCluster()
        self.backend = MemoryBackend()
        self._kind = kind
        self._latest = 0
        self.backend.put("app", {"user": "0"})
        world = World(cluster=self.cluster, backend=self.backend)
        world.define()
        world.start()

    def play(self, schedule: str) -> None:
        leaders = {name: self._begin() for name in "ab"}
        for letter in schedule:
            if letter == "u":
                self._latest += 1
                self.backend.put("app", {"user": str(self._latest)})
            else:
                leaders[letter].step()

    def _begin(self) -> WorkerShares:
        turns = WorkerShares()
        threading.Thread(target=self._pass, args=(turns,), daemon=True).start()
        turns.begun()
        return turns

    def _pass(self, turns: WorkerShares) -> None:
        try:
            self._leader(turns).reconcile(APP, math.inf, lambda _ref: None)
        except PassOver:
            pass
        finally:
            turns.over()

    def _leader(self, turns: WorkerShares) -> Reconciler:
        core = build_core(
            CoreParts(
                settings=Settings(once=True),
                api=HeldCluster(self.cluster, turns),  # type: ignore[arg-type]
                backends={DEFAULT_BACKEND: HeldBackend(self.backend, turns)},
                digester=Digester(b"a key of the tests" * 2),
                recorder=RecordedEvents(),
                telemetry=SilentSync(),
                leadership=SoleReplica(),
                times=Times(monotonic=CLOCK, now=CLOCK.now, random=lambda: 0.5, sleep=CLOCK.advance),
            )
        )
        raw = self.cluster.snapshot(DEFINITIONS, APP)
        assert raw is not None
        entry = DefinitionEntry(manifests.definition(raw), manifests.version_of(raw), None)
        core.agenda.view.definitions.apply(entry)
        wired = core.workers.reconciler
        return self._kind(**{each.name: getattr(wired, each.name) for each in fields(wired) if each.init})


def regressing(kind: type[Reconciler]) -> list[str]:
    """The schedules in which an older value was put over a newer one."""
    found = []
    for schedule in schedules():
        scene = Scene(kind)
        scene.play(schedule)
        if scene.cluster.regressions:
            found.append(schedule)
    return found


def test_there_are_560_schedules_with_those_in_which_the_leaders_are_exchanged() -> None:
    exchanged = {schedule.translate(str.maketrans("ab", "ba")) for schedule in schedules()}

    assert len({*schedules()} | exchanged) == 560 == 2 * len(list(schedules()))


def test_with_the_secret_read_first_no_schedule_puts_an_older_value_over_a_newer() -> None:
    assert regressing(Reconciler) == []


def test_the_control_with_the_backend_read_first_regresses_in_7_schedules() -> None:
    assert len(regressing(BackendFirst)) == 7


@pytest.mark.parametrize(
    ("schedule", "writes", "value"),
    [
        ("uaaabbb", 1, "1"),
        ("aauabbb", 1, "1"),
        ("abuabab", 2, "1"),
        ("uaauabbb", 2, "2"),
        ("uabababu", 2, "1"),
    ],
)
def test_the_passes_of_the_check_do_write(schedule: str, writes: int, value: str) -> None:
    scene = Scene(Reconciler)
    before = scene.cluster.calls["update", "secrets"]
    scene.play(schedule)

    assert scene.cluster.calls["update", "secrets"] - before == writes
    found = scene.cluster.snapshot(SECRETS, APP)
    assert found is not None
    assert _value(found) == int(value)
