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
    """The activity of a process from one moment to another.

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
    """Measures from its making on; the servers are the children that this process has by then.

    `pid` is the process if it runs already: earlier activity is left out. Without it, the process is about to
    start, and all of its life is measured.
    """

    def __init__(self, traffic: Traffic, pid: int | None = None) -> None:
        traffic.skip()
        self._traffic = traffic
        self._servers = {each: proc.cpu_seconds(each) for each in _children() - {pid}}
        self._kubernetes: list[KubernetesCall] = []
        self._backend: list[BackendCall] = []
        self._cpu = 0.0 if pid is None else proc.cpu_seconds(pid)
        self._began = time.time()

    def kubernetes_so_far(self) -> Sequence[KubernetesCall]:
        """Its calls to the API server up to now."""
        self._kubernetes.extend(self._traffic.take_kubernetes())
        return self._kubernetes

    def backend_so_far(self) -> Sequence[BackendCall]:
        """Its requests to the backend up to now."""
        self._backend.extend(self._traffic.take_backend())
        return self._backend

    def stop(self, pid: int) -> Stretch:
        """The stretch up to now, of a process that still runs; may be asked for again later."""
        return self.stop_with(cpu=proc.cpu_seconds(pid), memory=proc.memory(pid))

    def stop_with(self, *, cpu: float, memory: proc.Memory) -> Stretch:
        """As `stop`, for a process that has ended and left its figures behind."""
        seconds = time.time() - self._began
        return Stretch(
            began=self._began,
            seconds=seconds,
            cpu=cpu - self._cpu,
            servers_cpu=self._servers_cpu(),
            memory=memory,
            kubernetes=tuple(self.kubernetes_so_far()),
            backend=tuple(self.backend_so_far()),
        )

    def _servers_cpu(self) -> float:
        spent = 0.0
        for pid, before in self._servers.items():
            with contextlib.suppress(OSError):
                spent += proc.cpu_seconds(pid) - before
        return spent


def servers_cpu() -> float:
    """CPU seconds so far of all processes that this one has started and that still run."""
    return sum(map(proc.cpu_seconds, _children()))


def _children() -> set[int]:
    return proc.children(os.getpid())
