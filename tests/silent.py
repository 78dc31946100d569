"""Telemetries that nobody listens to."""

from __future__ import annotations

from secrets_manager.backends.vault.telemetry import RenewalError, RenewalOperation
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import SecretsManagerError
from secrets_manager.domain.location import Location
from secrets_manager.domain.outcome import Outcome
from secrets_manager.testing import SilentBackend


class SilentVault(SilentBackend):
    """A VaultTelemetry."""

    def login_failed(self) -> None:
        """Ignore it."""

    def token_ttl(self, seconds: float) -> None:
        """Ignore it."""

    def max_token_ttl(self, seconds: float) -> None:
        """Ignore it."""

    def renewal_failed(self, operation: RenewalOperation, error: RenewalError) -> None:
        """Ignore it."""

    def server(self, version: str, cluster_id: str, cluster_name: str) -> None:
        """Ignore it."""


class SilentAzure(SilentBackend):
    """An AzureTelemetry."""

    def login_failed(self) -> None:
        """Ignore it."""

    def source_expiry(self, path: str, expires: float | None) -> None:
        """Ignore it."""


class SilentCluster:
    """A ClusterTelemetry."""

    def api_call(self, method: str, code: str, host: str, seconds: float) -> None:
        """Ignore it."""


class SilentSync:
    """A SyncTelemetry."""

    def reconciled(self, outcome: Outcome, seconds: float) -> None:
        """Ignore it."""

    def source_failed(
        self, definition: Ref, location: Location, key: str, error: SecretsManagerError
    ) -> None:
        """Ignore it."""

    def secret_unreadable(self, target: Ref) -> None:
        """Ignore it."""

    def status_unwritten(self, outcome: Outcome, error: SecretsManagerError) -> None:
        """Ignore it."""

    def restarted(self, kind: str, result: str) -> None:
        """Ignore it."""

    def forgotten(self, definition: Ref) -> None:
        """Ignore it."""

    def queued(self) -> None:
        """Ignore it."""

    def retried(self) -> None:
        """Ignore it."""

    def waited(self, seconds: float) -> None:
        """Ignore it."""

    def worked(self, seconds: float) -> None:
        """Ignore it."""
