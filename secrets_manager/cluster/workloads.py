"""Workloads as the API server has them, to values; pure. The Secrets that pods use are found here.

Foreign input: a CRD of another program may let anything through, so no field is trusted to be of its type.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from secrets_manager.cluster.base import Json, Resource
from secrets_manager.domain.restart_wish import WorkloadKind, WorkloadName
from secrets_manager.domain.restarts import RESTARTED_FOR, Restart, Workload

_APPS = "apis/apps/v1"
RESOURCES: dict[WorkloadKind, Resource] = {
    WorkloadKind.DEPLOYMENT: Resource(_APPS, "deployments"),
    WorkloadKind.STATEFUL_SET: Resource(_APPS, "statefulsets"),
    WorkloadKind.DAEMON_SET: Resource(_APPS, "daemonsets"),
    WorkloadKind.ROLLOUT: Resource("apis/argoproj.io/v1alpha1", "rollouts"),
}
_CONTAINERS = ("containers", "initContainers", "ephemeralContainers")
# Kinds of volumes whose driver is given a Secret, and the fields that name it; CSI drivers have this one.
_SECRET_FIELDS = ("secretRef", "nodePublishSecretRef")


def workload(kind: WorkloadKind, raw: Json) -> Workload:
    """The workload in ``raw``."""
    metadata, spec = _map(raw.get("metadata")), _map(raw.get("spec"))
    template = spec.get("template")
    annotations = _map(_map(_map(template).get("metadata")).get("annotations"))
    return Workload(
        name=WorkloadName(kind, _text(metadata.get("name"))),
        uid=_text(metadata.get("uid")),
        version=_text(metadata.get("resourceVersion")),
        created=_text(metadata.get("creationTimestamp")),
        restarted_for=_text(annotations.get(RESTARTED_FOR)),
        secrets=frozenset(_secrets(_map(_map(template).get("spec")))),
        # A Rollout may take its pods from a Deployment (spec.workloadRef).
        has_template=isinstance(template, dict) and not spec.get("workloadRef"),
        deleting=metadata.get("deletionTimestamp") is not None,
    )


def restart_patch(restart: Restart) -> Json:
    """The merge patch that restarts exactly the workload that was seen."""
    annotations = {RESTARTED_FOR: restart.level}
    return {
        # No uid: the API server takes that for a wish to change it. Another object has another version too.
        "metadata": {"resourceVersion": restart.workload.version},
        "spec": {"template": {"metadata": {"annotations": annotations}}},
    }


def _secrets(pod: Json) -> Iterator[str]:
    """The names of all Secrets that a pod is made with."""
    for reference in _maps(pod.get("imagePullSecrets")):
        yield from _name(reference)
    for kind in _CONTAINERS:
        for container in _maps(pod.get(kind)):
            yield from _of_environment(container)
    for volume in _maps(pod.get("volumes")):
        yield from _of_volume(volume)


def _of_environment(container: Json) -> Iterator[str]:
    for source in _maps(container.get("envFrom")):
        yield from _name(source.get("secretRef"))
    for variable in _maps(container.get("env")):
        yield from _name(_map(variable.get("valueFrom")).get("secretKeyRef"))


def _of_volume(volume: Json) -> Iterator[str]:
    for source in map(_map, volume.values()):
        # A volume of the kind secret, or azureFile.
        yield from _name({"name": source.get("secretName")})
        for field in _SECRET_FIELDS:
            yield from _name(source.get(field))
        for projected in _maps(source.get("sources")):
            yield from _name(projected.get("secret"))


def _name(reference: object) -> Iterator[str]:
    name = _text(_map(reference).get("name"))
    if name:
        yield name


def _maps(value: object) -> Iterator[Json]:
    return (entry for entry in value if isinstance(entry, dict)) if isinstance(value, list) else iter(())


def _map(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
