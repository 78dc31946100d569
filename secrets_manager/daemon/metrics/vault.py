"""The metrics of a Vault backend, by the original's names."""

from __future__ import annotations

import contextlib
import itertools
import threading
from typing import get_args

from prometheus_client import CollectorRegistry, Gauge

from secrets_manager.backends.vault.telemetry import RenewalError, RenewalOperation
from secrets_manager.daemon.metrics.calls import BackendCalls
from secrets_manager.daemon.metrics.common import Common
from secrets_manager.daemon.metrics.parts import counter, gauge, label_value, original_word
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import SecretsManagerError
from secrets_manager.settings import BackendSettings

# Errors that a new token ends at once. Others come again at each check of the token.
_COUNTED_ONCE: tuple[tuple[RenewalOperation, RenewalError], ...] = (
    ("lookup-self", "BackendSecretForbiddenError"),
    ("renew-self", "BackendSecretForbiddenError"),
    ("is-renewable", "VaultTokenNotRenewableError"),
)
_RENEWAL_STEPS = tuple(itertools.product(get_args(RenewalOperation), get_args(RenewalError)))
_VAULT_LABELS = ("vault_address", "vault_engine", "vault_version", "vault_cluster_id", "vault_cluster_name")


class VaultMetrics(BackendCalls):
    """Feeds the metrics of a Vault backend; implements VaultTelemetry."""

    def __init__(self, registry: CollectorRegistry, backend: BackendSettings, common: Common) -> None:
        super().__init__(common.calls, backend)
        self._reads, self._servers_kept = common.reads, common.servers_kept
        self._lock = threading.Lock()
        self._server: tuple[str, ...] = (label_value(backend.own.url), backend.own.engine, "", "", "")
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
        self._read_errors = counter(
            registry,
            f"{prefix}_read_secret_errors_total",
            "Keys that could not be read.",
            *(*_VAULT_LABELS, "path", "key", "error"),
        )

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
        self._reads.add(
            self._read_errors, definition, (*self._server, path, key or "data", original_word(error))
        )

    def _forget_servers(self) -> None:
        self._servers = [server for server in self._servers if server != self._server] + [self._server]
        while len(self._servers) > self._servers_kept:
            oldest = self._servers.pop(0)
            for count, more in ((self._login_errors, ((),)), (self._renewal_errors, _RENEWAL_STEPS)):
                for labels in more:
                    with contextlib.suppress(KeyError):
                        count.remove(*oldest, *labels)

    def _set(self, gauge: Gauge, value: float) -> None:
        with self._lock:
            self._gauges[gauge] = value
            gauge.labels(*self._server).set(value)
