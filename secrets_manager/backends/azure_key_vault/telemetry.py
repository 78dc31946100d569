"""Reports of the Azure Key Vault backend beyond single calls; implemented by the metrics."""

from __future__ import annotations

from typing import Protocol

from secrets_manager.backends.base import BackendTelemetry


class AzureTelemetry(BackendTelemetry, Protocol):
    """Called from any thread; must neither block nor raise."""

    def login_failed(self) -> None:
        """A login was tried and returned no token."""

    def source_expiry(self, path: str, expires: float | None) -> None:
        """When the secret at ``path`` expires, in Unix time; None for never, or if it is no longer used."""
