"""The metrics of the Azure Key Vault backend: the original's names and labels, and the expiry of secrets.

The original counted these and never exported them. Label values come from definitions and settings, never
from the text of an error.
"""

from __future__ import annotations

import contextlib
import threading

from prometheus_client import CollectorRegistry

from secrets_manager.backends.azure_key_vault.clouds import endpoint_of
from secrets_manager.daemon.metrics.calls import BackendCalls
from secrets_manager.daemon.metrics.common import Common
from secrets_manager.daemon.metrics.parts import counter, gauge, label_value, original_word
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import SecretsManagerError
from secrets_manager.settings import BackendSettings

_PREFIX = "secrets_manager_azure_kv"
_LABELS = ("azure_kv_name", "azure_kv_tenant")


class AzureMetrics(BackendCalls):
    """Feeds the metrics of an Azure Key Vault backend; implements AzureTelemetry."""

    def __init__(self, registry: CollectorRegistry, backend: BackendSettings, common: Common) -> None:
        super().__init__(common.calls, backend)
        settings = backend.own
        self._labels = (label_value(endpoint_of(settings).name), label_value(settings.tenant_id))
        self._reads, self._room, self._left_out = common.reads, common.expiries, common.left_out
        self._lock = threading.Lock()
        self._expiring: set[str] = set()
        self._read_errors = counter(
            registry,
            f"{_PREFIX}_read_secret_errors_total",
            "Keys that could not be read.",
            *(*_LABELS, "path", "key", "error"),
        )
        self._login_errors = counter(
            registry, f"{_PREFIX}_login_errors_total", "Logins that failed.", *_LABELS
        )
        self._expiry = gauge(
            registry,
            f"{_PREFIX}_secret_expiry_timestamp_seconds",
            "When a secret that is used expires, in Unix time.",
            *(*_LABELS, "path"),
        )

    def login_failed(self) -> None:
        """A login gave no token."""
        self._login_errors.labels(*self._labels).inc()

    def read_failed(self, definition: Ref, path: str, key: str, error: SecretsManagerError) -> None:
        """One key of a definition could not be read."""
        self._reads.add(self._read_errors, definition, (*self._labels, path, key, original_word(error)))

    def source_expiry(self, path: str, expires: float | None) -> None:
        """When the secret at a path expires; None takes its series away."""
        path = label_value(path)
        with self._lock:
            if expires is None:
                self._forget_expiry(path)
            elif path in self._expiring or self._room.take():
                self._expiring.add(path)
                self._expiry.labels(*self._labels, path).set(expires)
            else:
                self._left_out()

    def _forget_expiry(self, path: str) -> None:
        if path in self._expiring:
            self._expiring.discard(path)
            self._room.give_back()
            with contextlib.suppress(KeyError):
                self._expiry.remove(*self._labels, path)
