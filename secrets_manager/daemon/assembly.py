"""Puts the parts together: settings in, a program that is ready to start out. No thread is started here."""

from __future__ import annotations

import os
import socket
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from secrets_manager.backends.base import Backend
from secrets_manager.backends.factory import Telemetry, build_backend
from secrets_manager.cluster.api import HttpKubernetesApi
from secrets_manager.cluster.base import DEFINITIONS, SECRETS, KubernetesApi, Resource, Scope
from secrets_manager.cluster.credentials import Credentials
from secrets_manager.cluster.definition_store import DefinitionStore
from secrets_manager.cluster.event_recorder import EventRecorder
from secrets_manager.cluster.fenced import FencedApi
from secrets_manager.cluster.informer import Informer, Pace, Sink
from secrets_manager.cluster.leader_election import Clocks, LeaderElector, Terms
from secrets_manager.cluster.secret_store import SecretStore
from secrets_manager.cluster.sinks import DefinitionListeners, DefinitionSink, SecretSink
from secrets_manager.cluster.wire import Limits
from secrets_manager.cluster.writer import DefinitionWriter, SecretWriter
from secrets_manager.daemon.metrics import Metrics
from secrets_manager.daemon.workforce import workers_of
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import ConfigError
from secrets_manager.domain.outcome import Outcome
from secrets_manager.domain.policy import PathPolicy
from secrets_manager.domain.secret import MANAGED_BY, MANAGED_BY_LABEL, Digester
from secrets_manager.runtime.chance import chance
from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.runtime.heartbeat import Heartbeats
from secrets_manager.settings import Settings
from secrets_manager.sync.circuit_breaker import CircuitBreaker
from secrets_manager.sync.engine import Engine, Work
from secrets_manager.sync.first_tries import FirstTries
from secrets_manager.sync.following import Key, Known, turn_of
from secrets_manager.sync.leadership import Leadership, SoleReplica
from secrets_manager.sync.poll_schedule import PollSchedule
from secrets_manager.sync.recent_readings import RecentReadings
from secrets_manager.sync.reconciler import Reconciler, Sources
from secrets_manager.sync.remover import Cluster
from secrets_manager.sync.slow_sources import SlowSources
from secrets_manager.sync.source_ledger import SourceLedger
from secrets_manager.sync.source_reader import SourceReader
from secrets_manager.sync.teller import Teller
from secrets_manager.sync.work_queue import BackOff, WorkQueue

OUR_SECRETS = f"{MANAGED_BY_LABEL}={MANAGED_BY}"
_SHORTEST_WATCH = 1.0
_LEAST_SILENCE_LIMIT = 25.0
_LEASE_TIMEOUT = 3.0
_NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
# Without the right to list Secrets the daemon works all the same, and few people ever add it.
_SECRETS_FORBIDDEN_PAUSE = 300.0
_LEAST_BACK_OFF_CAP = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """What the program touches of the outer world; tests hand in their own."""

    api: KubernetesApi
    lease_api: KubernetesApi
    backend: Backend
    watchdog: Watchdog = field(default_factory=Watchdog)


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """The parts that have a life of their own."""

    settings: Settings
    metrics: Metrics
    heartbeats: Heartbeats
    outside: Outside
    engine: Engine
    secret_informers: list[Informer]
    definition_informers: list[Informer]
    recorder: EventRecorder
    leadership: Leadership
    elector: LeaderElector | None

    @property
    def informers(self) -> list[Informer]:
        """All informers."""
        return [*self.secret_informers, *self.definition_informers]


def real_world(settings: Settings, metrics: Metrics) -> Outside:
    """The API server and the backend of the settings. Makes no call; raises ConfigError."""
    watchdog = Watchdog()
    credentials = Credentials(settings.kubernetes.kubeconfig)
    credentials.configuration.connection_pool_maxsize = settings.controller.workers + 8
    api = HttpKubernetesApi(
        credentials,
        watchdog,
        metrics.cluster,
        timeout=settings.kubernetes.request_timeout,
        limits=_limits(settings),
    )
    # A pool of its own: the Lease must not wait behind anything, nor share a connection that hangs.
    lease_api = HttpKubernetesApi(credentials, watchdog, metrics.cluster, timeout=_LEASE_TIMEOUT)
    telemetry = Telemetry(vault=metrics.vault, azure_kv=metrics.azure_kv)
    backend = build_backend(settings, telemetry=telemetry, watchdog=watchdog)
    return Outside(api=api, lease_api=lease_api, backend=backend, watchdog=watchdog)


