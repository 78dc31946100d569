"""The Lease object of a leader election, and what to do about it; pure.

The protocol is client-go's (tools/leaderelection/leaderelection.go), so that replicas of the original and of
this program exclude each other. Times in the object are for people: they are written, and never judged. What
counts is how long *this* process has seen the record unchanged, on a clock of its own that cannot be set, so
no clock of another machine, and no change of our own wall clock, can make two leaders.

Decisions here believe the record, as client-go does. The record may be forged: ``lease_view`` says what else
a standby must have seen before it believes it.
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
_PLEDGE = "secrets-manager.tuenti.io/lease-pledge"
_RECEIPT = "secrets-manager.tuenti.io/lease-receipt"
_TAKEN_BY = "secrets-manager.tuenti.io/lease-taken-by"
_MOST_TRANSITIONS = 2**31 - 1
# Longer than any wait; a larger integer may overflow when it is added to a time.
_LARGEST_NUMBER = 2**53


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseRecord:
    """The spec of a Lease, and the annotations of ``pledge``.

    ``holder`` is "" when it was released; times are MicroTime texts or "". ``taken_by`` is the receipt of the
    process that gave it up to this holder, "" if it was taken otherwise.
    """

    holder: str = ""
    duration_seconds: int = 0
    acquire_time: str = ""
    renew_time: str = ""
    transitions: int = 0
    pledge: str = ""
    receipt: str = ""
    taken_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A record as this process saw it.

    ``since`` is when it was first seen like this, in seconds of the election's clock; ``resource_version``
    the newest known.
    """

    record: LeaseRecord
    since: float
    resource_version: str


class Move(StrEnum):
    """The next step."""

    WAIT = "wait"
    TAKE = "take"
    RENEW = "renew"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseDecision:
    """A move, the reason for it, and the record to write unless the move is to wait."""

    move: Move
    reason: str
    record: LeaseRecord | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A process that wants to lead, and for how many seconds a Lease of its own is good.

    ``takeover_delay`` and ``longest_gap``, in seconds, are about what a standby saw; see ``lease_view``.
    """

    identity: str
    lease_duration: float
    takeover_delay: float = 0.0
    longest_gap: float = math.inf


def sighting_after(
    before: Sighting | None, record: LeaseRecord, resource_version: str, *, now: float
) -> Sighting:
    """The sighting after a look: the time starts again only when the record differs from the one before."""
    if before is not None and before.record == record:
        return replace(before, resource_version=resource_version)
    return Sighting(record=record, since=now, resource_version=resource_version)


def decide(candidate: Candidate, sighting: Sighting | None, *, now: float, wall: datetime) -> LeaseDecision:
    """The decision of ``candidate`` about the Lease; ``sighting`` None means that there is none.

    ``now`` is seconds of the election's clock, ``wall`` what people will read in the object.
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
        return LeaseDecision(move=Move.TAKE, reason="NoLease", record=mine)
    record = sighting.record
    if record.holder == candidate.identity:
        renewed = replace(mine, acquire_time=record.acquire_time or stamp, transitions=record.transitions)
        return LeaseDecision(move=Move.RENEW, reason="Held", record=renewed)
    if record.holder and now < sighting.since + record.duration_seconds:
        return LeaseDecision(move=Move.WAIT, reason="HeldByAnother")
    # Start again at 0 after the maximum: the API server would refuse a larger count for ever.
    transitions = record.transitions + 1 if record.transitions < _MOST_TRANSITIONS else 0
    taken = replace(mine, transitions=transitions)
    reason = "Expired" if record.holder else "Released"
    return LeaseDecision(move=Move.TAKE, reason=reason, record=taken)


def give_up(record: LeaseRecord, wall: datetime) -> LeaseRecord:
    """The record of a Lease that its holder gives up: free at once, for client-go too."""
    stamp = micro_time(wall)
    return replace(record, holder="", duration_seconds=1, acquire_time=stamp, renew_time=stamp)


def record_of(raw: Json) -> LeaseRecord:
    """The record in a Lease; a spec that is missing or odd reads as a Lease without a holder."""
    found, notes = _mapping(raw.get("spec")), _mapping(_mapping(raw.get("metadata")).get("annotations"))
    return LeaseRecord(
        holder=_text(found.get("holderIdentity")),
        duration_seconds=_number(found.get("leaseDurationSeconds")),
        acquire_time=_text(found.get("acquireTime")),
        renew_time=_text(found.get("renewTime")),
        transitions=_number(found.get("leaseTransitions")),
        pledge=_text(notes.get(_PLEDGE)),
        receipt=_text(notes.get(_RECEIPT)),
        taken_by=_text(notes.get(_TAKEN_BY)),
    )


def body(ref: Ref, record: LeaseRecord, before: Json | None) -> Json:
    """The Lease to write; what others put on the one before stays, its resourceVersion included."""
    base = before or {"metadata": {"namespace": ref.namespace, "name": ref.name}}
    spec = {
        **_mapping(base.get("spec")),
        "holderIdentity": record.holder,
        "leaseDurationSeconds": record.duration_seconds,
        "acquireTime": record.acquire_time,
        "renewTime": record.renew_time,
        "leaseTransitions": record.transitions,
    }
    notes = {_PLEDGE: record.pledge, _RECEIPT: record.receipt, _TAKEN_BY: record.taken_by}
    metadata = _noted(_mapping(base.get("metadata")), notes)
    return {**base, "apiVersion": _API_VERSION, "kind": "Lease", "metadata": metadata, "spec": spec}


def copy_to_recreate(before: Json) -> Json:
    """The parts of a deleted Lease that go into its replacement: nothing that the server set."""
    metadata = _mapping(before.get("metadata"))
    kept = ("name", "namespace", "labels", "annotations", "ownerReferences")
    own = {name: metadata[name] for name in kept if name in metadata}
    return {"metadata": own, "spec": before.get("spec")}


def without_others(before: Json) -> Json:
    """Only what says which state of which Lease it is: nothing that others can put on it."""
    metadata = _mapping(before.get("metadata"))
    kept = ("name", "namespace", "uid", "resourceVersion")
    return {"metadata": {name: metadata[name] for name in kept if name in metadata}}


def micro_time(wall: datetime) -> str:
    """metav1.MicroTime: always six digits, also when they are all zero."""
    return wall.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _noted(metadata: Json, notes: Json) -> Json:
    """The metadata with these annotations; one whose text is "" is taken away."""
    found = _mapping(metadata.get("annotations"))
    others = {name: text for name, text in found.items() if name not in notes}
    annotations = {**others, **{name: text for name, text in notes.items() if text}}
    if annotations == found:
        return metadata
    return {**metadata, "annotations": annotations}


def _mapping(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        return 0
    return min(value, _LARGEST_NUMBER)
