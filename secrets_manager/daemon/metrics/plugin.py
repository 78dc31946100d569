"""The metrics of a backend that another package brings: its calls, and the keys that could not be read."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry

from secrets_manager.daemon.metrics.parts import counter
from secrets_manager.daemon.metrics.read_errors import ReadErrors
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import SecretsManagerError

BackendCall = Callable[[str, str, float, SecretsManagerError | None], None]


class PluginMetrics:
    """Implements BackendTelemetry and ReadTelemetry."""

    def __init__(
        self,
        registry: CollectorRegistry,
        backend: str,
        *,
        backend_call: BackendCall,
        left_out: Callable[[], None],
    ) -> None:
        """``backend_call`` keeps the figures of all backends.

        ``left_out`` is called for each failed read that no series shows.
        """
        self._backend = backend
        self._backend_call = backend_call
        read_errors = counter(
            registry,
            "secrets_manager_backend_read_secret_errors_total",
            "Keys that could not be read.",
            *("backend", "path", "key", "reason"),
        )
        self._read_errors = ReadErrors(read_errors, left_out=left_out)

    def backend_call(
        self, backend: str, operation: str, seconds: float, error: SecretsManagerError | None
    ) -> None:
        """One call to the backend ended."""
        self._backend_call(backend, operation, seconds, error)

    def read_failed(self, definition: Ref, path: str, key: str, error: SecretsManagerError) -> None:
        """One key of a definition could not be read."""
        self._read_errors.add(definition, (self._backend, path, key, error.reason))

    def reads_forgotten(self, definition: Ref) -> None:
        """A definition is gone, and what it could not read."""
        self._read_errors.forget(definition)
