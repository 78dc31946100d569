"""A whole secrets-manager on the fakes: one thread, one clock that moves when told, nothing to wait for.

`settle` delivers what the cluster has to tell and works the queue until nothing is left; `pass_time` moves
the clock and runs the periodic job. `spending` counts the calls in between, the informers' lists and watches
left out.
"""

from __future__ import annotations

import base64
import contextlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from secrets_manager.backends.memory import MemoryBackend
from secrets_manager.cluster.base import DEFINITIONS, SECRETS, Json, Resource, Scope
from secrets_manager.cluster.definition_store import DefinitionStore
from secrets_manager.cluster.fenced import FencedApi
from secrets_manager.cluster.informer import Informer, Pace, Sink
from secrets_manager.cluster.secret_store import SecretStore
from secrets_manager.cluster.sinks import DefinitionListeners, DefinitionSink, SecretSink
from secrets_manager.cluster.writer import DefinitionWriter, SecretWriter
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.outcome import Outcome
from secrets_manager.domain.policy import PathPolicy
from secrets_manager.domain.secret import Digester
from secrets_manager.runtime.heartbeat import Heartbeat
from secrets_manager.sync.circuit_breaker import CircuitBreaker
from secrets_manager.sync.engine import Engine, Work
from secrets_manager.sync.following import Key, Known, turn_of
from secrets_manager.sync.poll_schedule import PollSchedule
from secrets_manager.sync.recent_readings import RecentReadings
from secrets_manager.sync.reconciler import Reconciler, Sources
from secrets_manager.sync.remover import Cluster
from secrets_manager.sync.slow_sources import SlowSources
from secrets_manager.sync.source_ledger import SourceLedger
from secrets_manager.sync.source_reader import SourceReader
from secrets_manager.sync.teller import Recorder, Teller
from secrets_manager.sync.work_queue import BackOff, WorkQueue
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
    workers: int = 16
    period: float = PERIOD
    recorder: Recorder | None = None
    events: RecordedEvents = field(default_factory=RecordedEvents)
    telemetry: RecordedTelemetry = field(default_factory=RecordedTelemetry)
    leadership: SwitchedLeadership = field(default_factory=SwitchedLeadership)
    outcomes: list[Outcome] = field(default_factory=list)
    engine: Engine = field(init=False)
    informers: list[Informer] = field(init=False)
    _pausing: dict[Informer, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.engine = self._engine()
        self.informers = [self._secrets_informer(), self._definitions_informer()]

    def restarted(self) -> World:
        """Another daemon on the same cluster, backend and clock, after this one has gone."""
        return World(cluster=self.cluster, backend=self.backend, clock=self.clock, policy=self.policy)

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
        while self.engine.work_once(0):
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
            self.engine.tick()
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

    def _engine(self) -> Engine:
        cluster = self._cluster()
        # The engine is told of what its own parts find, so those look it up when they need it.
        breaker = CircuitBreaker(self.clock, _halfway, lambda: self.engine.backend_recovered())  # noqa: PLW0108
        known = Known(
            definitions=cluster.definitions,
            secrets=cluster.secrets,
            ledger=SourceLedger(_DIGESTER),
            schedule=PollSchedule[Key](self.period),
        )
        reader = SourceReader(
            self.backend,
            breaker,
            lambda *told: self.engine.source_read(*told),  # noqa: PLW0108
            SlowSources.among(self.workers, lambda: self.engine.backend_recovered()),  # noqa: PLW0108
            recent=RecentReadings(known.ledger.is_shared, self.clock),
        )
        return Engine(
            known=known,
            work=Work(
                backend=self.backend,
                breaker=breaker,
                reader=reader,
                reconciler=self._reconciler(cluster, reader),
                teller=self._teller(cluster),
            ),
            queue=WorkQueue(
                workers=self.workers,
                clock=self.clock,
                random=_halfway,
                back_off=BackOff(),
                telemetry=self.telemetry,
                group=turn_of,
            ),
            leadership=self.leadership,
            clock=self.clock,
            on_outcome=self.outcomes.append,
        )

    def _cluster(self) -> Cluster:
        definitions, secrets = DefinitionStore(), SecretStore(self.clock)
        fenced = FencedApi(self.cluster, self.leadership.holds, SilentFence())
        statuses = DefinitionWriter(
            fenced,
            definitions,
            clock=self.clock,
            on_news=lambda ref: self.engine.definition_changed(ref),  # noqa: PLW0108
        )
        return Cluster(
            definitions=definitions,
            secrets=secrets,
            secret_writer=SecretWriter(api=fenced, store=secrets, digester=_DIGESTER),
            definition_writer=statuses,
        )

    def _reconciler(self, cluster: Cluster, reader: SourceReader) -> Reconciler:
        return Reconciler(
            cluster=cluster,
            sources=Sources(backend=self.backend, reader=reader, policy=PathPolicy(self.policy)),
            digester=_DIGESTER,
            leadership=self.leadership,
            now=self.clock.now,
            telemetry=self.telemetry,
        )

    def _teller(self, cluster: Cluster) -> Teller:
        return Teller(
            definitions=cluster.definitions,
            writer=cluster.definition_writer,
            recorder=self.recorder or self.events,
            telemetry=self.telemetry,
            clock=self.clock,
            now=self.clock.now,
        )

    def _definitions_informer(self) -> Informer:
        listeners = DefinitionListeners(
            listed=self.engine.definition_listed,
            changed=self.engine.definition_changed,
            deleted=self.engine.definition_deleted,
            missing=self.engine.definition_missing,
        )
        store = self.engine.known.definitions
        return self._informer(DEFINITIONS, DefinitionSink(store=store, listeners=listeners, namespace=None))

    def _secrets_informer(self) -> Informer:
        sink = SecretSink(
            store=self.engine.known.secrets,
            digester=_DIGESTER,
            changed_secret=self.engine.secret_changed,
            tracking_changed=self.engine.secrets_tracking_changed,
            namespace=None,
        )
        return self._informer(SECRETS, sink, OUR_SECRETS)

    def _informer(self, resource: Resource, sink: Sink, selector: str = "") -> Informer:
        scope = Scope(resource=resource, selector=selector)
        heartbeat = Heartbeat(resource.plural, 120.0, self.clock)
        pace = Pace(forbidden=300.0, jitter=_halfway)
        recovered = self.engine.cluster_recovered
        return Informer(self.cluster, scope, sink, heartbeat, pace, self.clock, recovered=recovered)


def wanting(secret: str = "app", path: str = "app", key: str = "user", **rest: Any) -> Json:
    """The spec of a Secret whose one data key is called as the backend's."""
    return {"name": secret, "keysMap": {key: {"path": path, "key": key, **rest.pop("source", {})}}, **rest}


def encoded(value: str) -> str:
    """As the API server sends it."""
    return base64.b64encode(value.encode()).decode()


def _halfway() -> float:
    return 0.5
