"""The metrics of the controller and its queue, with the series of each Secret, which go when it goes."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter as Counters
from collections.abc import Callable
from typing import Protocol

from prometheus_client import CollectorRegistry, Histogram

from secrets_manager.daemon.metrics.parts import HELP, counter, gauge
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import SecretsManagerError
from secrets_manager.domain.location import Location
from secrets_manager.domain.outcome import Outcome

_OBJECT_LABELS = ("namespace", "name")
# controller-runtime's and client-go's buckets, so that recorded rules keep their meaning.
_RECONCILE_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_QUEUE_SECONDS = (1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0, 1000.0)


class ReadTelemetry(Protocol):
    """The metrics of reads for definitions, by the name of the backend."""

    def read_failed(
        self, backend: str, definition: Ref, path: str, key: str, error: SecretsManagerError
    ) -> None:
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
        self._read_errors = counter(
            registry, f"{prefix}_secret_read_errors_total", "Secrets that could not be read.", *_OBJECT_LABELS
        )
        self._sync_errors = counter(
            registry, f"{prefix}_sync_errors_total", "Reconciles that failed.", *_OBJECT_LABELS
        )
        self._last_status = gauge(
            registry, f"{prefix}_last_sync_status", "1 when in step, 0 when not.", *_OBJECT_LABELS
        )
        self._last_success = gauge(
            registry,
            f"{prefix}_last_success_timestamp_seconds",
            "When the Secret was last found or put in step, in Unix time.",
            *_OBJECT_LABELS,
        )
        self._operations = counter(
            registry, f"{prefix}_operations_total", "Reconciles by what was done.", "operation"
        )
        self._failures = counter(
            registry, f"{prefix}_failures_total", "Reconciles that failed, by reason.", "reason"
        )
        self._restarts = counter(
            registry,
            "secrets_manager_restarts_total",
            "Restarts of workloads, by kind and by success or reason.",
            "kind",
            "result",
        )
        self._results = counter(registry, "controller_runtime_reconcile_total", HELP, "controller", "result")
        self._errors = counter(registry, "controller_runtime_reconcile_errors_total", HELP, "controller")
        self._seconds = Histogram(
            "controller_runtime_reconcile_time_seconds",
            HELP,
            ("controller",),
            buckets=_RECONCILE_SECONDS,
            registry=registry,
        ).labels(controller)
        queue = "workqueue"
        self._adds = counter(registry, f"{queue}_adds_total", HELP, "name").labels(controller)
        self._retries = counter(registry, f"{queue}_retries_total", HELP, "name").labels(controller)
        self._waited = _queue_histogram(registry, f"{queue}_queue_duration_seconds").labels(controller)
        self._worked = _queue_histogram(registry, f"{queue}_work_duration_seconds").labels(controller)
        for result in ("success", "error", "requeue", "requeue_after"):
            self._results.labels(controller, result)
        self._errors.labels(controller)

    def reconciled(self, outcome: Outcome, seconds: float) -> None:
        """One definition was reconciled."""
        self._seconds.observe(seconds)
        self._operations.labels(outcome.operation.value).inc()
        self._results.labels(self._controller, "success" if outcome.in_step else "error").inc()
        if outcome.error is not None:
            self._errors.labels(self._controller).inc()
            self._failures.labels(outcome.error.reason).inc()
        if outcome.suspended:
            # Nobody knows how it is, so there is no series that says it.
            self.forgotten(outcome.definition)
        elif not outcome.cleanup:
            self._count_object(outcome)
        elif outcome.in_step and outcome.secret:
            # Reads of a Secret that was deleted may have been counted under its name.
            self._remove(Ref(outcome.definition.namespace, outcome.secret))

    def source_failed(
        self, definition: Ref, location: Location, key: str, error: SecretsManagerError
    ) -> None:
        """One key of a definition could not be read."""
        self._reads.read_failed(location.backend, definition, location.path, key, error)

    def secret_unreadable(self, target: Ref) -> None:
        """A Secret could not be read from the API server."""
        self._read_errors.labels(*target).inc()

    def status_unwritten(self, outcome: Outcome, error: SecretsManagerError) -> None:
        """A status could not be written, so the old one misleads its readers."""
        self._failures.labels(error.reason).inc()
        with self._lock:
            name = self._secrets.get(outcome.definition)
        if name is not None:
            self._sync_errors.labels(outcome.definition.namespace, name).inc()

    def restarted(self, kind: str, result: str) -> None:
        """A workload was restarted, or not."""
        self._restarts.labels(kind, result).inc()

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
        """A key will be reconciled again."""
        self._retries.inc()

    def waited(self, seconds: float) -> None:
        """A key left the queue."""
        self._waited.observe(seconds)

    def worked(self, seconds: float) -> None:
        """A worker was done with a key."""
        self._worked.observe(seconds)

    def _count_object(self, outcome: Outcome) -> None:
        namespace, own_name = outcome.definition
        with self._lock:
            before = self._secrets.get(outcome.definition)
            # A reconcile that failed early does not know the Secret: then the one before still counts.
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


def _queue_histogram(registry: CollectorRegistry, name: str) -> Histogram:
    return Histogram(name, HELP, ("name",), buckets=_QUEUE_SECONDS, registry=registry)