def assemble(
    settings: Settings,
    metrics: Metrics,
    outside: Outside,
    on_outcome: Callable[[Outcome], None] = lambda _: None,
) -> Program:
    """Wire everything for ``settings``."""
    heartbeats = Heartbeats()
    digester = Digester(os.urandom(32))
    identity = f"{socket.gethostname()}_{uuid.uuid4()}"
    # The engine is told when we lead, so this looks it up when that happens.
    elector = _elector(settings, metrics, outside, identity, heartbeats, lambda: engine.lead())  # noqa: PLW0108
    leadership: Leadership = elector or SoleReplica()
    metrics.election.leading(leads=elector is None)
    fenced = FencedApi(outside.api, leadership.holds, metrics.election)
    recorder = EventRecorder(
        api=fenced,
        controller="secrets-manager",
        instance=identity,
        clock=time.monotonic,
        now=_now,
        heartbeat=heartbeats.register("events", limit=silence_limit(settings)),
    )
    shared = _Shared(fenced, digester, recorder, leadership)
    engine = _engine(settings, metrics, outside, shared, on_outcome)
    secret_informers, definition_informers = _informers(settings, outside.api, engine, digester, heartbeats)
    return Program(
        settings=settings,
        metrics=metrics,
        heartbeats=heartbeats,
        outside=outside,
        engine=engine,
        secret_informers=secret_informers,
        definition_informers=definition_informers,
        recorder=recorder,
        leadership=leadership,
        elector=elector,
    )


def namespaces_of(settings: Settings) -> list[str | None]:
    """The namespaces to list and watch one by one, or [None] for one list of the whole cluster."""
    watched, excluded = settings.controller.watch_namespaces, settings.controller.exclude_namespaces
    if not watched:
        return [None]
    return [namespace for namespace in dict.fromkeys(watched) if namespace not in excluded]


@dataclass(frozen=True, slots=True)
class _Shared:
    api: KubernetesApi
    digester: Digester
    recorder: EventRecorder
    leadership: Leadership


def _engine(
    settings: Settings,
    metrics: Metrics,
    outside: Outside,
    shared: _Shared,
    on_outcome: Callable[[Outcome], None],
) -> Engine:
    # The engine is told of what its own parts find, so those look it up when they need it.
    engine: Engine
    cluster = _cluster(shared.api, shared.digester, lambda ref: engine.definition_changed(ref))  # noqa: PLW0108
    known = Known(
        definitions=cluster.definitions,
        secrets=cluster.secrets,
        ledger=SourceLedger(shared.digester),
        schedule=PollSchedule[Key](settings.controller.reconcile_period),
    )
    breaker = CircuitBreaker(time.monotonic, chance, lambda: engine.backend_recovered())  # noqa: PLW0108
    slow = SlowSources.among(
        settings.controller.workers,
        lambda: engine.backend_recovered(),  # noqa: PLW0108
        # A single run asks each once, and then with all the time there is.
        None if settings.once else FirstTries(settings.backend_timeout),
    )
    reader = SourceReader(
        outside.backend,
        breaker,
        lambda *told: engine.source_read(*told),  # noqa: PLW0108
        slow,
        recent=RecentReadings(known.ledger.is_shared),
    )
    reconciler = Reconciler(
        cluster=cluster,
        sources=Sources(backend=outside.backend, reader=reader, policy=PathPolicy(settings.policy.paths)),
        digester=shared.digester,
        leadership=shared.leadership,
        now=_now,
        telemetry=metrics.sync,
    )
    teller = Teller(
        definitions=cluster.definitions,
        writer=cluster.definition_writer,
        recorder=shared.recorder,
        telemetry=metrics.sync,
        clock=time.monotonic,
        now=_now,
    )
    engine = Engine(
        known=known,
        work=Work(
            backend=outside.backend, breaker=breaker, reader=reader, reconciler=reconciler, teller=teller
        ),
        queue=_queue(settings, metrics),
        leadership=shared.leadership,
        clock=time.monotonic,
        on_outcome=on_outcome,
    )
    return engine


def silence_limit(settings: Settings) -> float:
    """Seconds without a sign of life after which a core thread is taken for dead.

    Each call is one, and each step between calls takes no time to speak of.
    """
    longest = max(settings.kubernetes.request_timeout, settings.backend_timeout)
    return max(_LEAST_SILENCE_LIMIT, 2 * longest)


