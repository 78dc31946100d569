"""What a standby knows of the Lease from its own looks, and whether that is enough to take it; pure.

A process that may write the Lease and nothing else must not make two replicas lead. So the content of the
Lease alone is never believed:

- A leader renews by writing. While the object has the same resourceVersion there was no write, so no renewal,
  and after ``lease_duration`` there is no leader any more. An emptied holder, a shortened duration and an old
  state that is restored each come with a new resourceVersion.
- A Lease that is gone has no resourceVersion. A leader gets time to create it again (``longest_gap``). Then
  we create it, which is a claim: we lead after ``lease_duration`` without a write by another process.
- A receipt (``pledge``) proves that the holder gave up. It counts if that was the holder at the looks before,
  in this very object: the process that takes it creates the object again, so that a receipt serves once. A
  holder that appeared between our looks has to stay for ``takeover_delay`` before its receipt counts, since a
  process that pretends to hold the Lease can also pretend to give it up. If its predecessor has certainly
  ceased to lead, by its receipt or by its silence, ``longest_gap`` is enough: only a successor in between
  could be overlooked, and it notices meanwhile. Looks have to be close enough to each other (``longest_gap``)
  that an undisturbed leader would have renewed in between (``tenure``).

A process has to believe its first look, since it has seen nothing before: no Lease at all, or a receipt.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime

from secrets_manager.cluster.lead import lease
from secrets_manager.cluster.lead.lease import Candidate, LeaseDecision, LeaseRecord, Move, Sighting
from secrets_manager.cluster.lead.pledge import gave_up_to, giver


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseLook:
    """One look at the Lease: when it was asked for and answered, and the uid of what was found ("": none)."""

    asked: float
    answered: float
    uid: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """The result of the looks so far. Times are seconds of the election's clock.

    ``sighting`` is None while there is no Lease; ``known`` says whether there ever was one, ``ours`` whether
    we wrote the present one. Since ``quiet_since`` no other process wrote; since ``steady_since`` this holder
    was there, in this object, at each look (-inf: since our first one); since ``missing_since`` there was no
    Lease. ``believed`` is the last record of a holder that was there for long enough to be believed.
    """

    sighting: Sighting | None = None
    look: LeaseLook = LeaseLook(asked=-math.inf, answered=-math.inf)
    known: bool = False
    ours: bool = False
    given_up: bool = False
    quiet_since: float = math.inf
    steady_since: float = math.inf
    missing_since: float = math.inf
    believed: LeaseRecord | None = None


def after_absence(before: View, look: LeaseLook) -> View:
    """The view after a look that found no Lease."""
    since = min(before.missing_since, look.answered)
    return View(look=look, known=before.known, missing_since=since, believed=before.believed)


def after_write(before: View, record: LeaseRecord, version: str, look: LeaseLook) -> View:
    """The view after a write of ours, which directly followed what was seen before."""
    first = before.sighting is None
    return replace(
        before,
        sighting=lease.sighting_after(before.sighting, record, version, now=look.answered),
        look=look,
        known=True,
        ours=True,
        given_up=False,
        quiet_since=look.answered if first else before.quiet_since,
        missing_since=math.inf,
    )


def after_look(
    before: View, record: LeaseRecord, version: str, look: LeaseLook, candidate: Candidate
) -> View:
    """The view after a look that found this record under this resourceVersion."""
    now = look.answered
    last = before.sighting
    unwritten = last is not None and last.resource_version == version
    steady_since = _steady_since(before, record, look, candidate)
    is_believed = bool(record.holder) and now >= steady_since + candidate.takeover_delay
    return View(
        sighting=lease.sighting_after(last, record, version, now=now),
        look=look,
        known=True,
        ours=before.ours and unwritten,
        given_up=before.given_up if unwritten else _given_up(before, record, look, candidate),
        quiet_since=before.quiet_since if unwritten else now,
        steady_since=steady_since,
        believed=record if is_believed else before.believed,
    )


def decide_as_standby(candidate: Candidate, view: View, *, now: float, wall: datetime) -> LeaseDecision:
    """The decision of a candidate that does not lead; ``now`` and ``wall`` as in ``lease.decide``."""
    sighting = view.sighting
    if sighting is None:
        if view.known and now < view.missing_since + candidate.longest_gap:
            return LeaseDecision(move=Move.WAIT, reason="LatelyHeld")
    elif not view.ours and not may_lead(candidate, view, now=now):
        return LeaseDecision(
            move=Move.WAIT, reason="HeldByAnother" if sighting.record.holder else "LatelyHeld"
        )
    return lease.decide(candidate, sighting, now=now, wall=wall)


def may_lead(candidate: Candidate, view: View, *, now: float) -> bool:
    """Whether a write that is sent now, and directly follows what was seen, makes us the leader."""
    return not view.known or view.given_up or now >= view.quiet_since + candidate.lease_duration


def _given_up(before: View, record: LeaseRecord, look: LeaseLook, candidate: Candidate) -> bool:
    who = giver(record)
    if not who or not before.known:
        return bool(who)
    if before.sighting is None or not _in_touch(before, look, candidate):
        return False
    last = before.sighting.record
    same_term = (last.holder, last.pledge, last.transitions) == (who, record.pledge, record.transitions)
    trusted = before.look.answered >= before.steady_since + candidate.takeover_delay
    return same_term and trusted and before.look.uid == look.uid


def _steady_since(before: View, record: LeaseRecord, look: LeaseLook, candidate: Candidate) -> float:
    if not before.known:
        return -math.inf
    last = before.sighting
    if (last is None or last.record.holder != record.holder) and _succeeds(before, record, look, candidate):
        # Another process that leads in its place notices that at its next renewal.
        return look.answered - candidate.takeover_delay + candidate.longest_gap
    if last is None or before.look.uid != look.uid or not _in_touch(before, look, candidate):
        return look.answered
    same = (last.record.holder, last.record.pledge) == (record.holder, record.pledge)
    return before.steady_since if same else look.answered


def _succeeds(before: View, record: LeaseRecord, look: LeaseLook, candidate: Candidate) -> bool:
    """Whether the leader before has certainly ceased to lead: by its receipt, or by its silence."""
    leader = before.believed
    if leader is None or not record.holder or record.holder == leader.holder:
        return False
    silent = look.asked >= before.quiet_since + candidate.takeover_delay - candidate.longest_gap
    return silent or gave_up_to(leader, record)


def _in_touch(before: View, look: LeaseLook, candidate: Candidate) -> bool:
    return look.answered - before.look.asked <= candidate.longest_gap
