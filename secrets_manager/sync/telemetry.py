"""What the engine tells about its work; implemented by the metrics, and by nobody in most tests."""

from __future__ import annotations

from typing import Protocol

from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import SecretsManagerError
from secrets_manager.domain.outcome import Outcome


class SyncTelemetry(Protocol):
    """Facts about reconciles and the queue. Every method may be called from any thread and never raises."""

    def reconciled(self, outcome: Outcome, seconds: float) -> None:
        """One definition was looked at; ``seconds`` is the time that took."""

    def source_failed(self, definition: Ref, path: str, key: str, error: SecretsManagerError) -> None:
        """One key of a definition could not be read."""

    def secret_unreadable(self, target: Ref) -> None:
        """A Secret could not be read from the API server."""

    def forgotten(self, definition: Ref) -> None:
        """A definition is gone: its series go too."""

    def queued(self) -> None:
        """A key joined the queue."""

    def retried(self) -> None:
        """A key will be looked at again after a pause."""

    def waited(self, seconds: float) -> None:
        """A key left the queue after this time in it."""

    def worked(self, seconds: float) -> None:
        """A worker was done with a key after this time."""


class SilentTelemetry:
    """Tells nobody."""

    def reconciled(self, outcome: Outcome, seconds: float) -> None:
        """Ignore it."""

    def source_failed(self, definition: Ref, path: str, key: str, error: SecretsManagerError) -> None:
        """Ignore it."""

    def secret_unreadable(self, target: Ref) -> None:
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
