"""Wires the core: agenda, backends, workers, rounds, and the informers that feed them.

The same wiring serves the daemon, a single run, and tests, which hand in doubles of the external services.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache

from secrets_manager.backends.base import Backend
from secrets_manager.backends.factory import plugin_of
from secrets_manager.cluster.base import DEFINITIONS, SECRETS, KubernetesApi, Resource, Scope
from secrets_manager.cluster.client.wire import Limits
from secrets_manager.cluster.lead.fenced import Leadership
from secrets_manager.cluster.view.definition_store import DefinitionStore
from secrets_manager.cluster.view.informer import Informer, Sink
from secrets_manager.cluster.view.pace import ReconnectPace
from secrets_manager.cluster.view.second_opinion import SecondOpinion
from secrets_manager.cluster.view.secret_store import SecretStore
from secrets_manager.cluster.view.sinks import DefinitionListeners, DefinitionSink, SecretSink
from secrets_manager.cluster.write.restarter import Restarter
from secrets_manager.cluster.write.retry_window import RetryWindow
from secrets_manager.cluster.write.writer import DefinitionWriter, SecretWriter
from secrets_manager.daemon.workforce import workers_of
from secrets_manager.domain.location import MAX_BACKENDS
from secrets_manager.domain.outcome import Outcome
from secrets_manager.domain.policy import PathPolicy
from secrets_manager.domain.secret import MANAGED_BY, MANAGED_BY_LABEL, Digester
from secrets_manager.runtime.heartbeat import Heartbeats
from secrets_manager.runtime.jitter import jitter
from secrets_manager.settings import BackendSettings, Settings
from secrets_manager.sync.agenda import Agenda
from secrets_manager.sync.contest import Contests
from secrets_manager.sync.notices import Recorder
from secrets_manager.sync.queue.keys import Key, group_of, group_of_several, is_backend
from secrets_manager.sync.queue.poll_schedule import PollSchedule
from secrets_manager.sync.queue.work_log import WorkLog
from secrets_manager.sync.queue.work_queue import BackOff, WorkQueue
from secrets_manager.sync.reading.absences import Absences
from secrets_manager.sync.reading.recent_readings import bytes_for_each
from secrets_manager.sync.reading.upstream import Upstream, UpstreamOptions, Upstreams
from secrets_manager.sync.reading.waiting_room import WaitingRoom
from secrets_manager.sync.reconciler import Reconciler
from secrets_manager.sync.reporter import Reporter
from secrets_manager.sync.restarts.batch import RestartBatches
from secrets_manager.sync.restarts.board import RestartBoard
from secrets_manager.sync.rounds import Rounds
from secrets_manager.sync.source_ledger import SourceLedger
from secrets_manager.sync.subscriptions import Routes, Subscriptions, WorldView
from secrets_manager.sync.target_view import Cluster
from secrets_manager.sync.telemetry import SyncTelemetry
from secrets_manager.sync.workers import Workers

OUR_SECRETS = f"{MANAGED_BY_LABEL}={MANAGED_BY}"
_SHORTEST_WATCH = 1.0
_LEAST_SILENCE_LIMIT = 25.0
# Without the right to list Secrets the daemon works all the same, and the right is seldom added later.
_SECRETS_FORBIDDEN_PAUSE = 300.0
_LEAST_BACK_OFF_CAP = 300.0


def utc_now() -> datetime:
    """The time of the wall clock."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """Clocks and randomness: ``monotonic`` gives seconds, ``random`` 0 to 1."""

    monotonic: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = utc_now
    random: Callable[[], float] = jitter
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreParts:
    """The parts that the core is wired to. Every write through ``api`` passes the fence."""

    settings: Settings
    api: KubernetesApi
    backends: Mapping[str, Backend]
    digester: Digester
    recorder: Recorder
    telemetry: SyncTelemetry
    leadership: Leadership
    times: Times = field(default_factory=Times)
    on_outcome: Callable[[Outcome], None] = lambda _: None


@dataclass(frozen=True, slots=True)
class Core:
    """The inputs, the state of each backend, the workers, and the bodies of the jobs."""

    agenda: Agenda
    upstreams: Upstreams
    workers: Workers
    rounds: Rounds


def build_core(parts: CoreParts) -> Core:
    """Wire it; starts nothing and makes no call."""
    settings = parts.settings
    policy = path_policy(settings)
    # A definition may name a backend that there is not thousands of times, and there may be as many rules.
    upstreams = Upstreams(lru_cache(MAX_BACKENDS)(policy.for_backend))
    routes = Routes(upstreams.locate, upstreams.period, settings.controller.min_refresh_period)
    absences = Absences(upstreams.domains, upstreams.login_number)
    agenda = _agenda(parts, routes, absences)
    room = WaitingRoom(workers_of(settings), parts.times.monotonic)
    for backend in settings.backends:
        upstreams.add(
            Upstream(
                name=backend.name,
                backend=parts.backends[backend.name],
                policy=policy_of(backend, policy),
                agenda=agenda,
                options=_upstream_options(settings, backend),
                room=room,
                random=parts.times.random,
            )
        )
    return Core(agenda, upstreams, _workers(parts, agenda, upstreams), Rounds(agenda, upstreams))


def path_policy(settings: Settings) -> PathPolicy:
    """What the settings allow, before it is asked about a backend."""
    return PathPolicy(settings.policy.paths, rules=settings.policy.rules)


def policy_of(backend: BackendSettings, policy: PathPolicy) -> PathPolicy:
    """What the policy allows of that backend."""
    return policy.for_backend(backend.name, ignores_case=plugin_of(backend).ignores_case)


def silence_limit(settings: Settings) -> float:
    """Seconds without a heartbeat after which a core thread counts as dead.

    Each call to a server is a heartbeat, and the steps between calls take next to no time.
    """
    longest = max(settings.kubernetes.request_timeout, settings.longest_read)
    return max(_LEAST_SILENCE_LIMIT, 2 * longest)


def _upstream_options(settings: Settings, backend: BackendSettings) -> UpstreamOptions:
    return UpstreamOptions(
        timeout=backend.timeout,
        period=backend.reconcile_period,
        maintain_every=plugin_of(backend).maintain_every(backend.own),
        # A single run reads each path once, and leaves it all the time there is.
        first_tries=not settings.once,
        recent_bytes=bytes_for_each(len(settings.backends)),
    )


def _agenda(parts: CoreParts, routes: Routes, absences: Absences) -> Agenda:
    clock = parts.times.monotonic
    view = WorldView(
        definitions=DefinitionStore(),
        secrets=SecretStore(clock),
        ledger=SourceLedger(parts.digester),
        schedule=PollSchedule[Key](parts.settings.controller.reconcile_period),
    )
    return Agenda(
        view=view,
        queue=_queue(parts),
        subscriptions=Subscriptions(view=view, routes=routes, absences=absences),
        contests=Contests(clock),
        leadership=parts.leadership,
        clock=clock,
    )


def _queue(parts: CoreParts) -> WorkQueue[Key]:
    period = parts.settings.controller.reconcile_period
    several = len(parts.settings.backends) > 1
    return WorkQueue(
        workers=workers_of(parts.settings),
        clock=parts.times.monotonic,
        random=parts.times.random,
        back_off=BackOff(cap=max(period, _LEAST_BACK_OFF_CAP)),
        telemetry=parts.telemetry,
        group=group_of_several if several else group_of,
        polls_take_turns=several,
        shares_when_slow=is_backend,
    )


def _workers(parts: CoreParts, agenda: Agenda, upstreams: Upstreams) -> Workers:
    cluster = _cluster(parts, agenda)
    board = RestartBoard(queue=agenda.queue, window=parts.settings.restart.window, now=parts.times.now)
    work_log = WorkLog(upstreams=upstreams, ledger=agenda.view.ledger, clock=agenda.clock)
    return Workers(
        agenda=agenda,
        upstreams=upstreams,
        reconciler=Reconciler(
            cluster=cluster,
            upstreams=upstreams,
            routes=agenda.subscriptions.routes,
            contests=agenda.contests,
            absences=agenda.subscriptions.absences,
            restarts=board,
            doubted=agenda.doubted,
            digester=parts.digester,
            leadership=parts.leadership,
            now=parts.times.now,
            telemetry=parts.telemetry,
        ),
        reporter=Reporter(
            queue=agenda.queue,
            definitions=cluster.definitions,
            writer=cluster.definition_writer,
            recorder=parts.recorder,
            telemetry=parts.telemetry,
            work_log=work_log,
            clock=parts.times.monotonic,
            now=parts.times.now,
        ),
        restarts=RestartBatches(
            board=board,
            restarter=Restarter(parts.api),
            cluster=cluster,
            queue=agenda.queue,
            recorder=parts.recorder,
            telemetry=parts.telemetry,
            now=parts.times.now,
        ),
        work_log=work_log,
        on_outcome=parts.on_outcome,
    )


def _cluster(parts: CoreParts, agenda: Agenda) -> Cluster:
    view, times = agenda.view, parts.times
    return Cluster(
        definitions=view.definitions,
        secrets=view.secrets,
        secret_writer=SecretWriter(
            api=parts.api,
            store=view.secrets,
            digester=parts.digester,
            retry_window=RetryWindow(clock=times.monotonic, sleep=times.sleep),
        ),
        definition_writer=DefinitionWriter(
            parts.api, view.definitions, clock=times.monotonic, on_change=agenda.definition_changed
        ),
    )


# ── informers ────────────────────────────────────────────────────────────────────────────────────────


def namespaces_of(settings: Settings) -> list[str | None]:
    """The namespaces to list and watch one by one, or [None] for one list of the whole cluster."""
    watched, excluded = settings.controller.watch_namespaces, settings.controller.exclude_namespaces
    if not watched:
        return [None]
    return [namespace for namespace in dict.fromkeys(watched) if namespace not in excluded]


def build_informers(
    parts: CoreParts, api: KubernetesApi, agenda: Agenda, heartbeats: Heartbeats
) -> tuple[list[Informer], list[Informer]]:
    """The informers of Secrets and those of definitions, one of each for each namespace; starts none."""
    secrets: list[Informer] = []
    definitions: list[Informer] = []
    for namespace in namespaces_of(parts.settings):
        for resource, made in ((SECRETS, secrets), (DEFINITIONS, definitions)):
            made.append(_informer(parts, api, _scope(resource, namespace), agenda, heartbeats))
        secrets[-1].others_answered = SecondOpinion(api, definitions[-1])
    return secrets, definitions


def _scope(resource: Resource, namespace: str | None) -> Scope:
    selector = OUR_SECRETS if resource == SECRETS else ""
    return Scope(resource=resource, namespace=namespace, selector=selector)


def _informer(
    parts: CoreParts, api: KubernetesApi, scope: Scope, agenda: Agenda, heartbeats: Heartbeats
) -> Informer:
    settings, times = parts.settings, parts.times
    pace = ReconnectPace(jitter=times.random)
    return Informer(
        api,
        scope,
        _sink(parts, scope, agenda),
        heartbeats.register(f"informer of {scope}", limit=silence_limit(settings)),
        replace(pace, forbidden=_SECRETS_FORBIDDEN_PAUSE) if scope.resource == SECRETS else pace,
        times.monotonic,
        shortest_watch=_SHORTEST_WATCH,
        watch_silence=Limits().idle_seconds + settings.kubernetes.request_timeout,
        recovered=agenda.cluster_recovered,
    )


def _sink(parts: CoreParts, scope: Scope, agenda: Agenda) -> Sink:
    excluded = frozenset(parts.settings.controller.exclude_namespaces)
    if scope.resource == SECRETS:
        return SecretSink(
            store=agenda.view.secrets,
            digester=parts.digester,
            changed_secret=agenda.secret_changed,
            tracking_changed=agenda.secrets_tracking_changed,
            namespace=scope.namespace,
            excluded=excluded,
        )
    listeners = DefinitionListeners(
        listed=agenda.definition_listed,
        changed=agenda.definition_changed,
        missing=agenda.definition_missing,
    )
    return DefinitionSink(
        store=agenda.view.definitions, listeners=listeners, namespace=scope.namespace, excluded=excluded
    )
