"""etcd on loopback, for one API server.

Knows nothing of Kubernetes.
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

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

    def get(self, key: str) -> bytes:
        """The value of a key that is there."""
        (found,) = self._call("range", key=key.encode())["kvs"]
        return base64.b64decode(found["value"])

    def put(self, key: str, value: bytes) -> None:
        """Set the value of a key."""
        self._call("put", key=key.encode(), value=value)

    def _call(self, method: str, **fields: bytes) -> dict[str, Any]:
        body = {name: base64.b64encode(value).decode() for name, value in fields.items()}
        answer = urllib3.request("POST", f"{self.url}/v3/kv/{method}", json=body, timeout=5)
        assert answer.status == 200, answer.data
        found: dict[str, Any] = answer.json()
        return found

    def _healthy(self) -> bool:
        try:
            return urllib3.request("GET", f"{self.url}/health", retries=False, timeout=2).status == 200
        except urllib3.exceptions.HTTPError:
            return False
