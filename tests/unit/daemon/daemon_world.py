"""A whole program on fakes: a cluster and a backend in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from secrets_manager.backends.memory import MemoryBackend
from secrets_manager.cluster.base import DEFINITIONS, SECRETS, Json
from secrets_manager.cluster.memory import MemoryCluster
from secrets_manager.daemon.assembly import ExternalServices, Program, assemble
from secrets_manager.daemon.metrics import Metrics
from secrets_manager.domain.backend_name import DEFAULT_BACKEND
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.outcome import Outcome
from secrets_manager.settings import ControllerSettings, Settings
from secrets_manager.settings.listening import ListenAddress
from tests.named_backends import named_memory

SETTINGS = Settings(
    metrics_addr=ListenAddress(host="127.0.0.1", port=0),
    controller=ControllerSettings(reconcile_period=0.5, workers=3),
)


class World:
    """The outside of a program, and the hand of a person in it."""

    def __init__(self, *, backend_timeout: float = 5.0, **controller: Any) -> None:
        self.cluster = MemoryCluster()
        self.backend = MemoryBackend()
        self.settings = replace(
            SETTINGS,
            backend_timeout=backend_timeout,
            controller=replace(SETTINGS.controller, **controller),
        )
        # Further backends by their names.
        self.others: dict[str, MemoryBackend] = {}
        self.timeouts: dict[str, float] = {}

    def program(self, on_outcome: Callable[[Outcome], None] = lambda _: None) -> Program:
        """A program that is ready to start."""
        usual = self.settings.backend_timeout
        named = tuple(named_memory(name, timeout=self.timeouts.get(name, usual)) for name in self.others)
        settings = replace(self.settings, named=(*self.settings.named, *named))
        backends = {DEFAULT_BACKEND: self.backend, **self.others}
        return assemble(
            settings,
            Metrics(settings),
            ExternalServices(api=self.cluster, lease_api=self.cluster, backends=backends),
            on_outcome,
        )

    def define(self, name: str, *, namespace: str = "shop", spec: Any = None, **metadata: Any) -> Json:
        """Create a definition whose one key comes from the path of its name."""
        keys = {"password": {"path": name, "key": "password"}}
        body = {
            "apiVersion": "secrets-manager.tuenti.io/v1alpha1",
            "kind": "SecretDefinition",
            "metadata": {"name": name, **metadata},
            "spec": {"name": name, "keysMap": keys} if spec is None else spec,
        }
        return self.cluster.create(DEFINITIONS, namespace, body)

    def end_watches(self) -> None:
        """Let each watch end now; to be called once a stop was requested."""
        self.cluster.watch_seconds = 0.0
        with self.cluster._changed:
            self.cluster._changed.notify_all()

    def secret(self, name: str, *, namespace: str = "shop") -> Mapping[str, Any] | None:
        """The Secret, or None."""
        return self.cluster.snapshot(SECRETS, Ref(namespace, name))
