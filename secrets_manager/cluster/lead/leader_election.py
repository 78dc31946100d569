"""Leader election on a coordination Lease.

Whether we lead is computed, not remembered: it is true until ``held_until``, which counts from *before* the
last successful renewal was sent. So a renewing thread that is stuck, a process that was stopped for a minute,
a reply that took long: none of them can leave it true. A writer asks how much is left before each write.

Between ``renew_deadline``, after which we stop, and ``lease_duration``, after which another may start, lies
the time that clocks may differ in speed and a request may be late. A request that is later still is refused
by its resourceVersion.

A process that may write the Lease can leave no replica in the lead, or choose another one. It cannot make two
lead: ``lease_view`` prevents that in a replica that waits, ``tenure`` in the one that leads, and ``pledge``
between them.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from secrets_manager.cluster import manifests
from secrets_manager.cluster.base import Json, KubernetesApi, NotFound, nothing
from secrets_manager.cluster.lead import lease, lease_view
from secrets_manager.cluster.lead.clock_skew import ClockSkew
from secrets_manager.cluster.lead.lease import LEASES, Candidate, LeaseDecision, LeaseRecord, Move
from secrets_manager.cluster.lead.lease_view import LeaseLook, View
from secrets_manager.cluster.lead.pledge import Pledge
from secrets_manager.cluster.lead.tenure import Tenure
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import (
    Conflict,
    Forbidden,
    RejectedByCluster,
    SecretsManagerError,
    TooLarge,
)
from secrets_manager.runtime.heartbeat import Heartbeat
from secrets_manager.runtime.jitter import jitter

log = logging.getLogger("cluster.election")

_JITTER = 0.1
_RELEASE_TRIES = 3
# In retry periods: more than lies between two looks of a process that is in touch with the API server, and
# less than lies between the first and the last of three renewals.
_LOOKS_APART = 1.7


@dataclass(frozen=True, slots=True, kw_only=True)
class ElectionTimings:
    """Timings in seconds; ``lease_duration > renew_deadline > 1.2 * retry_period > 0`` was checked before."""

    lease_duration: float = 15.0
    renew_deadline: float = 10.0
    retry_period: float = 2.0

    @property
    def write_deadline(self) -> float:
        """Seconds that one write may take, and that must be left of the lead before it is begun.

        Renewed every ``retry_period``, the lead has more than this left all the time, one slow renewal
        included.
        """
        return (self.renew_deadline - self.retry_period) / 2

    @property
    def longest_gap(self) -> float:
        """Seconds in which each process that waits for the Lease looks at it, unless it is out of touch."""
        return _LOOKS_APART * self.retry_period

    @property
    def takeover_delay(self) -> float:
        """Seconds after which a leader has renewed or leads no more."""
        return max(self.lease_duration, self.renew_deadline + 2 * self.retry_period)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clocks:
    """Seconds to judge by, the wall clock to write, and randomness between 0 and 1.

    ``monotonic`` is to go on while the machine sleeps (``runtime.since_boot``).
    """

    monotonic: Callable[[], float]
    wall: Callable[[], datetime]
    random: Callable[[], float] = field(default=jitter)


class ElectionTelemetry(Protocol):
    """Reports of the election; implemented by the metrics."""

    def leading(self, *, leads: bool) -> None:
        """We began or ceased to lead."""

    def renewal_failed(self) -> None:
        """A renewal of the Lease we hold did not work."""

    def transitions(self, count: int) -> None:
        """How often the Lease has changed hands, as it says itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attempt:
    """The last write that was sent, when, and whether it was to make us lead.

    Its fate is unknown until the reply.
    """

    record: LeaseRecord
    sent: float
    leads: bool


