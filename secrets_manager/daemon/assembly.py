"""Puts the parts together: settings in, a program that is ready to start out. No thread is started here."""

from __future__ import annotations

import os
import socket
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from secrets_manager.backends.base import Backend
from secrets_manager.backends.factory import build_backend
from secrets_manager.backends.plugin import Provided
from secrets_manager.cluster.base import KubernetesApi
from secrets_manager.cluster.client.api import HttpKubernetesApi
from secrets_manager.cluster.client.credentials import Credentials
from secrets_manager.cluster.client.retry_pauses import PausingApi
from secrets_manager.cluster.client.wire import Limits
from secrets_manager.cluster.lead.fenced import FencedApi, Leadership, SoleReplica
from secrets_manager.cluster.lead.leader_election import Clocks, ElectionTimings, LeaderElector
from secrets_manager.cluster.view.informer import Informer
from secrets_manager.cluster.write.event_recorder import EventRecorder
from secrets_manager.daemon.core import (
    Core,
    CoreParts,
    build_core,
    build_informers,
    silence_limit,
    utc_now,
)
from secrets_manager.daemon.metrics import Metrics
from secrets_manager.daemon.status.journal import Journal
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import ConfigError
from secrets_manager.domain.outcome import Outcome
from secrets_manager.domain.secret import Digester
from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.runtime.heartbeat import Heartbeats
from secrets_manager.runtime.since_boot import since_boot
from secrets_manager.settings import BackendSettings, Settings

_LEASE_TIMEOUT = 3.0
# Up to three reviews are made for one answer, which may take five seconds.
_REVIEW_TIMEOUT = 1.3
# Besides the workers, the token job and the polls call a backend.
_CONNECTIONS_BESIDE_WORKERS = 8
_NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalServices:
    """The servers that the program talks to; tests hand in their own."""

    api: KubernetesApi
    lease_api: KubernetesApi
    backends: Mapping[str, Backend]
    watchdog: Watchdog = field(default_factory=Watchdog)
    # Asked who those are that ask for the status page; None means ``api``.
    reviews_api: KubernetesApi | None = None
    # Seconds for which the API server has accepted no identity of ours.
    unauthorized_for: Callable[[], float] = lambda: 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """The parts of a program that is ready to start."""

    settings: Settings
    metrics: Metrics
    heartbeats: Heartbeats
    services: ExternalServices
    core: Core
    secret_informers: list[Informer]
    definition_informers: list[Informer]
    recorder: EventRecorder
    leadership: Leadership
    elector: LeaderElector | None
    # What is remembered for the status page, while there is one.
    journal: Journal | None = None

    @property
    def informers(self) -> list[Informer]:
        """All informers."""
        return [*self.secret_informers, *self.definition_informers]


def external_services(
    settings: Settings, metrics: Metrics, environ: Mapping[str, str] | None = None
) -> ExternalServices:
    """The API server and the backends of the settings. Makes no call; raises ConfigError.

    ``environ`` is the environment that the user gave, for the plugin of a kubeconfig.
    """
    watchdog = Watchdog()
    credentials = Credentials(settings.kubernetes.kubeconfig, environ=environ)
    api = HttpKubernetesApi(
        credentials,
        watchdog,
        metrics.cluster,
        timeout=settings.kubernetes.request_timeout,
        limits=_limits(settings),
    )
    # A pool of its own: the Lease must not wait behind anything, nor share a connection that hangs.
    lease_api = HttpKubernetesApi(credentials, watchdog, metrics.cluster, timeout=_LEASE_TIMEOUT)
    backends = {
        each.name: build_backend(each, provide(settings, each, metrics, watchdog))
        for each in settings.backends
    }
    return ExternalServices(
        api=api,
        lease_api=lease_api,
        reviews_api=_reviews_api(settings, metrics, credentials, watchdog),
        backends=backends,
        watchdog=watchdog,
        unauthorized_for=credentials.refused_for,
    )


def _reviews_api(
    settings: Settings, metrics: Metrics, credentials: Credentials, watchdog: Watchdog
) -> KubernetesApi | None:
    """A pool of its own, so that those who ask for the status page take no connection from the work."""
    if settings.status_page.address is None:
        return None
    return HttpKubernetesApi(credentials, watchdog, metrics.cluster, timeout=_REVIEW_TIMEOUT)


