"""The things that the contract suite needs: a backend, and control of its store.

This module must not know any backend, nor how the tests are run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from secrets_manager.backends.base import Backend
from secrets_manager.domain.errors import SecretsManagerError

# Seconds that a read may take in these tests; a read that hangs takes all of them.
READ_SECONDS = 3.0


class SilentBackend:
    """A BackendTelemetry that ignores every report."""

    def backend_call(
        self, backend: str, operation: str, seconds: float, error: SecretsManagerError | None
    ) -> None:
        """Ignore it."""


class BackendBench(Protocol):
    """A backend under test, and its store with all rights."""

    @property
    def backend(self) -> Backend:
        """The backend under test."""

    def path(self, name: str) -> str:
        """The path of a definition that names ``name`` in the store."""

    def key(self, name: str) -> str:
        """The key of a definition that names ``name`` among the values."""

    def put(self, name: str, values: Mapping[str, Any]) -> str:
        """Store ``values``; the new version, or "" for a store without versions."""

    def delete(self, name: str) -> None:
        """Remove ``name`` with all its versions."""

    def soft_delete(self, name: str) -> None:
        """Delete the newest version; only for stores that keep versions."""

    def destroy(self, name: str) -> None:
        """Destroy the newest version; only for stores that keep versions."""

    def hang(self) -> None:
        """Let the store accept reads without answering them."""

    def break_down(self) -> None:
        """Make the whole store unreachable."""

    def recover(self) -> None:
        """Let the store work again."""
