"""The memory backend on the bench."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from secrets_manager.backends.memory import MemoryBackend
from secrets_manager.domain.errors import BackendUnavailable


class MemoryBench:
    """Its store is the backend itself."""

    def __init__(self) -> None:
        self.backend = MemoryBackend()

    def path(self, name: str) -> str:
        return name

    def key(self, name: str) -> str:
        return name

    def put(self, name: str, values: Mapping[str, Any]) -> str:
        return self.backend.put(name, values)

    def delete(self, name: str) -> None:
        self.backend.delete(name)

    def soft_delete(self, name: str) -> None:
        self.backend.soft_delete(name)

    def destroy(self, name: str) -> None:
        self.backend.destroy(name)

    def hang(self) -> None:
        self.backend.hang()

    def break_down(self) -> None:
        self.backend.fail_with(BackendUnavailable("down"))

    def recover(self) -> None:
        self.backend.recover()
