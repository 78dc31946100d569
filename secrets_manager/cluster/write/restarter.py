"""The calls about workloads: list, get, and the patch of the pod template that restarts one.

Each write carries the version that it is based on, so what another replica did meanwhile is never undone. A
list keeps one page in memory, and of each workload what a decision needs. Nothing is decided here.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace

from secrets_manager.cluster import workloads
from secrets_manager.cluster.base import KubernetesApi, NotFound, Page, Scope
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import ClusterUnavailable, Conflict
from secrets_manager.domain.restart_wish import WorkloadKind, WorkloadName
from secrets_manager.domain.restarts import Restart, Workload

# The status of a workload that is being rolled changes all the time.
_TRIES = 6


@dataclass(frozen=True, slots=True)
class Restarter:
    """Reads and restarts the workloads of a namespace. Errors are those of the port."""

    api: KubernetesApi

    def listed(self, namespace: str, kind: WorkloadKind) -> Iterator[Workload]:
        """All workloads of a kind; none where that kind does not exist."""
        for page in self._pages(namespace, kind):
            yield from (workloads.workload(kind, raw) for raw in page.items)

    def check_list(self, namespace: str, kind: WorkloadKind) -> None:
        """Raise what a list of that kind would; reads a page of it."""
        with contextlib.closing(self._pages(namespace, kind)) as pages:
            next(pages, None)

    def get(self, namespace: str, name: WorkloadName) -> Workload | None:
        """The workload, None where there is none."""
        resource = workloads.RESOURCES[name.kind]
        try:
            return workloads.workload(name.kind, self.api.get(resource, Ref(namespace, name.name)))
        except NotFound:
            return None
        except ClusterUnavailable:
            # A GET of a kind that does not exist is answered as by a proxy, but not a list of it.
            if name.kind is WorkloadKind.ROLLOUT and self._is_unknown(namespace, name.kind):
                return None
            raise

    def restart(self, namespace: str, restart: Restart) -> bool:
        """Mark the pod template, which rolls the pods; whether that was still to do.

        One that another replica marked with this level or a later one meanwhile is left alone.
        """
        name = restart.workload.name
        resource, ref = workloads.RESOURCES[name.kind], Ref(namespace, name.name)
        for _ in range(_TRIES):
            try:
                self.api.patch(resource, ref, workloads.restart_patch(restart))
            except NotFound:
                return False
            except Conflict:
                seen = self.get(namespace, name)
                if seen is None or _is_settled(seen, restart):
                    return False
                restart = replace(restart, workload=seen)
                continue
            return True
        raise Conflict(f"{name} keeps changing while it is being restarted")

    def _is_unknown(self, namespace: str, kind: WorkloadKind) -> bool:
        with contextlib.closing(self._pages(namespace, kind)) as pages:
            return next(pages, None) is None

    def _pages(self, namespace: str, kind: WorkloadKind) -> Generator[Page]:
        """The pages of a list, of which the first may be empty; none where that kind does not exist."""
        try:
            yield from self.api.pages(Scope(resource=workloads.RESOURCES[kind], namespace=namespace))
        except NotFound:
            return


def _is_settled(seen: Workload, restart: Restart) -> bool:
    """Whether nothing is left to do for a workload that changed since the decision."""
    same = seen.uid == restart.workload.uid and seen.has_template and not seen.deleting
    marked = seen.restarted_for != restart.workload.restarted_for and seen.restarted_for >= restart.level
    return not same or marked
