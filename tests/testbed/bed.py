"""The whole bed: a cluster and an OpenBao, ready for a daemon.

Used by the fixtures, by `python -m tests.testbed up`, by the demo and by the benchmark. Knows nothing of what
they do with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.testbed.cluster import TestCluster
from tests.testbed.openbao import OpenBao

__all__ = ["Bed", "running_bed", "start_openbao"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bed:
    """The two servers that the daemon stands between."""

    cluster: TestCluster
    openbao: OpenBao


@contextmanager
def running_bed(folder: Path, *, controllers: bool = True) -> Iterator[Bed]:
    """Both servers with their files in `folder`, stopped at the end; one starts beside the other."""
    with TestCluster.launch(folder / "cluster", controllers=controllers) as cluster:
        openbao = start_openbao(folder / "openbao")
        try:
            cluster.await_ready()
            yield Bed(cluster=cluster, openbao=openbao)
        finally:
            openbao.stop()


def start_openbao(folder: Path) -> OpenBao:
    """OpenBao in memory: KV2 at `secret/`, KV1 at `kv1/`, logins at `approle/` and `kubernetes/`."""
    openbao = OpenBao.dev(folder)
    openbao.enable_engine("kv1", "kv", {"version": "1"})
    openbao.enable_auth("approle", "approle")
    openbao.enable_auth("kubernetes", "kubernetes")
    return openbao
