"""The API server in memory on the bench."""

from __future__ import annotations

from secrets_manager.cluster.memory import MemoryCluster


class MemoryClusterBench:
    """A cluster of its own."""

    namespace = "here"
    neighbour = "there"

    def __init__(self, *, page_size: int = 500) -> None:
        self.api = MemoryCluster(page_size=page_size)

    def forget_history(self) -> None:
        self.api.compact()
