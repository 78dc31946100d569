"""The workloads that would be restarted after the writes of a rehearsal, by the daemon's own decision."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from secrets_manager.cluster.base import KubernetesApi
from secrets_manager.cluster.write.restarter import Restarter
from secrets_manager.commands.faults import told
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import SecretsManagerError
from secrets_manager.domain.restarts import due_restarts
from secrets_manager.sync.restarts.board import RestartBoard, Standing
from secrets_manager.sync.restarts.survey import survey


class Restarts(NamedTuple):
    """The workloads of one definition that would be restarted, and a sentence about those that cannot be."""

    workloads: tuple[str, ...]
    trouble: str


def restarts(api: KubernetesApi, board: RestartBoard, now: datetime) -> dict[Ref, Restarts]:
    """What would be restarted for each definition whose Secret changed."""
    found: dict[Ref, Restarts] = {}
    for namespace in board.end_windows():
        changed = {ref: each for ref, each in board.take(namespace).items() if each.level}
        if changed:
            found |= _in_namespace(Restarter(api), namespace, changed, now)
    return found


def _in_namespace(
    restarter: Restarter, namespace: str, changed: Mapping[Ref, Standing], now: datetime
) -> dict[Ref, Restarts]:
    try:
        found = survey(restarter, namespace, changed.values())
    except SecretsManagerError as error:
        return dict.fromkeys(changed, Restarts((), f"workloads cannot be looked for: {told(error)}"))
    changes = [change for standing in changed.values() if (change := standing.change())]
    due = due_restarts(changes, found.workloads.values(), now)
    return {
        ref: Restarts(
            tuple(
                f"{name.kind}/{name.name}"
                for name in found.wanted_by(
                    standing, [each.workload.name for each in due if standing.secret in each.secrets]
                )
            ),
            found.shortfall(standing, {}).sentence(),
        )
        for ref, standing in changed.items()
    }
