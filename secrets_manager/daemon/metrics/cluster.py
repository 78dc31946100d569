"""The metrics of calls to the API server, of leading, and of the fences in front of writes."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Histogram

from secrets_manager.daemon.metrics.parts import LATENCIES, counter, gauge


class ClusterMetrics:
    """Feeds the metrics of calls to the API server; implements ClusterTelemetry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = counter(
            registry, "rest_client_requests_total", "Calls to the API server.", "code", "method", "host"
        )
        self._seconds = Histogram(
            "rest_client_request_duration_seconds",
            "Time of one call to the API server.",
            ("verb", "host"),
            buckets=LATENCIES,
            registry=registry,
        )

    def api_call(self, method: str, code: str, host: str, seconds: float) -> None:
        """One call ended."""
        self._requests.labels(code, method, host).inc()
        self._seconds.labels(method, host).observe(seconds)


class ElectionMetrics:
    """Feeds the metrics of leading and of the fences; implements ElectionTelemetry and FenceTelemetry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._leader = gauge(registry, "secrets_manager_leader", "1 while this replica leads.")
        self._transitions = gauge(
            registry, "secrets_manager_lease_transitions", "How often the Lease has changed hands."
        )
        self._renewal_errors = counter(
            registry, "secrets_manager_lease_renewal_errors_total", "Renewals of the Lease that failed."
        )
        self._refused = counter(
            registry,
            "secrets_manager_writes_refused_total",
            "Writes not begun, since this replica does not lead.",
        )
        self._stale = counter(
            registry,
            "secrets_manager_stale_writes_refused_total",
            "Writes that the API server refused, since they were based on an older state.",
        )

    def leading(self, *, leads: bool) -> None:
        """We began or ceased to lead."""
        self._leader.set(1 if leads else 0)

    def renewal_failed(self) -> None:
        """A renewal failed."""
        self._renewal_errors.inc()

    def transitions(self, count: int) -> None:
        """The number of transitions in the Lease."""
        self._transitions.set(count)

    def write_refused(self) -> None:
        """A write was not begun."""
        self._refused.inc()

    def stale_write_refused(self) -> None:
        """The API server refused a write."""
        self._stale.inc()
