"""Every metric of the process, and the telemetry protocols that feed them.

Names, labels and meanings of the original's metrics are kept, those of controller-runtime that dashboards use
included; what is ours beyond them is marked. Label values come from definitions and settings, never from the
text of an error. Series of a definition go when it goes.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter as Counters
from collections.abc import Callable
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from secrets_manager import __version__
from secrets_manager.backends.vault.telemetry import RenewalError, RenewalOperation
from secrets_manager.daemon.asked_metrics import HELP as _HELP
from secrets_manager.daemon.asked_metrics import Asked, Readings
from secrets_manager.daemon.azure_metrics import AzureMetrics
from secrets_manager.daemon.read_errors import ReadErrors
from secrets_manager.daemon.workforce import workers_of
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import (
    ForbiddenByNetwork,
    KeyNotFound,
    PermissionDenied,
    SecretsManagerError,
    SourceDeleted,
    SourceDestroyed,
    SourceDisabled,
    SourceNotFound,
)
from secrets_manager.domain.outcome import Outcome
from secrets_manager.settings import Settings

_VAULT_LABELS = ("vault_address", "vault_engine", "vault_version", "vault_cluster_id", "vault_cluster_name")
_OBJECT_LABELS = ("namespace", "name")
_LATENCIES = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
# controller-runtime's and client-go's buckets, so that recorded rules keep their meaning.
_RECONCILE_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_QUEUE_SECONDS = (1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0, 1000.0)

disable_created_metrics()  # type: ignore[no-untyped-call]


class Metrics:
    """All metrics, on a registry of their own. Feeds itself through the telemetry protocols it implements."""

    def __init__(self, settings: Settings) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self.vault = VaultMetrics(self.registry, address=settings.vault.url, engine=settings.vault.engine)
        self.azure_kv = AzureMetrics(
            self.registry, settings.azure_kv, backend_call=self.vault.backend_call, word=_original_word
        )
        chosen = self.azure_kv if settings.backend == "azure-kv" else self.vault
        self.sync = SyncMetrics(self.registry, settings.controller.name, chosen)
        self.cluster = ClusterMetrics(self.registry)
        self.election = ElectionMetrics(self.registry)
        workers = _gauge(self.registry, "controller_runtime_max_concurrent_reconciles", _HELP, "controller")
        workers.labels(settings.controller.name).set(workers_of(settings))
        _gauge(
            self.registry, "secrets_manager_vault_tls_unverified", "1 while anybody may pass for Vault."
        ).set(settings.vault.skip_verify and settings.backend == "vault")
        build = _gauge(self.registry, "secrets_manager_build_info", "The release that runs.", "version")
        build.labels(__version__).set(1)

    def watch(self, readings: Readings, controller: str) -> None:
        """Ask for these at each scrape from now on."""
        self.registry.register(Asked(readings, controller))


class VaultMetrics:
    """Feeds the metrics of the Vault backend; implements VaultTelemetry."""

    def __init__(self, registry: CollectorRegistry, *, address: str, engine: str) -> None:
        self._lock = threading.Lock()
        self._server = (address, engine, "", "", "")
        self._gauges: dict[Gauge, float] = {}
        prefix = "secrets_manager_vault"
        self._max_ttl = _gauge(
            registry, f"{prefix}_max_token_ttl", "Remaining life below which it is renewed.", *_VAULT_LABELS
        )
        self._ttl = _gauge(
            registry, f"{prefix}_token_ttl", "Remaining life of the token in seconds.", *_VAULT_LABELS
        )
        self._login_errors = _counter(
            registry, f"{prefix}_login_errors_total", "Logins that failed.", *_VAULT_LABELS
        )
        self._renewal_errors = _counter(
            registry,
            f"{prefix}_token_renewal_errors_total",
            "Failures in the care of the token.",
            *(*_VAULT_LABELS, "vault_operation", "error"),
        )
        read_errors = _counter(
            registry,
            f"{prefix}_read_secret_errors_total",
            "Keys that could not be read.",
            *(*_VAULT_LABELS, "path", "key", "error"),
        )
        self._read_errors = ReadErrors(read_errors)
        self._seconds = Histogram(
            "secrets_manager_backend_request_duration_seconds",
            "Time of one call to the backend.",
            ("backend", "operation", "result"),
            buckets=_LATENCIES,
            registry=registry,
        )

    def backend_call(
        self, backend: str, operation: str, seconds: float, error: SecretsManagerError | None
    ) -> None:
        """One call to the backend ended."""
        result = "success" if error is None else error.reason
        self._seconds.labels(backend, operation, result).observe(seconds)

    def login_failed(self) -> None:
        """A login gave no token."""
        self._login_errors.labels(*self._server).inc()

    def token_ttl(self, seconds: float) -> None:
        """The token's remaining life."""
        self._set(self._ttl, seconds)

    def max_token_ttl(self, seconds: float) -> None:
        """The threshold of renewal."""
        self._set(self._max_ttl, seconds)

    def renewal_failed(self, operation: RenewalOperation, error: RenewalError) -> None:
        """A step of the token's care failed."""
        self._renewal_errors.labels(*self._server, operation, error).inc()

    def server(self, version: str, cluster_id: str, cluster_name: str) -> None:
        """Who the server is: gauges move to its labels, counters begin there."""
        with self._lock:
            before, self._server = self._server, (*self._server[:2], version, cluster_id, cluster_name)
            if before == self._server:
                return
            for gauge, value in self._gauges.items():
                gauge.remove(*before)
                gauge.labels(*self._server).set(value)

    def read_failed(self, definition: Ref, path: str, key: str, error: SecretsManagerError) -> None:
        """One key of a definition could not be read; the key "" means the one named data."""
        self._read_errors.failed(definition, (*self._server, path, key or "data", _original_word(error)))

    def reads_forgotten(self, definition: Ref) -> None:
        """A definition is gone, and what it could not read."""
        self._read_errors.forgotten(definition)

    def _set(self, gauge: Gauge, value: float) -> None:
        with self._lock:
            self._gauges[gauge] = value
            gauge.labels(*self._server).set(value)