def provide(settings: Settings, backend: BackendSettings, metrics: Metrics, watchdog: Watchdog) -> Provided:
    """The parts that a backend is built with, besides its own settings."""
    measured = metrics.backends.of(backend.name)
    return Provided(
        name=backend.name,
        timeout=backend.timeout,
        poll_period=backend.reconcile_period,
        connections=settings.controller.workers + _CONNECTIONS_BESIDE_WORKERS,
        telemetry=measured.telemetry,
        metrics=measured.own,
        watchdog=watchdog,
    )


def assemble(
    settings: Settings,
    metrics: Metrics,
    services: ExternalServices,
    on_outcome: Callable[[Outcome], None] = lambda _: None,
) -> Program:
    """Wire everything for ``settings``."""
    heartbeats = Heartbeats()
    journal = None if settings.status_page.address is None or settings.once else Journal(time.monotonic)
    identity = f"{socket.gethostname()}_{uuid.uuid4()}"
    elector = _elector(settings, metrics, services, identity, heartbeats)
    leadership: Leadership = elector or SoleReplica()
    metrics.election.leading(leads=elector is None)
    fenced = FencedApi(PausingApi(services.api, time.monotonic), leadership.holds, metrics.election)
    recorder = EventRecorder(
        api=fenced,
        controller="secrets-manager",
        instance=identity,
        clock=time.monotonic,
        now=utc_now,
        heartbeat=heartbeats.register("events", limit=silence_limit(settings)),
    )
    parts = CoreParts(
        settings=settings,
        api=fenced,
        backends=services.backends,
        digester=Digester(os.urandom(32)),
        recorder=recorder,
        telemetry=metrics.sync,
        leadership=leadership,
        on_outcome=on_outcome if journal is None else _both(journal.outcome, on_outcome),
    )
    core = build_core(parts)
    if journal is not None:
        journal.follow(core.agenda.view.ledger)
        core.agenda.on_read = journal.read
    secret_informers, definition_informers = build_informers(parts, services.api, core.agenda, heartbeats)
    return Program(
        settings=settings,
        metrics=metrics,
        heartbeats=heartbeats,
        services=services,
        core=core,
        secret_informers=secret_informers,
        definition_informers=definition_informers,
        recorder=recorder,
        leadership=leadership,
        elector=elector,
        journal=journal,
    )


def _both(first: Callable[[Outcome], None], second: Callable[[Outcome], None]) -> Callable[[Outcome], None]:
    def tell(outcome: Outcome) -> None:
        first(outcome)
        second(outcome)

    return tell


def lease_ref(settings: Settings, namespace_file: Path = _NAMESPACE_FILE) -> Ref:
    """The Lease of the settings; raises ConfigError when its namespace is not known."""
    election = settings.election
    namespace = election.lease_namespace
    if not namespace:
        try:
            namespace = namespace_file.read_text(encoding="utf-8").strip()
        except OSError:
            raise ConfigError(
                "election.lease-namespace: must be set when the daemon does not run in a pod", exit_code=1
            ) from None
    return Ref(namespace, election.lease_name)


def _timings(settings: Settings) -> ElectionTimings:
    election = settings.election
    return ElectionTimings(
        lease_duration=election.lease_duration,
        renew_deadline=election.renew_deadline,
        retry_period=election.retry_period,
    )


def _limits(settings: Settings) -> Limits:
    """No write may outlast the lead that it was begun in."""
    limits = Limits(connections=settings.controller.workers + 8)
    if not settings.election.enabled:
        return limits
    return replace(limits, write_seconds=_timings(settings).write_deadline)


def _elector(
    settings: Settings, metrics: Metrics, services: ExternalServices, identity: str, heartbeats: Heartbeats
) -> LeaderElector | None:
    if not settings.election.enabled or settings.once:
        return None
    return LeaderElector(
        api=services.lease_api,
        ref=lease_ref(settings),
        identity=identity,
        timings=_timings(settings),
        clocks=Clocks(monotonic=since_boot, wall=utc_now),
        telemetry=metrics.election,
        heartbeat=heartbeats.register("lease", limit=silence_limit(settings)),
    )
