"""Every metric of the process, and the telemetry protocols that feed them.

Names, labels and meanings of the original's metrics are kept, those of controller-runtime that dashboards use
included. Label values come from definitions, settings and what Vault says of its version and cluster, never
from the text of an error. Series of a definition go when it goes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from prometheus_client import CollectorRegistry, disable_created_metrics
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from secrets_manager import __version__
from secrets_manager.backends.factory import plugin_of
from secrets_manager.daemon.metrics.azure import AzureMetrics
from secrets_manager.daemon.metrics.cluster import ClusterMetrics, ElectionMetrics
from secrets_manager.daemon.metrics.live import LiveCollector, LiveValues
from secrets_manager.daemon.metrics.parts import HELP, counter, gauge, original_word
from secrets_manager.daemon.metrics.plugin import PluginMetrics
from secrets_manager.daemon.metrics.sync import SyncMetrics
from secrets_manager.daemon.metrics.vault import VaultMetrics
from secrets_manager.daemon.workforce import workers_of
from secrets_manager.settings import BACKENDS, Settings

__all__ = ["Metrics", "Readings"]

disable_created_metrics()  # type: ignore[no-untyped-call]


class Metrics:
    """All metrics, on a registry of their own. Feeds itself through the telemetry protocols it implements."""

    def __init__(self, settings: Settings) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        left_out = counter(
            self.registry,
            "secrets_manager_series_dropped_total",
            "Failures and dates without a series, since there are too many.",
        ).inc
        self.vault = VaultMetrics(
            self.registry, address=settings.vault.url, engine=settings.vault.engine, left_out=left_out
        )
        self.azure_kv = AzureMetrics(
            self.registry,
            settings.azure_kv,
            backend_call=self.vault.backend_call,
            word=original_word,
            left_out=left_out,
        )
        self.chosen, self.of_backend = self._of_backend(settings, left_out)
        self.sync = SyncMetrics(self.registry, settings.controller.name, self.chosen)
        self.cluster = ClusterMetrics(self.registry)
        self.election = ElectionMetrics(self.registry)
        workers = gauge(self.registry, "controller_runtime_max_concurrent_reconciles", HELP, "controller")
        workers.labels(settings.controller.name).set(workers_of(settings))
        gauge(
            self.registry,
            "secrets_manager_vault_tls_unverified",
            "1 while the certificate of Vault is not verified.",
        ).set(settings.vault.skip_verify and settings.backend == "vault")
        build = gauge(self.registry, "secrets_manager_build_info", "The release that runs.", "version")
        build.labels(__version__).set(1)

    def _of_backend(
        self, settings: Settings, left_out: Callable[[], None]
    ) -> tuple[VaultMetrics | AzureMetrics | PluginMetrics, Any]:
        """The metrics of calls and reads, and the backend's own; for our backends they are the same."""
        if settings.backend in BACKENDS:
            ours = self.vault if settings.backend == "vault" else self.azure_kv
            return ours, ours
        (chosen,) = settings.backends
        make = plugin_of(chosen).metrics
        other = PluginMetrics(
            self.registry, settings.backend, backend_call=self.vault.backend_call, left_out=left_out
        )
        return other, None if make is None else make(self.registry, chosen.own)

    def watch(self, values: LiveValues, controller: str) -> None:
        """Read these values at each scrape from now on."""
        self.registry.register(LiveCollector(values, controller))