class ReadTelemetry(Protocol):
    """What the chosen backend's metrics are told of reads for definitions."""

    def read_failed(self, definition: Ref, path: str, key: str, error: SecretsManagerError) -> None:
        """One key of a definition could not be read."""

    def reads_forgotten(self, definition: Ref) -> None:
        """A definition is gone."""


class SyncMetrics:
    """Feeds the metrics of the controller and its queue; implements SyncTelemetry."""

    def __init__(
        self,
        registry: CollectorRegistry,
        controller: str,
        reads: ReadTelemetry,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._controller = controller
        self._wall_clock = wall_clock
        self._lock = threading.Lock()
        self._secrets: dict[Ref, str] = {}
        self._wanting: Counters[Ref] = Counters()
        self._reads = reads
        prefix = "secrets_manager_controller"
        self._read_errors = _counter(
            registry, f"{prefix}_secret_read_errors_total", "Secrets that could not be read.", *_OBJECT_LABELS
        )
        self._sync_errors = _counter(
            registry, f"{prefix}_sync_errors_total", "Reconciles that failed.", *_OBJECT_LABELS
        )
        self._last_status = _gauge(
            registry, f"{prefix}_last_sync_status", "1 when in step, 0 when not.", *_OBJECT_LABELS
        )
        self._last_success = _gauge(
            registry,
            f"{prefix}_last_success_timestamp_seconds",
            "When the Secret was last found or put in step, in Unix time.",
            *_OBJECT_LABELS,
        )
        self._operations = _counter(
            registry, f"{prefix}_operations_total", "What was done to Secrets.", "operation"
        )
        self._failures = _counter(registry, f"{prefix}_failures_total", "Why reconciles failed.", "reason")
        self._results = _counter(
            registry, "controller_runtime_reconcile_total", _HELP, "controller", "result"
        )
        self._errors = _counter(registry, "controller_runtime_reconcile_errors_total", _HELP, "controller")
        self._seconds = Histogram(
            "controller_runtime_reconcile_time_seconds",
            _HELP,
            ("controller",),
            buckets=_RECONCILE_SECONDS,
            registry=registry,
        ).labels(controller)
        queue = "workqueue"
        self._adds = _counter(registry, f"{queue}_adds_total", _HELP, "name").labels(controller)
        self._retries = _counter(registry, f"{queue}_retries_total", _HELP, "name").labels(controller)
        self._waited = _queue_histogram(registry, f"{queue}_queue_duration_seconds").labels(controller)
        self._worked = _queue_histogram(registry, f"{queue}_work_duration_seconds").labels(controller)
        for result in ("success", "error", "requeue", "requeue_after"):
            self._results.labels(controller, result)
        self._errors.labels(controller)

    def reconciled(self, outcome: Outcome, seconds: float) -> None:
        """One definition was looked at."""
        self._seconds.observe(seconds)
        self._operations.labels(outcome.operation.value).inc()
        self._results.labels(self._controller, "success" if outcome.in_step else "error").inc()
        if outcome.error is not None:
            self._errors.labels(self._controller).inc()
            self._failures.labels(outcome.error.reason).inc()
        if not outcome.cleanup:
            self._tell_object(outcome)
        elif outcome.in_step and outcome.secret:
            # Reads of a Secret that had to go may have been counted under its name.
            self._remove(Ref(outcome.definition.namespace, outcome.secret))

    def source_failed(self, definition: Ref, path: str, key: str, error: SecretsManagerError) -> None:
        """One key of a definition could not be read."""
        self._reads.read_failed(definition, path, key, error)

    def secret_unreadable(self, target: Ref) -> None:
        """A Secret could not be read from the API server."""
        self._read_errors.labels(*target).inc()

    def forgotten(self, definition: Ref) -> None:
        """A definition is gone, and so are its series, unless another has the same Secret."""
        self._reads.reads_forgotten(definition)
        with self._lock:
            name = self._secrets.pop(definition, None)
            if name is None:
                return
            secret = Ref(definition.namespace, name)
            self._wanting[secret] -= 1
        self._remove(secret)

    def queued(self) -> None:
        """A key joined the queue."""
        self._adds.inc()

    def retried(self) -> None:
        """A key will be looked at again."""
        self._retries.inc()

    def waited(self, seconds: float) -> None:
        """A key left the queue."""
        self._waited.observe(seconds)

    def worked(self, seconds: float) -> None:
        """A worker was done with a key."""
        self._worked.observe(seconds)

    def _tell_object(self, outcome: Outcome) -> None:
        namespace, own_name = outcome.definition
        with self._lock:
            before = self._secrets.get(outcome.definition)
            # A reconcile that failed early does not know the Secret: then it is still the one before.
            labels = Ref(namespace, outcome.secret or before or own_name)
            self._secrets[outcome.definition] = labels.name
            if before != labels.name:
                self._wanting[labels] += 1
                if before is not None:
                    self._wanting[Ref(namespace, before)] -= 1
        if before is not None and before != labels.name:
            self._remove(Ref(namespace, before))
        self._last_status.labels(*labels).set(1 if outcome.in_step else 0)
        if outcome.in_step:
            self._last_success.labels(*labels).set(self._wall_clock())
        else:
            self._sync_errors.labels(*labels).inc()

    def _remove(self, secret: Ref) -> None:
        """Remove the series of a Secret, unless a definition wants it."""
        with self._lock:
            if self._wanting[secret] > 0:
                return
            del self._wanting[secret]
        for metric in (self._last_status, self._last_success, self._sync_errors, self._read_errors):
            with contextlib.suppress(KeyError):
                metric.remove(*secret)


class ClusterMetrics:
    """Feeds the metrics of calls to the API server; implements ClusterTelemetry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = _counter(
            registry, "rest_client_requests_total", "Calls to the API server.", "code", "method", "host"
        )
        self._seconds = Histogram(
            "rest_client_request_duration_seconds",
            "Time of one call to the API server.",
            ("verb", "host"),
            buckets=_LATENCIES,
            registry=registry,
        )

    def api_call(self, method: str, code: str, host: str, seconds: float) -> None:
        """One call ended."""
        self._requests.labels(code, method, host).inc()
        self._seconds.labels(method, host).observe(seconds)


class ElectionMetrics:
    """Feeds the metrics of leading and of the fences; implements ElectionTelemetry and FenceTelemetry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._leader = _gauge(registry, "secrets_manager_leader", "1 while this replica leads by its Lease.")
        self._transitions = _gauge(
            registry, "secrets_manager_lease_transitions", "How often the Lease has changed hands."
        )
        self._renewal_errors = _counter(
            registry, "secrets_manager_lease_renewal_errors_total", "Renewals of the Lease that failed."
        )
        self._refused = _counter(
            registry, "secrets_manager_writes_refused_total", "Writes not begun for lack of leadership."
        )
        self._stale = _counter(
            registry,
            "secrets_manager_stale_writes_refused_total",
            "Writes that the API server refused, since they were based on an older state.",
        )

    def leading(self, *, leads: bool) -> None:
        """We began or ceased to lead."""
        self._leader.set(1 if leads else 0)

    def renewal_failed(self) -> None:
        """A renewal did not work."""
        self._renewal_errors.inc()

    def transitions(self, count: int) -> None:
        """What the Lease says of itself."""
        self._transitions.set(count)

    def write_refused(self) -> None:
        """A write was not begun."""
        self._refused.inc()

    def stale_write_refused(self) -> None:
        """The API server refused a write."""
        self._stale.inc()


def _original_word(error: SecretsManagerError) -> str:
    """The value of the original's ``error`` label."""
    if isinstance(error, (SourceNotFound, SourceDeleted, SourceDestroyed, KeyNotFound)):
        return "BackendSecretNotFoundError"
    if isinstance(error, (PermissionDenied, SourceDisabled, ForbiddenByNetwork)):
        return "BackendSecretForbiddenError"
    return "UnknownError"


def _gauge(registry: CollectorRegistry, name: str, text: str, *labels: str) -> Gauge:
    return Gauge(name, text, labels, registry=registry)


def _counter(registry: CollectorRegistry, name: str, text: str, *labels: str) -> Counter:
    return Counter(name, text, labels, registry=registry)


def _queue_histogram(registry: CollectorRegistry, name: str) -> Histogram:
    return Histogram(name, _HELP, ("name",), buckets=_QUEUE_SECONDS, registry=registry)
