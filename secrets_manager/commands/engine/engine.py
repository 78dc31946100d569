"""The core of a daemon that has no cluster: it reads what a definition names, and makes its Secret of it."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import Any, NoReturn

from secrets_manager.backends.base import Backend, Neighbours
from secrets_manager.cluster.base import KubernetesApi
from secrets_manager.cluster.client.forwarding import ForwardingApi
from secrets_manager.cluster.lead.fenced import SoleReplica
from secrets_manager.commands.engine.remembering import Remembering
from secrets_manager.daemon.closing import backends_of, call_within
from secrets_manager.daemon.core import Core, CoreParts, build_core
from secrets_manager.daemon.metrics import Metrics
from secrets_manager.domain.definition import Definition, Ref, SecretSpec
from secrets_manager.domain.errors import (
    ClusterUnavailable,
    DefinitionError,
    SecretsManagerError,
    UnknownBackend,
)
from secrets_manager.domain.location import Location
from secrets_manager.domain.secret import DesiredSecret, Digester
from secrets_manager.runtime.terms import Terms
from secrets_manager.settings import Settings
from secrets_manager.sync.desired import desired_secret
from secrets_manager.sync.gatherer import Gatherer
from secrets_manager.sync.subscriptions import Routes

_KEY_BYTES = 32


class Known(Enum):
    """What is known of backends: none, only files in their place, or those of somebody's settings."""

    NOTHING = auto()
    FILES = auto()
    SETTINGS = auto()


class NoValues(DefinitionError):
    """The definition names a backend for which there is no file of values."""

    def __init__(self, backend: str) -> None:
        super().__init__(f"no values are given for backend {backend}; give them with --values {backend}=FILE")


class _NoCluster:
    """In the place of an API server, which is not asked."""

    def __getattr__(self, name: str) -> NoReturn:
        raise ClusterUnavailable(f"there is no cluster here, and {name} was asked of it")


class _NoRecorder:
    """Takes no Events."""

    def record(self, about: Definition, *, warning: bool, reason: str, message: str) -> None:
        """Nobody hears of it."""


@dataclass(eq=False, kw_only=True)
class Engine:
    """Safe from many threads, each definition in one at a time. Close it after use."""

    settings: Settings
    known: Known
    core: Core
    gatherer: Gatherer
    digester: Digester = field(repr=False)

    @property
    def routes(self) -> Routes:
        """Where paths lead."""
        return self.core.agenda.subscriptions.routes

    def refused(self, definition: Definition, spec: SecretSpec) -> tuple[Location, DefinitionError] | None:
        """The first path that leads nowhere, or may not be read, as far as the backends are known. No I/O."""
        refused = None if self.known is Known.NOTHING else self.routes.of(definition.ref, spec).refused
        if refused is not None and self.known is Known.FILES and isinstance(refused[1], UnknownBackend):
            return refused[0], NoValues(refused[1].name)
        return refused

    def data(self, definition: Definition, spec: SecretSpec) -> Mapping[str, bytes]:
        """The data of its Secret; raises what a reconcile of the daemon raises."""
        since = self.core.agenda.clock()
        gathered = self.gatherer.gather(definition.ref, spec, since, _nothing)
        return self.gatherer.data(definition.ref, spec, gathered)

    def desired(self, definition: Definition, data: Mapping[str, bytes]) -> DesiredSecret:
        """Its Secret with that data, whoever else wants it."""
        return desired_secret(definition, data, None, self.digester)

    def keys_at(self, definition: Definition, location: Location) -> Collection[str]:
        """The names that a path has, none where it cannot be read."""
        try:
            source = self.core.upstreams.locate(location, definition.ref.namespace)
            return self.core.upstreams[source.backend].reader.read(source).whole().names()
        except SecretsManagerError:
            return ()

    def paths_beside(self, definition: Definition, location: Location) -> list[str]:
        """Paths near one that is not there, of those that the namespace may read."""
        namespace = definition.ref.namespace
        try:
            source = self.core.upstreams.locate(location, namespace)
            upstream = self.core.upstreams[source.backend]
            if not isinstance(upstream.backend, Neighbours):
                return []
            found = upstream.backend.neighbours(source, Terms.within(upstream.options.timeout))
        except SecretsManagerError:
            return []
        return [path for path in found if upstream.policy.decide(namespace, path).allowed]

    def forget(self, ref: Ref) -> None:
        """Drop what is remembered of a definition."""
        self.gatherer.forget(ref)
        self.routes.forget(ref)


def _nothing(_ref: Ref) -> None:
    """There is no other work to give way to."""


@contextmanager
def engine(
    settings: Settings,
    backends: Mapping[str, Backend],
    metrics: Metrics,
    known: Known,
    api: KubernetesApi | None = None,
) -> Iterator[Engine]:
    """The engine over these backends, which are closed at the end; ``api`` stands in for a cluster."""
    quiet_logs()
    # A single run leaves each path all the time there is.
    settings = replace(settings, once=True)
    no_cluster: Any = _NoCluster()
    parts = CoreParts(
        settings=settings,
        api=ForwardingApi(no_cluster) if api is None else api,
        backends={name: Remembering(backend) for name, backend in backends.items()},
        digester=Digester(os.urandom(_KEY_BYTES)),
        recorder=_NoRecorder(),
        telemetry=metrics.sync,
        leadership=SoleReplica(),
    )
    core = build_core(parts)
    gatherer = Gatherer(
        upstreams=core.upstreams, routes=core.agenda.subscriptions.routes, telemetry=metrics.sync
    )
    try:
        yield Engine(settings=settings, known=known, core=core, gatherer=gatherer, digester=parts.digester)
    finally:
        call_within(settings.longest_read, backends_of(core.upstreams))


def quiet_logs() -> None:
    """Keep the daemon's log lines off the terminal: a command says itself what it found."""
    root = logging.getLogger()
    if not root.handlers:
        root.addHandler(logging.NullHandler())