@dataclass(eq=False, kw_only=True)
class LeaderElector:
    """Takes, renews and releases one Lease. ``run`` is the body of its thread.

    ``run`` returns when leading ended or ``stop`` was set, and does not try to come back: the process is to
    end. ``fault`` is what keeps us from leading, or None.
    """

    api: KubernetesApi
    ref: Ref
    identity: str
    timings: ElectionTimings
    clocks: Clocks
    telemetry: ElectionTelemetry
    heartbeat: Heartbeat
    stop: threading.Event = field(default_factory=threading.Event)
    fault: SecretsManagerError | None = None
    _view: View = field(default_factory=View)
    _raw: Json | None = None
    _attempt: _Attempt | None = None
    _meddled: bool = False
    _taken_by: str = ""
    _trying: threading.Lock = field(default_factory=threading.Lock)
    _skew: ClockSkew = field(init=False)
    _tenure: Tenure = field(init=False)
    _pledge: Pledge = field(init=False)
    _candidate: Candidate = field(init=False)

    def __post_init__(self) -> None:
        timings = self.timings
        self._skew = ClockSkew(self.identity)
        self._tenure = Tenure(deadline=timings.renew_deadline, untouched=timings.longest_gap)
        self._pledge = Pledge(identity=self.identity)
        self._candidate = Candidate(
            identity=self.identity,
            lease_duration=timings.lease_duration,
            takeover_delay=timings.takeover_delay,
            longest_gap=timings.longest_gap,
        )

    @property
    def seen(self) -> LeaseRecord | None:
        """The Lease as it was last seen or written, None while there is none. Others may have written it."""
        sighting = self._view.sighting
        return None if sighting is None else sighting.record

    def remaining(self) -> float:
        """Seconds for which we certainly lead from now on; 0 or less when we do not."""
        return self._tenure.held_until - self.clocks.monotonic()

    def leads(self) -> bool:
        """Whether we lead for long enough yet to begin a write."""
        return self.remaining() > self.timings.write_deadline

    def holds(self, namespace: str) -> bool:  # noqa: ARG002 - one Lease stands for all namespaces
        """The same."""
        return self.leads()

    def run(self, on_started: Callable[[], None] = nothing) -> None:
        """Try to lead, lead, and return when that is over; ``on_started`` is called when we begin to."""
        while not self.stop.is_set() and not self.attempt():
            self._pause()
        if self.stop.is_set():
            return
        self.telemetry.leading(leads=True)
        log.info("leading", extra={"lease": str(self.ref), "holder": self.identity})
        on_started()
        self._renew_until_lost()
        self.telemetry.leading(leads=False)

    def release(self) -> None:
        """Give up the Lease we hold, so that another need not wait; best effort, once nothing writes."""
        self.stop.set()
        # Wait for a renewal in flight: if it landed after the release, it would take the Lease again for a
        # process that is exiting.
        with self._trying:
            self._release()

    def _release(self) -> None:
        if self.remaining() <= 0:
            return
        self._tenure.end()
        for _ in range(_RELEASE_TRIES):
            try:
                self._give_up()
            except Conflict:
                # Our own last renewal was still in flight.
                continue
            except SecretsManagerError as error:
                log.warning("the Lease could not be released", extra={"reason": error.reason})
            return

    def _give_up(self) -> None:
        raw = self.api.get(LEASES, self.ref)
        record = lease.record_of(raw)
        if record.holder == self.identity:
            given_up = lease.give_up(record, self.clocks.wall())
            # A Lease that others touched is given up without a receipt: another process may pretend to be us.
            if self._tenure.alone(self.clocks.monotonic()) and self._untouched(raw, record):
                given_up = replace(given_up, receipt=self._pledge.receipt())
            manifests.require_version(raw)
            self.api.replace(LEASES, self.ref, lease.body(self.ref, given_up, raw))
            log.info("Lease released", extra={"lease": str(self.ref)})

    def _renew_until_lost(self) -> None:
        while not self.stop.is_set():
            self._pause()
            if self.stop.is_set():
                return
            # Check first: a Lease that lapsed, while this process was paused say, is lost even if no other
            # took it.
            if self.remaining() > 0 and not self.attempt():
                self.telemetry.renewal_failed()
            if self.remaining() <= 0:
                log.error("the Lease is lost", extra={"lease": str(self.ref)})
                return

    def attempt(self) -> bool:
        """One attempt to take or renew; whether we hold the Lease by it."""
        self.heartbeat.beat()
        try:
            with self._trying:
                return self._renew_at_once() or self._observe_and_act()
        except Conflict:
            # Another was faster, which is no fault; the new leader is seen at the next look.
            self.fault = None
            return False
        except SecretsManagerError as error:
            if self.fault != error:
                log.warning(
                    "cannot acquire or renew the Lease",
                    extra={"reason": error.reason, "error": error.message},
                )
            self.fault = error.bare()
            return False

    def _renew_at_once(self) -> bool:
        """While we lead: write over what we wrote last, without looking first."""
        if self.remaining() <= 0 or self._view.sighting is None:
            return False
        try:
            return self._act(self._decide())
        except SecretsManagerError:
            # Another process wrote, or the last reply was lost: look first.
            return False

    def _observe_and_act(self) -> bool:
        if self.stop.is_set():
            return False
        self._observe()
        decision = self._decide()
        if decision.move is Move.WAIT:
            self.fault = None
            if self.remaining() > 0:
                # Another took the Lease from under us, by hand or by force: it leads, not we.
                self._tenure.end()
            return False
        return self._act(decision)

    def _observe(self) -> None:
        asked = self.clocks.monotonic()
        try:
            raw = self.api.get(LEASES, self.ref)
        except NotFound:
            look = LeaseLook(asked=asked, answered=self.clocks.monotonic())
            self._raw, self._view = None, lease_view.after_absence(self._view, look)
            self._note_meddling(touched=True)
            return
        self._note_meddling(touched=not self._untouched(raw, lease.record_of(raw)))
        self._take_state(raw, asked, written=False)

    def _untouched(self, raw: Json, record: LeaseRecord) -> bool:
        """Whether the Lease that was found is the one that we wrote last, acknowledged or not."""
        known = self._view.sighting
        ours = known is not None and known.resource_version == manifests.version_of(raw)
        return ours or (self._attempt is not None and self._attempt.record == record)

    def _note_meddling(self, *, touched: bool) -> None:
        if touched and self.remaining() > 0 and not self._meddled:
            log.warning("another writer changed or deleted the Lease", extra={"lease": str(self.ref)})
        self._meddled = self._meddled or touched

    def _act(self, decision: LeaseDecision) -> bool:
        if decision.record is None or self.stop.is_set():
            # Do not acquire while shutting down.
            return False
        # Before sending: counted from the reply, the lead would be too long by the time of the call.
        sent = self.clocks.monotonic()
        leads = self.remaining() > 0
        may_lead = leads or self._may_lead(sent)
        if not leads and self._view.given_up:
            self._taken_by = self._view.sighting.record.receipt if self._view.sighting else ""
            self._use_up_the_receipt()
        record = self._signed(decision.record)
        self._attempt = _Attempt(record=record, sent=sent, leads=may_lead)
        self._take_state(self._write(record), sent, written=True)
        self._attempt = None
        self.fault = None
        if may_lead:
            self._grant(sent, began=not leads)
        return self.remaining() > 0

    def _signed(self, record: LeaseRecord) -> LeaseRecord:
        pledge = self._pledge.of(record.transitions)
        return replace(record, pledge=pledge, receipt="", taken_by=self._taken_by)

    def _grant(self, sent: float, *, began: bool) -> None:
        if began:
            self._tenure.begin(sent)
        elif self._meddled:
            self._tenure.regained(self.clocks.monotonic())
        else:
            self._tenure.renewed(sent)
        self._meddled = False

    def _use_up_the_receipt(self) -> None:
        """Delete the Lease that was given up, so that its receipt cannot be used again."""
        if self._raw is None or self._raw["metadata"].get("finalizers"):
            return
        metadata = self._raw["metadata"]
        state = {"uid": metadata["uid"], "resourceVersion": manifests.version_of(self._raw)}
        try:
            self.api.delete(LEASES, self.ref, state)
        except Forbidden:
            # Roles made for the Go version grant it; without it the receipt stays readable.
            return
        except NotFound:
            raise Conflict("another replica took the Lease") from None
        self._raw = lease.copy_to_recreate(self._raw)

    def _write(self, record: LeaseRecord) -> Json:
        try:
            return self._write_over(self._raw, record)
        except (RejectedByCluster, TooLarge):
            if self._raw is None:
                raise
            # By one write somebody can make it an object that nobody can change: as large as it may be, say.
            log.warning(
                "the API server refuses the Lease with what others put on it, which is left out",
                extra={"lease": str(self.ref)},
            )
            return self._write_over(lease.without_others(self._raw), record)

    def _write_over(self, before: Json | None, record: LeaseRecord) -> Json:
        wanted = lease.body(self.ref, record, before)
        if "uid" not in wanted["metadata"]:
            return self.api.create(LEASES, self.ref.namespace, wanted)
        manifests.require_version(wanted)
        return self.api.replace(LEASES, self.ref, wanted)

    def _take_state(self, raw: Json, asked: float, *, written: bool) -> None:
        self._raw = raw
        now = self.clocks.monotonic()
        record, before = lease.record_of(raw), self._view.sighting
        look = LeaseLook(asked=asked, answered=now, uid=str(raw["metadata"].get("uid", "")))
        version = manifests.version_of(raw)
        if written:
            self._view = lease_view.after_write(self._view, record, version, look)
        else:
            self._view = lease_view.after_look(self._view, record, version, look, self._candidate)
        sighting = self._view.sighting
        if sighting is not None:
            self._skew.compare(before, sighting, now=now, wall=self.clocks.wall())
        self.telemetry.transitions(record.transitions)

    def _decide(self) -> LeaseDecision:
        now, wall = self.clocks.monotonic(), self.clocks.wall()
        if self.remaining() > 0 or self._claimed(now):
            return lease.decide(self._candidate, self._view.sighting, now=now, wall=wall)
        return lease_view.decide_as_standby(self._candidate, self._view, now=now, wall=wall)

    def _may_lead(self, now: float) -> bool:
        return self._claimed(now) or lease_view.may_lead(self._candidate, self._view, now=now)

    def _claimed(self, now: float) -> bool:
        """Whether the Lease holds our last write to lead, whose reply was lost."""
        attempt, sighting = self._attempt, self._view.sighting
        if attempt is None or sighting is None or not attempt.leads or sighting.record != attempt.record:
            return False
        return now < attempt.sent + self.timings.renew_deadline

    def _pause(self) -> None:
        spread = 1 - _JITTER + 2 * _JITTER * self.clocks.random()
        self.stop.wait(self.timings.retry_period * spread)
