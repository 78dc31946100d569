"""The replicas: processes that take turns at leading."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from tests.testbed.daemon import DaemonProcess
from tests.testbed.kube_api import KubeApi, leases
from tests.testbed.waiting import wait_until

LEASE = "5ac9a181.secrets-manager.tuenti.io"
_PATIENCE = 60.0


class Replicas:
    """Keeps so many daemons running against one Lease."""

    def __init__(self, api: KubeApi, namespace: str, folder: Path, environ: Mapping[str, str]) -> None:
        self._api = api
        self._namespace = namespace
        self._folder = folder
        self._environ = environ
        self.running: list[DaemonProcess] = []

    def start(self, count: int) -> None:
        """Start until so many run, and wait until all are ready."""
        while len(self.running) < count:
            self.running.append(self._one())
        for replica in self.running:
            replica.wait_ready(_PATIENCE)

    def stop(self) -> None:
        """Kill all."""
        for replica in self.running:
            if replica.process.poll() is None:
                replica.process.send_signal(signal.SIGCONT)
            replica.kill()

    def leader(self) -> DaemonProcess:
        """The replica that says that it leads; waits until one does."""
        return wait_until(self._leading, timeout=_PATIENCE, what="a leader")

    def holder(self) -> str:
        """The holder of the Lease, as the Lease says."""
        lease = self._api.find(leases(self._namespace, LEASE)) or {}
        return str((lease.get("spec") or {}).get("holderIdentity", ""))

    def wait_for_holder(self, other_than: str) -> str:
        """Until another replica holds the Lease; returns its identity."""

        def changed() -> str:
            holder = self.holder()
            return holder if holder != other_than else ""

        return wait_until(changed, timeout=_PATIENCE, what="a new holder")

    def take_ended(self, replica: DaemonProcess) -> int:
        """Take a replica that ended out of the list; returns its exit code."""
        code = replica.wait(_PATIENCE)
        self.running.remove(replica)
        return code

    def _leading(self) -> DaemonProcess | None:
        alive = [replica for replica in self.running if replica.process.poll() is None]
        return next((r for r in alive if r.metric("secrets_manager_leader") == 1), None)

    def _one(self) -> DaemonProcess:
        flags = [
            "-enable-leader-election",
            f"-election.lease-namespace={self._namespace}",
            "-reconcile-period=1s",
        ]
        return DaemonProcess(self._folder, self._environ, *flags)


def seconds_until_exit(replica: DaemonProcess, *, at_most: float) -> float | None:
    """How long a process takes to end by itself from now on; None when it does not in that time."""
    began = time.monotonic()
    try:
        replica.wait(at_most)
    except subprocess.TimeoutExpired:
        return None
    return time.monotonic() - began
