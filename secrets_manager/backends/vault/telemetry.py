"""What the Vault backend tells about itself beyond single calls; implemented by the metrics.

The words and the moments are those of the original's metrics, so that dashboards and alerts keep working.
"""

from __future__ import annotations

from typing import Literal, Protocol

from secrets_manager.backends.base import BackendTelemetry, SilentTelemetry

RenewalOperation = Literal["lookup-self", "renew-self", "is-renewable"]
RenewalError = Literal[
    "UnknownError",
    "BackendSecretNotFoundError",
    "BackendSecretForbiddenError",
    "VaultTokenNotRenewableError",
]


class VaultTelemetry(BackendTelemetry, Protocol):
    """Called from any thread; must neither block nor raise."""

    def login_failed(self) -> None:
        """A login was tried and gave no token."""

    def token_ttl(self, seconds: float) -> None:
        """The remaining life of the token; 0 for a token that never expires."""

    def max_token_ttl(self, seconds: float) -> None:
        """The configured remaining life below which the token is renewed."""

    def renewal_failed(self, operation: RenewalOperation, error: RenewalError) -> None:
        """A step of the token's renewal failed."""

    def server(self, version: str, cluster_id: str, cluster_name: str) -> None:
        """Who the server says it is; each is "" where it did not say."""


class SilentVaultTelemetry(SilentTelemetry):
    """Tells nobody; for tests and for --once."""

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
