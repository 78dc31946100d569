"""The metrics of the Vault backend by the original's names, and the latency of calls to any backend."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Callable
from typing import get_args

from prometheus_client import CollectorRegistry, Gauge, Histogram

from secrets_manager.backends.vault.telemetry import RenewalError, RenewalOperation
from secrets_manager.daemon.metrics.parts import LATENCIES, counter, gauge, label_value, original_word
from secrets_manager.daemon.metrics.read_errors import ReadErrors
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import SecretsManagerError

# Errors that a new token ends at once. Others come again at each check of the token.
_COUNTED_ONCE: tuple[tuple[RenewalOperation, RenewalError], ...] = (
    ("lookup-self", "BackendSecretForbiddenError"),
    ("is-renewable", "VaultTokenNotRenewableError"),
)
# A server names itself, and may use another name each time: counters of so many names are kept.
_SERVERS_KEPT = 16
_RENEWAL_STEPS = tuple(itertools.product(get_args(RenewalOperation), get_args(RenewalError)))
_VAULT_LABELS = ("vault_address", "vault_engine", "vault_version", "vault_cluster_id", "vault_cluster_name")


class VaultMetrics:
    """Feeds the metrics of the Vault backend; implements VaultTelemetry."""

    def __init__(
        self, registry: CollectorRegistry, *, address: str, engine: str, left_out: Callable[[], None]
    ) -> None:
        """``left_out`` is called for each failed read that no series shows."""
        self._lock = threading.Lock()
        self._server: tuple[str, ...] = (label_value(address), engine, "", "", "")
        self._servers: list[tuple[str, ...]] = [self._server]
        self._gauges: dict[Gauge, float] = {}
        prefix = "secrets_manager_vault"
        self._max_ttl = gauge(
            registry,
            f"{prefix}_max_token_ttl",
            "Remaining life of the token in seconds below which it is renewed.",
            *_VAULT_LABELS,
        )
        self._ttl = gauge(
            registry, f"{prefix}_token_ttl", "Remaining life of the token in seconds.", *_VAULT_LABELS
        )
        self._login_errors = counter(
            registry, f"{prefix}_login_errors_total", "Logins that failed.", *_VAULT_LABELS
        )
        self._renewal_errors = counter(
            registry,
            f"{prefix}_token_renewal_errors_total",
            "Look-ups and renewals of the token that failed.",
            *(*_VAULT_LABELS, "vault_operation", "error"),
        )
        read_errors = counter(
            registry,
            f"{prefix}_read_secret_errors_total",
            "Keys that could not be read.",
            *(*_VAULT_LABELS, "path", "key", "error"),
        )
        self._read_errors = ReadErrors(read_errors, left_out=left_out)
        self._seconds = Histogram(
            "secrets_manager_backend_request_duration_seconds",
            "Time of one call to the backend.",
            ("backend", "operation", "result"),
            buckets=LATENCIES,
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
        """The server has this name now: gauges move to its labels, counters begin there.

        Errors that are counted only once begin with 0: an alert does not see a counter rise that begins with
        its first error.
        """
        with self._lock:
            names = tuple(map(label_value, (version, cluster_id, cluster_name)))
            before, self._server = self._server, (*self._server[:2], *names)
            if before == self._server:
                return
            for gauge, value in self._gauges.items():
                gauge.remove(*before)
                gauge.labels(*self._server).set(value)
            self._forget_servers()
        self._login_errors.labels(*self._server)
        for operation, error in _COUNTED_ONCE:
            self._renewal_errors.labels(*self._server, operation, error)

    def read_failed(self, definition: Ref, path: str, key: str, error: SecretsManagerError) -> None:
        """One key of a definition could not be read; the key "" means the one named data."""
        self._read_errors.add(definition, (*self._server, path, key or "data", original_word(error)))

    def reads_forgotten(self, definition: Ref) -> None:
        """A definition is gone, and what it could not read."""
        self._read_errors.forget(definition)

    def _forget_servers(self) -> None:
        self._servers = [server for server in self._servers if server != self._server] + [self._server]
        while len(self._servers) > _SERVERS_KEPT:
            oldest = self._servers.pop(0)
            for count, more in ((self._login_errors, ((),)), (self._renewal_errors, _RENEWAL_STEPS)):
                for labels in more:
                    with contextlib.suppress(KeyError):
                        count.remove(*oldest, *labels)

    def _set(self, gauge: Gauge, value: float) -> None:
        with self._lock:
            self._gauges[gauge] = value
            gauge.labels(*self._server).set(value)
