"""The real API server on the bench, called by the program's own client."""

from __future__ import annotations

from secrets_manager.cluster.client.api import HttpKubernetesApi
from secrets_manager.cluster.client.credentials import Credentials
from secrets_manager.cluster.client.wire import Limits
from secrets_manager.runtime.deadline import Watchdog
from tests.silent import SilentCluster
from tests.testbed.cluster import TestCluster


class RealClusterBench:
    """Two namespaces of the shared control plane; watches are short."""

    def __init__(self, cluster: TestCluster, namespace: str, neighbour: str, *, page_size: int = 500) -> None:
        self._cluster = cluster
        self.namespace = namespace
        self.neighbour = neighbour
        self.api = HttpKubernetesApi(
            Credentials(str(cluster.kubeconfig)),
            Watchdog(),
            SilentCluster(),
            timeout=20,
            limits=Limits(watch_seconds=3, page_size=page_size),
        )

    def forget_history(self) -> None:
        """What happened before its start, an API server does not find in its cache."""
        self._cluster.stop_apiserver()
        self._cluster.start_apiserver()
