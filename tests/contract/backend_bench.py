"""What the contract suite needs of each backend: the backend itself, and a hand in its store.

Knows no backend.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from secrets_manager.backends.base import Backend

# Seconds that a read may take in these tests; a hanging one takes all of them.
READ_SECONDS = 1.0


class BackendBench(Protocol):
    """A backend under test and its store, as a person with all rights sees it."""

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
        """Let the store accept reads and answer none."""

    def break_down(self) -> None:
        """Let nothing of the store be reachable."""

    def recover(self) -> None:
        """Let the store work again."""