def lease_ref(settings: Settings, namespace_file: Path = _NAMESPACE_FILE) -> Ref:
    """The Lease of the settings; raises ConfigError when its namespace is not known."""
    election = settings.election
    namespace = election.lease_namespace
    if not namespace:
        try:
            namespace = namespace_file.read_text(encoding="utf-8").strip()
        except OSError:
            raise ConfigError(
                "election.lease-namespace: missing; outside a pod it has to be named", exit_code=1
            ) from None
    return Ref(namespace, election.lease_name)


def _terms(settings: Settings) -> Terms:
    election = settings.election
    return Terms(
        lease_duration=election.lease_duration,
        renew_deadline=election.renew_deadline,
        retry_period=election.retry_period,
    )


def _limits(settings: Settings) -> Limits:
    """No write may outlast the lead that it was begun in."""
    return Limits(write_seconds=_terms(settings).write_deadline) if settings.election.enabled else Limits()


def _elector(  # noqa: PLR0913, PLR0917 - wiring
    settings: Settings,
    metrics: Metrics,
    outside: Outside,
    identity: str,
    heartbeats: Heartbeats,
    on_started: Callable[[], None],
) -> LeaderElector | None:
    if not settings.election.enabled or settings.once:
        return None
    return LeaderElector(
        api=outside.lease_api,
        ref=lease_ref(settings),
        identity=identity,
        terms=_terms(settings),
        clocks=Clocks(monotonic=time.monotonic, wall=_now),
        telemetry=metrics.election,
        heartbeat=heartbeats.register("lease", limit=silence_limit(settings)),
        on_started=on_started,
    )


def _cluster(api: KubernetesApi, digester: Digester, on_news: Callable[[Ref], None]) -> Cluster:
    definitions, secrets = DefinitionStore(), SecretStore()
    return Cluster(
        definitions=definitions,
        secrets=secrets,
        secret_writer=SecretWriter(api=api, store=secrets, digester=digester),
        definition_writer=DefinitionWriter(api, definitions, clock=time.monotonic, on_news=on_news),
    )


def _queue(settings: Settings, metrics: Metrics) -> WorkQueue[Key]:
    return WorkQueue(
        workers=workers_of(settings),
        clock=time.monotonic,
        random=chance,
        back_off=BackOff(cap=max(settings.controller.reconcile_period, _LEAST_BACK_OFF_CAP)),
        telemetry=metrics.sync,
        group=turn_of,
    )


def _informers(
    settings: Settings, api: KubernetesApi, engine: Engine, digester: Digester, heartbeats: Heartbeats
) -> tuple[list[Informer], list[Informer]]:
    excluded = frozenset(settings.controller.exclude_namespaces)
    listeners = DefinitionListeners(
        listed=engine.definition_listed,
        changed=engine.definition_changed,
        deleted=engine.definition_deleted,
        missing=engine.definition_missing,
    )

    def informer(resource: Resource, namespace: str | None, sink: Sink) -> Informer:
        selector = OUR_SECRETS if resource == SECRETS else ""
        scope = Scope(resource=resource, namespace=namespace, selector=selector)
        heartbeat = heartbeats.register(f"informer of {scope}", limit=silence_limit(settings))
        pace = Pace(forbidden=_SECRETS_FORBIDDEN_PAUSE) if resource == SECRETS else Pace()
        return Informer(
            api,
            scope,
            sink,
            heartbeat,
            pace,
            shortest_watch=_SHORTEST_WATCH,
            watch_silence=Limits().idle_seconds + settings.kubernetes.request_timeout,
            recovered=engine.cluster_recovered,
        )

    secrets, definitions = [], []
    for namespace in namespaces_of(settings):
        secret_sink = SecretSink(
            store=engine.known.secrets,
            digester=digester,
            changed_secret=engine.secret_changed,
            tracking_changed=engine.secrets_tracking_changed,
            namespace=namespace,
            excluded=excluded,
        )
        definition_sink = DefinitionSink(
            store=engine.known.definitions, listeners=listeners, namespace=namespace, excluded=excluded
        )
        secrets.append(informer(SECRETS, namespace, secret_sink))
        definitions.append(informer(DEFINITIONS, namespace, definition_sink))
    return secrets, definitions


def _now() -> datetime:
    return datetime.now(UTC)
