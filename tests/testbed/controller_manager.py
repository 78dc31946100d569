"""kube-controller-manager with the few controllers that make an API server behave like a cluster.

Garbage collection and namespace deletion, service accounts, quota usage, aggregated roles; nothing that
schedules or runs. Knows nothing of the tests.
"""

from __future__ import annotations

from pathlib import Path

import urllib3

from tests.testbed.binaries import program
from tests.testbed.pki import Authority
from tests.testbed.processes import ServerProcess, free_port

__all__ = ["ControllerManager"]

_CONTROLLERS = (
    "clusterrole-aggregation-controller",
    "garbage-collector-controller",
    "namespace-controller",
    "resourcequota-controller",
    "root-ca-certificate-publisher-controller",
    "serviceaccount-controller",
    "serviceaccount-token-controller",
)


class ControllerManager:
    """The controllers above, acting as the admin of `kubeconfig`."""

    def __init__(self, folder: Path, *, kubeconfig: Path, authority: Authority, signing_key: Path) -> None:
        port = free_port()
        self._ca_file = authority.ca_file
        serving = authority.issue("127.0.0.1")
        self._health_url = f"https://127.0.0.1:{port}/healthz"
        command = [
            str(program("kube-controller-manager")),
            f"--kubeconfig={kubeconfig}",
            f"--controllers={','.join(_CONTROLLERS)}",
            "--leader-elect=false",
            "--bind-address=127.0.0.1",
            f"--secure-port={port}",
            f"--tls-cert-file={serving.certificate}",
            f"--tls-private-key-file={serving.key}",
            f"--root-ca-file={authority.ca_file}",
            f"--service-account-private-key-file={signing_key}",
            "--resource-quota-sync-period=2s",
        ]
        self.process = ServerProcess(
            "kube-controller-manager", command, log=folder / "kube-controller-manager.log"
        )

    def start(self) -> None:
        """Return once it serves its health page."""
        with urllib3.PoolManager(ca_certs=str(self._ca_file), retries=False, timeout=2) as http:
            self.process.start(lambda: self._healthy(http))

    def _healthy(self, http: urllib3.PoolManager) -> bool:
        try:
            return http.request("GET", self._health_url).status == 200
        except urllib3.exceptions.HTTPError:
            return False
