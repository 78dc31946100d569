"""The metrics of the Azure Key Vault backend: the original's names and labels, and the expiry of secrets.

The original counted these and never exported them. Label values come from definitions and settings, never
from the text of an error.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge

from secrets_manager.backends.azure_key_vault.clouds import endpoint_of
from secrets_manager.daemon.metrics.parts import label_value
from secrets_manager.daemon.metrics.read_errors import MAX_SERIES, ReadErrors
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import SecretsManagerError
from secrets_manager.settings import AzureKvSettings

_PREFIX = "secrets_manager_azure_kv"
_LABELS = ("azure_kv_name", "azure_kv_tenant")

BackendCall = Callable[[str, str, float, SecretsManagerError | None], None]


class AzureMetrics:
    """Feeds the metrics of the Azure Key Vault backend; implements AzureTelemetry."""

    def __init__(
        self,
        registry: CollectorRegistry,
        settings: AzureKvSettings,
        *,
        backend_call: BackendCall,
        word: Callable[[SecretsManagerError], str],
        left_out: Callable[[], None],
    ) -> None:
        """``backend_call`` keeps the figures of all backends; ``word`` names an error as the original did.

        ``left_out`` is called for each failed read and each date that no series shows.
        """
        self._labels = (label_value(endpoint_of(settings).name), label_value(settings.tenant_id))
        self._left_out = left_out
        self._backend_call = backend_call
        self._word = word
        self._lock = threading.Lock()
        self._expiring: set[str] = set()
        read_errors = Counter(
            f"{_PREFIX}_read_secret_errors_total",
            "Keys that could not be read.",
            (*_LABELS, "path", "key", "error"),
            registry=registry,
        )
        self._read_errors = ReadErrors(read_errors, left_out=left_out)
        self._login_errors = Counter(
            f"{_PREFIX}_login_errors_total", "Logins that failed.", _LABELS, registry=registry
        )
        self._expiry = Gauge(
            f"{_PREFIX}_secret_expiry_timestamp_seconds",
            "When a secret that is used expires, in Unix time.",
            (*_LABELS, "path"),
            registry=registry,
        )

    def backend_call(
        self, backend: str, operation: str, seconds: float, error: SecretsManagerError | None
    ) -> None:
        """One call to the vault or to Entra ID ended."""
        self._backend_call(backend, operation, seconds, error)

    def login_failed(self) -> None:
        """A login gave no token."""
        self._login_errors.labels(*self._labels).inc()

    def read_failed(self, definition: Ref, path: str, key: str, error: SecretsManagerError) -> None:
        """One key of a definition could not be read."""
        self._read_errors.add(definition, (*self._labels, path, key, self._word(error)))

    def reads_forgotten(self, definition: Ref) -> None:
        """A definition is gone, and what it could not read."""
        self._read_errors.forget(definition)

    def source_expiry(self, path: str, expires: float | None) -> None:
        """When the secret at a path expires; None takes its series away."""
        path = label_value(path)
        with self._lock:
            if expires is None:
                self._expiring.discard(path)
                with contextlib.suppress(KeyError):
                    self._expiry.remove(*self._labels, path)
            elif path in self._expiring or len(self._expiring) < MAX_SERIES:
                self._expiring.add(path)
                self._expiry.labels(*self._labels, path).set(expires)
            else:
                self._left_out()
