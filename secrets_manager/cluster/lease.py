"""The Lease object of a leader election, and what to do about it; pure.

The protocol is client-go's (tools/leaderelection/leaderelection.go), so that replicas of the original and of
this program exclude each other. Times in the object are for people: they are written, and never judged. What
counts is how long *this* process has seen the record unchanged, on its own monotonic clock, so no clock of
another machine, and no change of our own wall clock, can make two leaders.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum

from secrets_manager.cluster.base import Json, Resource
from secrets_manager.domain.definition import Ref

LEASES = Resource("apis/coordination.k8s.io/v1", "leases")
_API_VERSION = "coordination.k8s.io/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseRecord:
    """The spec of a Lease. ``holder`` is "" when it was released; times are MicroTime texts or ""."""

    holder: str = ""
    duration_seconds: int = 0
    acquire_time: str = ""
    renew_time: str = ""
    transitions: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A record as this process saw it.

    ``since`` is the monotonic time at which it was first seen like this; ``resource_version`` the newest
    known.
    """

    record: LeaseRecord
    since: float
    resource_version: str


class Move(StrEnum):
    """What to do next."""

    WAIT = "wait"
    TAKE = "take"
    RENEW = "renew"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A move, the reason for it, and the record to write unless the move is to wait."""

    move: Move
    reason: str
    record: LeaseRecord | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Who wants to lead, and for how many seconds a Lease of its own is good."""

    identity: str
    lease_duration: float


def seen(before: Sighting | None, record: LeaseRecord, resource_version: str, *, now: float) -> Sighting:
    """The sighting after looking: the time starts anew only when the record differs from the one before."""
    if before is not None and before.record == record:
        return replace(before, resource_version=resource_version)
    return Sighting(record=record, since=now, resource_version=resource_version)


def decide(candidate: Candidate, sighting: Sighting | None, *, now: float, wall: datetime) -> Decision:
    """What ``candidate`` should do about the Lease; ``sighting`` None means that there is none.

    ``now`` is monotonic seconds, ``wall`` what people will read in the object.
    """
    stamp = micro_time(wall)
    mine = LeaseRecord(
        holder=candidate.identity,
        # Never less than our own: the difference to it is what keeps two leaders apart.
        duration_seconds=max(1, math.ceil(candidate.lease_duration)),
        acquire_time=stamp,
        renew_time=stamp,
    )
    if sighting is None:
        return Decision(move=Move.TAKE, reason="NoLease", record=mine)
    record = sighting.record
    if record.holder == candidate.identity:
        renewed = replace(mine, acquire_time=record.acquire_time or stamp, transitions=record.transitions)
        return Decision(move=Move.RENEW, reason="Held", record=renewed)
    if record.holder and now < sighting.since + record.duration_seconds:
        return Decision(move=Move.WAIT, reason="HeldByAnother")
    taken = replace(mine, transitions=record.transitions + 1)
    reason = "Expired" if record.holder else "Released"
    return Decision(move=Move.TAKE, reason=reason, record=taken)


def released(record: LeaseRecord, wall: datetime) -> LeaseRecord:
    """The record of a Lease that its holder gives up: free at once, for client-go too."""
    stamp = micro_time(wall)
    return replace(record, holder="", duration_seconds=1, acquire_time=stamp, renew_time=stamp)


def read(raw: Json) -> LeaseRecord:
    """The record in a Lease; a spec that is missing or odd reads as one that nobody holds."""
    spec = raw.get("spec")
    found = spec if isinstance(spec, dict) else {}
    return LeaseRecord(
        holder=_text(found.get("holderIdentity")),
        duration_seconds=_number(found.get("leaseDurationSeconds")),
        acquire_time=_text(found.get("acquireTime")),
        renew_time=_text(found.get("renewTime")),
        transitions=_number(found.get("leaseTransitions")),
    )


def body(ref: Ref, record: LeaseRecord, before: Json | None) -> Json:
    """The Lease to write; what others put on the one before stays, its resourceVersion included."""
    base = before or {"metadata": {"namespace": ref.namespace, "name": ref.name}}
    kept = base.get("spec")
    spec = {
        **(kept if isinstance(kept, dict) else {}),
        "holderIdentity": record.holder,
        "leaseDurationSeconds": record.duration_seconds,
        "acquireTime": record.acquire_time,
        "renewTime": record.renew_time,
        "leaseTransitions": record.transitions,
    }
    return {**base, "apiVersion": _API_VERSION, "kind": "Lease", "spec": spec}


def micro_time(wall: datetime) -> str:
    """metav1.MicroTime: always six digits, also when they are all zero."""
    return wall.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _number(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
