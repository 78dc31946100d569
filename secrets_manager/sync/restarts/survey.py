"""The workloads that a batch of restarts is about: what is there, what is not, and what may not be seen.

Workloads are listed only where a definition asks for those that reference its Secret, once for the namespace
and not for each definition; otherwise the named ones are asked for by name.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from secrets_manager.cluster.write.restarter import Restarter
from secrets_manager.domain.errors import ClusterFault, NamespaceTerminating, PermanentError
from secrets_manager.domain.restart_wish import WorkloadKind, WorkloadName
from secrets_manager.domain.restarts import Shortfall, Workload, is_wanted
from secrets_manager.sync.restarts.board import Standing


@dataclass(frozen=True, slots=True)
class Found:
    """Workloads by name; names that do not exist; why kinds may not be listed, or read by name.

    ``unclear`` are kinds about which the API server gave no answer just now.
    """

    workloads: dict[WorkloadName, Workload] = field(default_factory=dict)
    missing: set[WorkloadName] = field(default_factory=set)
    unlisted: dict[WorkloadKind, PermanentError] = field(default_factory=dict)
    unread: dict[WorkloadKind, PermanentError] = field(default_factory=dict)
    unclear: set[WorkloadKind] = field(default_factory=set)

    def wanted_by(self, standing: Standing, names: Iterable[WorkloadName]) -> list[WorkloadName]:
        """Those of the names that a definition wants restarted."""
        return [name for name in names if is_wanted(standing.wish, standing.secret, self.workloads[name])]

    def faults_for(self, standing: Standing) -> tuple[str, ...]:
        """Why some workloads that a definition may want could not be seen."""
        return tuple(error.message for _, error in self._refusals(standing))

    def refused(self, standings: Iterable[Standing]) -> dict[WorkloadKind, PermanentError]:
        """The kinds that could not be seen though a change may ask for restarts of them, and why."""
        return dict(refusal for each in standings if each.level for refusal in self._refusals(each))

    def is_unclear_for(self, standing: Standing) -> bool:
        """Whether there may be workloads that a definition wants and that were not seen."""
        named = {name.kind for name in standing.wish.workloads}
        return bool(self.unclear if standing.wish.referencing else self.unclear & named)

    def shortfall(self, standing: Standing, failed: dict[WorkloadName, str]) -> Shortfall:
        """What stands in the way of the restarts that a definition wants."""
        without = [name for name, workload in self.workloads.items() if not workload.has_template]
        return Shortfall(
            missing=tuple(name for name in standing.wish.workloads if name in self.missing),
            without_template=tuple(name for name in without if name in standing.wish.workloads),
            failed={name: failed[name] for name in self.wanted_by(standing, failed)},
            faults=self.faults_for(standing),
        )

    def _refusals(self, standing: Standing) -> list[tuple[WorkloadKind, PermanentError]]:
        named = {name.kind for name in standing.wish.workloads}
        lists = self.unlisted.items() if standing.wish.referencing else ()
        return [*lists, *((kind, error) for kind, error in self.unread.items() if kind in named)]


def survey(restarter: Restarter, namespace: str, standings: Collection[Standing]) -> Found:
    """Look for the workloads of some definitions of a namespace.

    A kind that cannot be had, because its CRD has trouble say, does not hold up the others. Raises
    ClusterFault when it is more than one, or nothing else is there.
    """
    found = Found()
    named = dict.fromkeys(name for standing in standings for name in standing.wish.workloads)
    for kind in WorkloadKind:
        names = [name for name in named if name.kind is kind]
        try:
            if not _list(restarter, namespace, kind, standings, found):
                _get(restarter, namespace, names, found)
            else:
                found.missing.update(name for name in names if name not in found.workloads)
        except NamespaceTerminating:
            raise
        except ClusterFault:
            if found.unclear:
                raise
            found.unclear.add(kind)
    if found.unclear and not found.workloads:
        raise ClusterFault("workloads cannot be looked for just now")
    return found


def _list(
    restarter: Restarter, namespace: str, kind: WorkloadKind, standings: Collection[Standing], found: Found
) -> bool:
    """List what references a Secret; returns whether all workloads of the kind were seen."""
    asking = [standing for standing in standings if standing.wish.referencing]
    secrets = {standing.secret for standing in asking if standing.level}
    named = {name for standing in standings for name in standing.wish.workloads}
    try:
        if not secrets:
            if asking:
                # Nothing is to be restarted: it is only found out whether it could be.
                restarter.check_list(namespace, kind)
            return False
        for workload in restarter.listed(namespace, kind):
            if workload.name in named or not secrets.isdisjoint(workload.secrets):
                found.workloads[workload.name] = workload
    except PermanentError as error:
        found.unlisted[kind] = error
        return False
    return True


def _get(restarter: Restarter, namespace: str, names: Iterable[WorkloadName], found: Found) -> None:
    for name in names:
        try:
            workload = restarter.get(namespace, name)
        except PermanentError as error:
            # The right is missing for the whole kind.
            found.unread[name.kind] = error
            return
        if workload is None:
            found.missing.add(name)
        else:
            found.workloads[name] = workload
