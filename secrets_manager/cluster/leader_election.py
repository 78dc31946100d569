"""Leader election on a coordination Lease.

Whether we lead is computed, not remembered: it is true until ``held_until``, which counts from *before* the
last successful renewal was sent. So a renewing thread that is stuck, a process that was stopped for a minute,
a reply that took long: none of them can leave it true. Whoever is about to write asks how much is left.

Between ``renew_deadline``, after which we stop, and ``lease_duration``, after which another may start, lies
the time that clocks may differ in speed and a request may be late. What is later still, the resourceVersion
fences.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from secrets_manager.cluster import lease, manifests
from secrets_manager.cluster.base import Json, KubernetesApi, NotFound
from secrets_manager.cluster.clock_skew import ClockSkew
from secrets_manager.cluster.lease import LEASES, Candidate, Decision, LeaseRecord, Move, Sighting
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import Conflict, SecretsManagerError
from secrets_manager.runtime.chance import chance
from secrets_manager.runtime.heartbeat import Heartbeat

log = logging.getLogger("cluster.election")

_JITTER = 0.1
_RELEASE_TRIES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Clocks:
    """Monotonic seconds to judge by, the wall clock to write, and randomness between 0 and 1."""

    monotonic: Callable[[], float]
    wall: Callable[[], datetime]
    random: Callable[[], float] = field(default=chance)


class ElectionTelemetry(Protocol):
    """What the election tells; implemented by the metrics."""

    def leading(self, *, leads: bool) -> None:
        """We began or ceased to lead."""

    def renewal_failed(self) -> None:
        """A renewal of the Lease we hold did not work."""

    def transitions(self, count: int) -> None:
        """How often the Lease has changed hands, as it says itself."""


@dataclass(eq=False, kw_only=True)
class LeaderElector:
    """Takes, renews and releases one Lease. ``run`` is the body of its thread.

    ``on_started`` is called when we begin to lead; ``run`` returns when leading ended or ``stop`` was set,
    and does not try to come back: the process is to end. ``fault`` is what keeps us from leading, or None.
    """

    api: KubernetesApi
    ref: Ref
    identity: str
    terms: Terms
    clocks: Clocks
    telemetry: ElectionTelemetry
    heartbeat: Heartbeat
    on_started: Callable[[], None]
    stop: threading.Event = field(default_factory=threading.Event)
    fault: SecretsManagerError | None = None
    _held_until: float = float("-inf")
    _sighting: Sighting | None = None
    _raw: Json | None = None
    _trying: threading.Lock = field(default_factory=threading.Lock)
    _skew: ClockSkew = field(init=False)

    def __post_init__(self) -> None:
        self._skew = ClockSkew(self.identity)

    def remaining(self) -> float:
        """Seconds for which we certainly lead from now on; 0 or less when we do not."""
        return self._held_until - self.clocks.monotonic()

    def holds(self, _key: Ref | None) -> bool:
        """Whether we lead for long enough yet to begin a write. One Lease stands for all keys."""
        return self.remaining() > self.terms.write_deadline

    def run(self) -> None:
        """Try to lead, lead, and return when that is over."""
        while not self.stop.is_set() and not self._try():
            self._pause()
        if self.stop.is_set():
            return
        self.telemetry.leading(leads=True)
        log.info("leading", extra={"lease": str(self.ref), "holder": self.identity})
        self.on_started()
        self._renew_until_lost()
        self.telemetry.leading(leads=False)

    def release(self) -> None:
        """Give up the Lease we hold, so that another need not wait; best effort, once nothing writes."""
        self.stop.set()
        # A write that is under way would else come after, and hold the Lease for nobody.
        with self._trying:
            self._release()

    def _release(self) -> None:
        if self.remaining() <= 0:
            return
        self._held_until = float("-inf")
        for _ in range(_RELEASE_TRIES):
            try:
                self._give_up()
            except Conflict:
                # Our own last renewal was still under way.
                continue
            except SecretsManagerError as error:
                log.warning("the Lease could not be released", extra={"reason": error.reason})
            return

    def _give_up(self) -> None:
        raw = self.api.get(LEASES, self.ref)
        record = lease.read(raw)
        if record.holder == self.identity:
            given_up = lease.released(record, self.clocks.wall())
            self.api.replace(LEASES, self.ref, lease.body(self.ref, given_up, raw))
            log.info("Lease released", extra={"lease": str(self.ref)})

    def _renew_until_lost(self) -> None:
        while not self.stop.is_set():
            self._pause()
            if self.stop.is_set():
                return
            # First: a Lease that lapsed, while this process was stopped say, is lost even if nobody took it.
            if self.remaining() > 0 and not self._try():
                self.telemetry.renewal_failed()
            if self.remaining() <= 0:
                log.error("the Lease is lost", extra={"lease": str(self.ref)})
                return

    def _try(self) -> bool:
        """One attempt to take or renew; whether we hold the Lease by it."""
        self.heartbeat.beat()
        try:
            with self._trying:
                return self._renew_at_once() or self._look_and_act()
        except Conflict:
            # Another was faster, which is no fault; who leads now is seen at the next look.
            self.fault = None
            return False
        except SecretsManagerError as error:
            if self.fault != error:
                log.warning("the Lease cannot be had", extra={"reason": error.reason, "error": error.message})
            self.fault = error.bare()
            return False

    def _renew_at_once(self) -> bool:
        """While we lead: write over what we wrote last, without looking first."""
        if self.remaining() <= 0 or self._sighting is None:
            return False
        try:
            return self._act(self._decide())
        except SecretsManagerError:
            # Somebody else wrote, or the last reply was lost: look before judging.
            return False

    def _look_and_act(self) -> bool:
        if self.stop.is_set():
            return False
        self._look()
        decision = self._decide()
        if decision.move is Move.WAIT:
            self.fault = None
            if self.remaining() > 0:
                # Another took the Lease from under us, by hand or by force: it leads, not we.
                self._held_until = float("-inf")
            return False
        return self._act(decision)

    def _look(self) -> None:
        try:
            raw = self.api.get(LEASES, self.ref)
        except NotFound:
            self._raw, self._sighting = None, None
            return
        self._took(raw)

    def _act(self, decision: Decision) -> bool:
        record = decision.record
        if record is None or self.stop.is_set():
            # Who is about to go takes nothing.
            return False
        # Before sending: from the server's reply on it would be too generous by the time of the call.
        sent = self.clocks.monotonic()
        self._took(self._write(record))
        self.fault = None
        self._held_until = sent + self.terms.renew_deadline
        return True

    def _write(self, record: LeaseRecord) -> Json:
        wanted = lease.body(self.ref, record, self._raw)
        if self._raw is None:
            return self.api.create(LEASES, self.ref.namespace, wanted)
        return self.api.replace(LEASES, self.ref, wanted)

    def _took(self, raw: Json) -> None:
        self._raw = raw
        now = self.clocks.monotonic()
        record, before = lease.read(raw), self._sighting
        self._sighting = lease.seen(before, record, manifests.version_of(raw), now=now)
        self._skew.look(before, self._sighting, now=now, wall=self.clocks.wall())
        self.telemetry.transitions(record.transitions)

    def _decide(self) -> Decision:
        candidate = Candidate(identity=self.identity, lease_duration=self.terms.lease_duration)
        return lease.decide(candidate, self._sighting, now=self.clocks.monotonic(), wall=self.clocks.wall())

    def _pause(self) -> None:
        spread = 1 - _JITTER + 2 * _JITTER * self.clocks.random()
        self.stop.wait(self.terms.retry_period * spread)
