"""The metrics of all backends: each has families of its own, and a scrape shows those of one name as one.

The label `backend` tells their series apart. Series by the original's names have it only for backends with a
name, so that dashboards of the original go on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from secrets_manager.backends.base import BackendTelemetry
from secrets_manager.backends.factory import plugin_of
from secrets_manager.daemon.metrics.azure import AzureMetrics
from secrets_manager.daemon.metrics.common import Common
from secrets_manager.daemon.metrics.parts import gauge
from secrets_manager.daemon.metrics.plugin import PluginMetrics
from secrets_manager.daemon.metrics.vault import VaultMetrics
from secrets_manager.domain.backend_name import DEFAULT_BACKEND
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import SecretsManagerError
from secrets_manager.settings import BackendSettings

_LABEL = "backend"
# As Prometheus names a label that a scraped series has already.
_LABEL_OF_ITS_OWN = "exported_backend"
# The families of the original, whose series for the backend of the flags keep their labels.
ORIGINALS = frozenset(
    {
        "secrets_manager_vault_max_token_ttl",
        "secrets_manager_vault_token_ttl",
        "secrets_manager_vault_login_errors",
        "secrets_manager_vault_token_renewal_errors",
        "secrets_manager_vault_read_secret_errors",
        "secrets_manager_azure_kv_login_errors",
        "secrets_manager_azure_kv_read_secret_errors",
    }
)


class Telemetry(BackendTelemetry, Protocol):
    """The metrics of one backend."""

    def read_failed(self, definition: Ref, path: str, key: str, error: SecretsManagerError) -> None:
        """One key of a definition could not be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OneBackend:
    """The metrics of one backend.

    Attributes:
        telemetry: its calls and failed reads.
        own: what its plug-in is built with as `Provided.metrics`; of our own kinds that is ``telemetry``.
        registry: its families, without the label `backend`.

    """

    telemetry: Telemetry
    own: Any
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)


class BackendMetrics(Collector):
    """The metrics of every backend of the settings."""

    def __init__(
        self, registry: CollectorRegistry, backends: Sequence[BackendSettings], left_out: Callable[[], None]
    ) -> None:
        """``left_out`` is called for each failure and each date that no series shows."""
        self._common = Common.on(registry, len(backends), left_out)
        self._of = {each.name: self._measure(each) for each in backends}
        registry.register(self)
        unverified = gauge(
            registry,
            "secrets_manager_vault_tls_unverified",
            "1 while the certificate of Vault is not verified.",
            _LABEL,
        )
        for each in backends:
            if each.kind == "vault":
                unverified.labels(each.name).set(each.own.skip_verify)

    def of(self, backend: str) -> OneBackend:
        """The metrics of the backend of that name."""
        return self._of[backend]

    def read_failed(
        self, backend: str, definition: Ref, path: str, key: str, error: SecretsManagerError
    ) -> None:
        """One key of a definition could not be read; nothing is counted for a name without a backend."""
        if (measured := self._of.get(backend)) is not None:
            measured.telemetry.read_failed(definition, path, key, error)

    def reads_forgotten(self, definition: Ref) -> None:
        """A definition is gone, and what it could not read."""
        self._common.reads.forget(definition)

    def describe(self) -> Iterable[Metric]:
        """The same: the registry refuses families whose names it has already."""
        return self.collect()

    def collect(self) -> Iterable[Metric]:
        """The families of all backends."""
        merged: dict[str, Metric] = {}
        for name, measured in self._of.items():
            for family in measured.registry.collect():
                into = merged.setdefault(
                    family.name, Metric(family.name, family.documentation, family.type, family.unit)
                )
                # Of two plug-ins that mean different things by one name only the first can be shown.
                if into.type == family.type:
                    into.samples += _labelled(name, family)
        return merged.values()

    def _measure(self, backend: BackendSettings) -> OneBackend:
        registry = CollectorRegistry()
        if backend.kind == "vault":
            vault = VaultMetrics(registry, backend, self._common)
            return OneBackend(telemetry=vault, own=vault, registry=registry)
        if backend.kind == "azure-kv":
            azure = AzureMetrics(registry, backend, self._common)
            return OneBackend(telemetry=azure, own=azure, registry=registry)
        make = plugin_of(backend).metrics
        return OneBackend(
            telemetry=PluginMetrics(registry, backend, self._common),
            own=None if make is None else make(registry, backend.own),
            registry=registry,
        )


def _labelled(backend: str, family: Metric) -> list[Sample]:
    """The samples of a family, with the label `backend` where they have to have it."""
    if backend == DEFAULT_BACKEND and family.name in ORIGINALS:
        return family.samples
    return [sample._replace(labels=_with_backend(backend, sample.labels)) for sample in family.samples]


def _with_backend(backend: str, labels: dict[str, str]) -> dict[str, str]:
    if _LABEL in labels:
        labels = {_LABEL_OF_ITS_OWN if key == _LABEL else key: value for key, value in labels.items()}
    return {_LABEL: backend, **labels}
