"""What the sync core reports about its work. The metrics implement it."""

from __future__ import annotations

from typing import Protocol

from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import SecretsManagerError
from secrets_manager.domain.location import Location
from secrets_manager.domain.outcome import Outcome


class SyncTelemetry(Protocol):
    """Facts about reconciles and the queue. Every method may be called from any thread and never raises."""

    def reconciled(self, outcome: Outcome, seconds: float) -> None:
        """One definition was reconciled, in this time."""

    def source_failed(
        self, definition: Ref, location: Location, key: str, error: SecretsManagerError
    ) -> None:
        """One key of a definition could not be read; ``location`` says of which backend."""

    def secret_unreadable(self, target: Ref) -> None:
        """A Secret could not be read from the API server."""

    def status_unwritten(self, outcome: Outcome, error: SecretsManagerError) -> None:
        """The status that reports ``outcome`` could not be written."""

    def restarted(self, kind: str, result: str) -> None:
        """A workload of this kind was restarted (``success``), or was not, for this reason."""

    def forgotten(self, definition: Ref) -> None:
        """A definition is gone: its series go too."""

    def queued(self) -> None:
        """A key joined the queue."""

    def retried(self) -> None:
        """A key will be queued again after a pause."""

    def waited(self, seconds: float) -> None:
        """A key left the queue after this time in it."""

    def worked(self, seconds: float) -> None:
        """A worker was done with a key after this time."""
