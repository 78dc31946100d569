"""Who leads, and whether daemons of different releases run beside each other."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from secrets_manager.cluster.base import Json, NotFound, Resource, Scope
from secrets_manager.cluster.lead.clock_skew import behind
from secrets_manager.cluster.lead.lease import LeaseRecord, record_of
from secrets_manager.commands.doctor.findings import Finding, counted, fail, named, ok, warn
from secrets_manager.commands.doctor.patient import Patient
from secrets_manager.commands.doctor.rights import lease_of
from secrets_manager.domain.errors import Forbidden
from secrets_manager.domain.wording import in_quotes

LEASES = Resource("apis/coordination.k8s.io/v1", "leases")
_PODS = Resource("api/v1", "pods")
_DAEMONS = "app.kubernetes.io/name=secrets-manager,app.kubernetes.io/component=daemon"
_RUNS = "see whether the daemon runs, and what it logs: kubectl get pods, kubectl logs"


def look_at_election(patient: Patient) -> Iterator[Finding]:
    """Who holds the Lease, and how many daemons there are."""
    enabled = patient.settings.election.enabled
    if enabled:
        ref = lease_of(patient)
        try:
            record = record_of(patient.api.get(LEASES, ref))
        except NotFound:
            yield fail("lease", f"there is no Lease {ref}: no daemon has led yet", _RUNS)
        else:
            yield lease_finding(record, patient.now())
    else:
        yield ok("lease", "no election: one daemon works")
    yield from _replicas(patient, enabled=enabled)


def lease_finding(record: LeaseRecord, now: datetime) -> Finding:
    """What the Lease says at this moment."""
    age = behind(record.renew_time, now)
    if not record.holder:
        return fail("lease", "nobody holds the Lease: the last leader gave it up", _RUNS)
    if age is None:
        return fail("lease", f"{in_quotes(record.holder)} holds it, and never renewed it", _RUNS)
    if age > record.duration_seconds:
        return fail(
            "lease",
            f"nobody leads: {in_quotes(record.holder)} renewed it {age:.0f}s ago, and it holds for "
            f"{record.duration_seconds}s",
            _RUNS,
        )
    return ok("lease", f"{in_quotes(record.holder)} leads, and renewed it {max(age, 0):.0f}s ago")


def _replicas(patient: Patient, *, enabled: bool) -> Iterator[Finding]:
    scope = Scope(resource=_PODS, namespace=patient.namespace, selector=_DAEMONS)
    try:
        pods = [raw for page in patient.api.pages(scope) for raw in page.items if _runs(raw)]
    except Forbidden:
        # The daemon itself has no right to see pods.
        return
    images = sorted({image for raw in pods for image in _images(raw)})
    if len(images) > 1:
        yield warn(
            "replicas",
            f"daemons of different releases run beside each other: {named(images)}",
            "let the rollout end, or remove the old Deployment",
        )
    if len(pods) > 1 and not enabled:
        yield fail(
            "replicas",
            f"{counted(len(pods), 'daemon')} run without an election, and all of them write",
            "set enable-leader-election, or run one replica",
        )
    elif pods and len(images) == 1:
        yield ok("replicas", f"{counted(len(pods), 'daemon')} of image {in_quotes(images[0])}")


def _runs(raw: Json) -> bool:
    status = raw.get("status") or {}
    return status.get("phase") == "Running" and not raw["metadata"].get("deletionTimestamp")


def _images(raw: Json) -> Iterator[str]:
    for container in (raw.get("spec") or {}).get("containers") or ():
        yield str(container.get("image"))
