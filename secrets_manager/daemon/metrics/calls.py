"""The calls to each backend, whatever its kind: how long they took, and how they ended."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Histogram

from secrets_manager.daemon.metrics.parts import LATENCIES
from secrets_manager.domain.errors import SecretsManagerError
from secrets_manager.settings import BackendSettings


def call_seconds(registry: CollectorRegistry) -> Histogram:
    """The histogram that all backends share."""
    return Histogram(
        "secrets_manager_backend_request_duration_seconds",
        "Time of one call to a backend.",
        ("backend", "kind", "operation", "result"),
        buckets=LATENCIES,
        registry=registry,
    )


class BackendCalls:
    """Feeds it with the calls of one backend; implements BackendTelemetry."""

    def __init__(self, seconds: Histogram, backend: BackendSettings) -> None:
        self._call_seconds = seconds
        self._call_labels = (backend.name, backend.kind)

    def backend_call(
        self,
        backend: str,  # noqa: ARG002 - a backend says its kind, which the settings know better
        operation: str,
        seconds: float,
        error: SecretsManagerError | None,
    ) -> None:
        """One call to the backend ended."""
        result = "success" if error is None else error.reason
        self._call_seconds.labels(*self._call_labels, operation, result).observe(seconds)
