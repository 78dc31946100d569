"""etcd on loopback, for one API server.

Knows nothing of Kubernetes.
"""

from __future__ import annotations

from pathlib import Path

import urllib3

from tests.testbed.binaries import program
from tests.testbed.processes import ServerProcess, free_port

__all__ = ["Etcd"]


class Etcd:
    """One member without TLS or fsync: fast, and gone with its folder."""

    def __init__(self, folder: Path) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        peer = f"http://127.0.0.1:{free_port()}"
        command = [
            str(program("etcd")),
            f"--data-dir={folder / 'etcd'}",
            f"--listen-client-urls={self.url}",
            f"--advertise-client-urls={self.url}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--unsafe-no-fsync",
            "--log-level=warn",
        ]
        self.process = ServerProcess("etcd", command, log=folder / "etcd.log")

    def start(self) -> None:
        """Return once it serves."""
        self.process.start(self._healthy, timeout=30)

    def _healthy(self) -> bool:
        try:
            return urllib3.request("GET", f"{self.url}/health", retries=False, timeout=2).status == 200
        except urllib3.exceptions.HTTPError:
            return False
