"""A whole secrets-manager on the fakes: one thread, one clock that moves when told, nothing to wait for.

`settle` delivers what the cluster has to tell and works the queue until nothing is left; `pass_time` moves
the clock and runs the periodic job. `spending` counts the calls in between, the informers' lists and watches
left out.
"""

from __future__ import annotations

import base64
import contextlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from secrets_manager.backends.base import Backend
from secrets_manager.backends.memory import MemoryBackend
from secrets_manager.cluster.base import DEFINITIONS, SECRETS, Json, Resource
from secrets_manager.cluster.client.retry_pauses import PausingApi
from secrets_manager.cluster.lead.fenced import FencedApi
from secrets_manager.cluster.view.informer import Informer
from secrets_manager.daemon.core import CoreParts, Times, build_core, build_informers
from secrets_manager.domain.backend_name import DEFAULT_BACKEND
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.outcome import Outcome
from secrets_manager.domain.policy_rules import Rule
from secrets_manager.domain.secret import Digester
from secrets_manager.runtime.heartbeat import Heartbeats
from secrets_manager.settings import BackendSettings, ControllerSettings, PolicySettings, Settings
from secrets_manager.sync.agenda import Agenda
from secrets_manager.sync.notices import Recorder
from secrets_manager.sync.reading.upstream import Upstream, Upstreams
from secrets_manager.sync.rounds import Rounds
from secrets_manager.sync.workers import Workers
from tests.unit.sync.doubles import (
    FakeClock,
    LossyCluster,
    RecordedEvents,
    RecordedTelemetry,
    SilentFence,
    SwitchedLeadership,
)

PERIOD = 5.0
TEAM = "team"
OUR_SECRETS = "app.kubernetes.io/managed-by=secrets-manager"
_DIGESTER = Digester(b"a key of the tests" * 2)


@dataclass
class Spent:
    """Calls to the API server as "verb resource", and reads of the backend."""

    calls: dict[str, int] = field(default_factory=dict)
    reads: int = 0


NOTHING = Spent()


