"""What the Azure Key Vault backend tells about itself beyond single calls; implemented by the metrics."""

from __future__ import annotations

from typing import Protocol

from secrets_manager.backends.base import BackendTelemetry, SilentTelemetry


class AzureTelemetry(BackendTelemetry, Protocol):
    """Called from any thread; must neither block nor raise."""

    def login_failed(self) -> None:
        """A login was tried and gave no token."""

    def source_expiry(self, path: str, expires: float | None) -> None:
        """When the secret at ``path`` expires, in Unix time; None for never, and when it is used no more."""


class SilentAzureTelemetry(SilentTelemetry):
    """Tells nobody; for tests."""

    def login_failed(self) -> None:
        """Ignore it."""

    def source_expiry(self, path: str, expires: float | None) -> None:
        """Ignore it."""
