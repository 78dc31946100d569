"""The metrics of a backend that another package brings: its calls, and the keys that could not be read."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from secrets_manager.daemon.metrics.calls import BackendCalls
from secrets_manager.daemon.metrics.common import Common
from secrets_manager.daemon.metrics.parts import counter
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import SecretsManagerError
from secrets_manager.settings import BackendSettings


class PluginMetrics(BackendCalls):
    """Feeds them."""

    def __init__(self, registry: CollectorRegistry, backend: BackendSettings, common: Common) -> None:
        super().__init__(common.calls, backend)
        self._read_errors = counter(
            registry,
            "secrets_manager_backend_read_secret_errors_total",
            "Keys that could not be read.",
            *("path", "key", "reason"),
        )
        self._reads = common.reads

    def read_failed(self, definition: Ref, path: str, key: str, error: SecretsManagerError) -> None:
        """One key of a definition could not be read."""
        self._reads.add(self._read_errors, definition, (path, key, error.reason))
