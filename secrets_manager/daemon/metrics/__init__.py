"""Every metric of the process, and the telemetry protocols that feed them.

Names, labels and meanings of the original's metrics are kept, those of controller-runtime that dashboards use
included. Label values come from definitions, settings and what Vault says of its version and cluster, never
from the text of an error. Series of a definition go when it goes.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, disable_created_metrics
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from secrets_manager import __version__
from secrets_manager.daemon.metrics.backends import BackendMetrics
from secrets_manager.daemon.metrics.cluster import ClusterMetrics, ElectionMetrics
from secrets_manager.daemon.metrics.live import LiveCollector, LiveValues
from secrets_manager.daemon.metrics.parts import HELP, counter, gauge
from secrets_manager.daemon.metrics.sync import SyncMetrics
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
        left_out = counter(
            self.registry,
            "secrets_manager_series_dropped_total",
            "Failures and dates without a series, since there are too many.",
        ).inc
        self.backends = BackendMetrics(self.registry, settings.backends, left_out)
        self.sync = SyncMetrics(self.registry, settings.controller.name, self.backends)
        self.cluster = ClusterMetrics(self.registry)
        self.election = ElectionMetrics(self.registry)
        workers = gauge(self.registry, "controller_runtime_max_concurrent_reconciles", HELP, "controller")
        workers.labels(settings.controller.name).set(workers_of(settings))
        build = gauge(self.registry, "secrets_manager_build_info", "The release that runs.", "version")
        build.labels(__version__).set(1)

    def watch(self, values: LiveValues, controller: str) -> None:
        """Read these values at each scrape from now on."""
        self.registry.register(LiveCollector(values, controller))
