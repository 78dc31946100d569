"""``spec.restart``: which workloads of the namespace are restarted when the data of the Secret changed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

# A definition that wants more of them restarted names none and says ``referencing``.
MAX_WORKLOADS = 64


class WorkloadKind(StrEnum):
    """The kinds of workloads that can be restarted."""

    DEPLOYMENT = "Deployment"
    STATEFUL_SET = "StatefulSet"
    DAEMON_SET = "DaemonSet"
    ROLLOUT = "Rollout"


class WorkloadName(NamedTuple):
    """A workload of a namespace."""

    kind: WorkloadKind
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name!r}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartWish:
    """The workloads by name, and with ``referencing`` all whose pods use the Secret."""

    workloads: tuple[WorkloadName, ...] = ()
    referencing: bool = False
