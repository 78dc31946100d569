"""Measures one process and the servers beside it over a stretch of time."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench import proc
from bench.audit import BackendCall, KubernetesCall
from bench.traffic import Traffic


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """What a process did from one moment to another.

    Attributes:
        began: seconds since the epoch.
        seconds: how long it was.
        cpu: CPU seconds of the process.
        servers_cpu: CPU seconds of the servers (etcd, API server, its controllers, OpenBao) together.
        memory: of the process, at the end.
        kubernetes: its calls to the API server, oldest first.
        backend: its requests to the backend, oldest first.

    """

    began: float
    seconds: float
    cpu: float
    servers_cpu: float
    memory: proc.Memory
    kubernetes: Sequence[KubernetesCall]
    backend: Sequence[BackendCall]


class Meter:
    """Measures from its making to `stop`; the servers are the other children of this process."""

    def __init__(self, pid: int, traffic: Traffic, *, began: float | None = None, cpu: float = 0.0) -> None:
        """`began` and `cpu` are those of the process's own start when that is to be measured too."""
        self._pid = pid
        self._traffic = traffic
        self._began = time.time() if began is None else began
        self._cpu = cpu
        self._servers = {each: proc.cpu_seconds(each) for each in proc.children(os.getpid()) - {pid}}
        self._kubernetes: list[KubernetesCall] = []

    @classmethod
    def from_now(cls, pid: int, traffic: Traffic) -> Meter:
        """Of a process that runs already; its calls so far are let go."""
        traffic.skip()
        return cls(pid, traffic, cpu=proc.cpu_seconds(pid))

    def kubernetes_so_far(self) -> Sequence[KubernetesCall]:
        """Its calls to the API server up to now."""
        self._kubernetes.extend(self._traffic.take_kubernetes())
        return self._kubernetes

    def stop(self) -> Stretch:
        """The stretch up to now; the process must still run."""
        return self.stop_with(cpu=proc.cpu_seconds(self._pid), memory=proc.memory(self._pid))

    def stop_with(self, *, cpu: float, memory: proc.Memory) -> Stretch:
        """As `stop`, for a process that has ended and left its figures behind."""
        return Stretch(
            began=self._began,
            seconds=time.time() - self._began,
            cpu=cpu - self._cpu,
            servers_cpu=self._servers_cpu(),
            memory=memory,
            kubernetes=tuple(self.kubernetes_so_far()),
            backend=tuple(self._traffic.take_backend()),
        )

    def _servers_cpu(self) -> float:
        spent = 0.0
        for pid, before in self._servers.items():
            with contextlib.suppress(OSError):
                spent += proc.cpu_seconds(pid) - before
        return spent
