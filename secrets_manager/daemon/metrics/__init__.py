"""Every metric of the process, and the telemetry protocols that feed them.

Names, labels and meanings of the original's metrics are kept, those of controller-runtime that dashboards use
included; what is ours beyond them is marked. Label values come from definitions and settings, never from the
text of an error. Series of a definition go when it goes.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, disable_created_metrics
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from secrets_manager import __version__
from secrets_manager.daemon.metrics.asked import Asked, Readings
from secrets_manager.daemon.metrics.azure import AzureMetrics
from secrets_manager.daemon.metrics.cluster import ClusterMetrics, ElectionMetrics
from secrets_manager.daemon.metrics.parts import HELP, gauge, original_word
from secrets_manager.daemon.metrics.sync import SyncMetrics
from secrets_manager.daemon.metrics.vault import VaultMetrics
from secrets_manager.daemon.workforce import workers_of
from secrets_manager.settings import Settings

__all__ = ["Metrics", "Readings"]

disable_created_metrics()  # type: ignore[no-untyped-call]


class Metrics:
    """All metrics, on a registry of their own. Feeds itself through the telemetry protocols it implements."""

    def __init__(self, settings: Settings) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self.vault = VaultMetrics(self.registry, address=settings.vault.url, engine=settings.vault.engine)
        self.azure_kv = AzureMetrics(
            self.registry, settings.azure_kv, backend_call=self.vault.backend_call, word=original_word
        )
        chosen = self.azure_kv if settings.backend == "azure-kv" else self.vault
        self.sync = SyncMetrics(self.registry, settings.controller.name, chosen)
        self.cluster = ClusterMetrics(self.registry)
        self.election = ElectionMetrics(self.registry)
        workers = gauge(self.registry, "controller_runtime_max_concurrent_reconciles", HELP, "controller")
        workers.labels(settings.controller.name).set(workers_of(settings))
        gauge(
            self.registry, "secrets_manager_vault_tls_unverified", "1 while anybody may pass for Vault."
        ).set(settings.vault.skip_verify and settings.backend == "vault")
        build = gauge(self.registry, "secrets_manager_build_info", "The release that runs.", "version")
        build.labels(__version__).set(1)

    def watch(self, readings: Readings, controller: str) -> None:
        """Ask for these at each scrape from now on."""
        self.registry.register(Asked(readings, controller))
