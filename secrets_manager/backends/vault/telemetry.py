"""Reports of the Vault backend about itself beyond single calls; implemented by the metrics.

Names and moments are those of the original's metrics, so that dashboards and alerts keep working.
"""

from __future__ import annotations

from typing import Literal, Protocol

from secrets_manager.backends.base import BackendTelemetry

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
        """A login was tried and returned no token."""

    def token_ttl(self, seconds: float) -> None:
        """The remaining life of the token; 0 for a token that never expires."""

    def max_token_ttl(self, seconds: float) -> None:
        """The configured remaining life below which the token is renewed."""

    def renewal_failed(self, operation: RenewalOperation, error: RenewalError) -> None:
        """A step of the token's renewal failed."""

    def server(self, version: str, cluster_id: str, cluster_name: str) -> None:
        """The version and cluster that the server reports; each is "" if it does not say."""
