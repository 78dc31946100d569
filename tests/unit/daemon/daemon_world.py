"""A whole program on fakes: a cluster and a backend in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from secrets_manager.backends.memory import MemoryBackend
from secrets_manager.cluster.base import DEFINITIONS, SECRETS, Json
from secrets_manager.cluster.memory import MemoryCluster
from secrets_manager.daemon.assembly import Outside, Program, assemble
from secrets_manager.daemon.metrics import Metrics
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.outcome import Outcome
from secrets_manager.settings import ControllerSettings, ListenAddress, Settings

SETTINGS = Settings(
    metrics_addr=ListenAddress(host="127.0.0.1", port=0),
    controller=ControllerSettings(reconcile_period=0.5, workers=3),
)


class World:
    """The outside of a program, and the hand of a person in it."""

    def __init__(self, *, backend_timeout: float = 5.0, **controller: Any) -> None:
        self.cluster = MemoryCluster()
        self.backend = MemoryBackend(timeout=backend_timeout)
        self.settings = replace(SETTINGS, controller=replace(SETTINGS.controller, **controller))

    def program(self, on_outcome: Callable[[Outcome], None] = lambda _: None) -> Program:
        """A program that is ready to start."""
        return assemble(
            self.settings,
            Metrics(self.settings),
            Outside(api=self.cluster, lease_api=self.cluster, backend=self.backend),
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

    def secret(self, name: str, *, namespace: str = "shop") -> Mapping[str, Any] | None:
        """The Secret, or None."""
        return self.cluster.snapshot(SECRETS, Ref(namespace, name))