@dataclass(eq=False, kw_only=True)
class World:
    """Everything assembled; `start` is the daemon's start."""

    cluster: LossyCluster = field(default_factory=LossyCluster)
    backend: MemoryBackend = field(default_factory=MemoryBackend)
    clock: FakeClock = field(default_factory=FakeClock)
    policy: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()
    workers: int = 16
    period: float = PERIOD
    recorder: Recorder | None = None
    events: RecordedEvents = field(default_factory=RecordedEvents)
    telemetry: RecordedTelemetry = field(default_factory=RecordedTelemetry)
    leadership: SwitchedLeadership = field(default_factory=SwitchedLeadership)
    outcomes: list[Outcome] = field(default_factory=list)
    others: Mapping[str, Backend] = field(default_factory=dict)
    # Whether there is the backend that definitions read which name none.
    has_default: bool = True
    # Periods of those of them that have one of their own.
    periods: Mapping[str, float] = field(default_factory=dict)
    agenda: Agenda = field(init=False)
    upstreams: Upstreams = field(init=False)
    workforce: Workers = field(init=False)
    rounds: Rounds = field(init=False)
    informers: list[Informer] = field(init=False)
    _pausing: dict[Informer, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        around = self._core_parts()
        core = build_core(around)
        self.agenda, self.upstreams = core.agenda, core.upstreams
        self.workforce, self.rounds = core.workers, core.rounds
        informers = build_informers(around, self.cluster, self.agenda, Heartbeats(self.clock))
        self.informers = [informer for each in informers for informer in each]
        for informer in self.informers:
            # Watches end at once here, and their clock stands still meanwhile.
            informer.shortest_watch = 0.0

    def restarted(self, *, without: Collection[str] = ()) -> World:
        """Another daemon on the same cluster, backends and clock, after this one has gone.

        Its settings have no backend of these names any more.
        """
        return World(
            cluster=self.cluster,
            backend=self.backend,
            clock=self.clock,
            policy=self.policy,
            rules=self.rules,
            others={name: backend for name, backend in self.others.items() if name not in without},
            periods=self.periods,
        )

    @property
    def upstream(self) -> Upstream:
        """The backend that definitions read which name none."""
        return self.upstreams[DEFAULT_BACKEND]

    # ── what happens ─────────────────────────────────────────────────────────────────────────────────

    def start(self) -> World:
        """List everything, then work until nothing is left."""
        self.settle()
        return self

    def deliver(self) -> None:
        """Have the informers hear what happened; they list where they have to, and pause after a fault."""
        for informer in self.informers:
            if self.clock() >= self._pausing.get(informer, 0.0):
                pause = informer._turn()
                self._pausing[informer] = self.clock() + pause if informer.fault else 0.0

    def work(self) -> int:
        """Work until the queue is empty; returns how many keys were taken."""
        taken = 0
        while self.workforce.work_once(0):
            taken += 1
            assert taken < 10_000, "the queue never ends"
        return taken

    def settle(self) -> None:
        """Deliver and work in turns until nothing is left."""
        self.deliver()
        while self.work():
            self.deliver()

    def pass_time(self, seconds: float = PERIOD, step: float = 1.0) -> None:
        """Let time pass in steps, with the periodic job and everything that follows from it."""
        ends_at = self.clock() + seconds
        while self.clock() < ends_at:
            self.clock.advance(min(step, ends_at - self.clock()))
            self.rounds.tick()
            self.settle()

    # ── what people do ───────────────────────────────────────────────────────────────────────────────

    def define(self, name: str = "app", *, spec: Any = None, created: str = "", **metadata: Any) -> Ref:
        """Create a SecretDefinition; without ``spec`` its Secret has its own name and one key."""
        if created:
            metadata["creationTimestamp"] = created
        body = {
            "apiVersion": "secrets-manager.tuenti.io/v1alpha1",
            "kind": "SecretDefinition",
            "metadata": {"name": name, **metadata},
            "spec": wanting(name) if spec is None else spec,
        }
        with self.cluster.undisturbed():
            self.cluster.create(DEFINITIONS, TEAM, body)
        return Ref(TEAM, name)

    def respecify(self, ref: Ref, spec: Json) -> None:
        """Change the spec of a SecretDefinition."""
        self.cluster.edit(DEFINITIONS, ref, {"spec": spec})

    def annotate(self, ref: Ref, **annotations: str) -> None:
        """Set annotations of ours on a SecretDefinition."""
        marks = {f"secrets-manager.tuenti.io/{name}": value for name, value in annotations.items()}
        self.cluster.edit(DEFINITIONS, ref, {"metadata": {"annotations": marks}})

    def delete(self, ref: Ref, resource: Resource = DEFINITIONS) -> None:
        """Delete an object."""
        with self.cluster.undisturbed():
            self.cluster.delete(resource, ref, {})

    def make_secret(self, name: str = "app", data: Mapping[str, str] | None = None, **rest: Any) -> Ref:
        """Create a Secret by other means than this program."""
        metadata = {"name": name, **rest.pop("metadata", {})}
        body = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque", **rest}
        body["data"] = {key: encoded(value) for key, value in (data or {}).items()}
        with self.cluster.undisturbed():
            self.cluster.create(SECRETS, TEAM, body)
        return Ref(TEAM, name)

    def edit_secret(self, name: str = "app", **values: str) -> None:
        """Change the data of a Secret by hand."""
        data = {key: encoded(value) for key, value in values.items()}
        self.cluster.edit(SECRETS, Ref(TEAM, name), {"data": data})

    # ── what is there ────────────────────────────────────────────────────────────────────────────────

    def secret(self, name: str = "app") -> Json | None:
        """The Secret as it is in the cluster."""
        return self.cluster.snapshot(SECRETS, Ref(TEAM, name))

    def data(self, name: str = "app") -> dict[str, str] | None:
        """The decoded data of the Secret, or None when there is none."""
        found = self.secret(name)
        return found and {key: base64.b64decode(value).decode() for key, value in found["data"].items()}

    def metadata(self, name: str = "app") -> Json:
        """The metadata of the Secret."""
        found = self.secret(name)
        assert found is not None
        metadata: Json = found["metadata"]
        return metadata

    def definition(self, name: str = "app") -> Json:
        """The SecretDefinition as it is in the cluster."""
        found = self.cluster.snapshot(DEFINITIONS, Ref(TEAM, name))
        assert found is not None
        return found

    def status(self, name: str = "app") -> Json:
        """The status of the SecretDefinition, {} when it has none."""
        status: Json = self.definition(name).get("status", {})
        return status

    def condition(self, name: str = "app") -> tuple[str, str]:
        """Status and reason of the Ready condition."""
        condition = self.status(name)["conditions"][0]
        return condition["status"], condition["reason"]

    @contextlib.contextmanager
    def spending(self) -> Iterator[Spent]:
        """Count what is spent inside the block."""
        spent, calls, reads = Spent(), Counter(self.cluster.calls), self.backend.reads()
        yield spent
        made = self.cluster.calls - calls
        spent.calls = {
            f"{verb} {what}": count for (verb, what), count in made.items() if verb not in ("list", "watch")
        }
        spent.reads = self.backend.reads() - reads

    # ── assembly ─────────────────────────────────────────────────────────────────────────────────────

    def _named(self, name: str) -> BackendSettings:
        return BackendSettings(
            name=name,
            kind="memory",
            table=f"backends.{name}",
            own=None,
            timeout=Settings().backend_timeout,
            reconcile_period=self.periods.get(name, self.period),
        )

    def _core_parts(self) -> CoreParts:
        return CoreParts(
            settings=Settings(
                # Tries that are left early go by a clock that does not move here.
                once=True,
                controller=ControllerSettings(reconcile_period=self.period, workers=self.workers),
                policy=PolicySettings(paths=self.policy, rules=self.rules),
                named=tuple(map(self._named, self.others)),
                has_default=self.has_default,
            ),
            api=FencedApi(PausingApi(self.cluster, self.clock), self.leadership.holds, SilentFence()),
            backends={DEFAULT_BACKEND: self.backend, **self.others},
            digester=_DIGESTER,
            recorder=self.recorder or self.events,
            telemetry=self.telemetry,
            leadership=self.leadership,
            times=Times(monotonic=self.clock, now=self.clock.now, random=_halfway, sleep=self.clock.advance),
            on_outcome=self.outcomes.append,
        )


def wanting(secret: str = "app", path: str = "app", key: str = "user", **rest: Any) -> Json:
    """The spec of a Secret whose one data key is called as the backend's."""
    return {"name": secret, "keysMap": {key: {"path": path, "key": key, **rest.pop("source", {})}}, **rest}


def encoded(value: str) -> str:
    """As the API server sends it."""
    return base64.b64encode(value.encode()).decode()


def _halfway() -> float:
    return 0.5
