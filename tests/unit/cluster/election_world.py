"""Electors, an API server and a foreign writer of the Lease, on one clock; the same course for the same seed.

A call takes time, before and after the server acts, and all others go on meanwhile: the clock is moved by
running what is due until then. So every reply may be late, and everybody may act between any two calls.
"""

from __future__ import annotations

import contextlib
import copy
import heapq
import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from secrets_manager.cluster.base import Json, Resource
from secrets_manager.cluster.lead.leader_election import Clocks, ElectionTimings, LeaderElector
from secrets_manager.cluster.lead.lease import LEASES
from secrets_manager.cluster.lead.pledge import Pledge
from secrets_manager.cluster.memory import MemoryCluster
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import ClusterUnavailable, SecretsManagerError
from secrets_manager.runtime.heartbeat import Heartbeats

REF = Ref("ops", "lock")
TIMEOUT = 3.0
T = TypeVar("T")
_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
_PLEDGE = "secrets-manager.tuenti.io/lease-pledge"
_RECEIPT = "secrets-manager.tuenti.io/lease-receipt"
_TAKEN_BY = "secrets-manager.tuenti.io/lease-taken-by"


class World:
    """The clock, what is due on it, the server, and the electors that live."""

    def __init__(self, seed: int, kind: type[LeaderElector] = LeaderElector) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - a course of events
        self.cluster = MemoryCluster()
        self.now = 1000.0
        self.replicas: list[Replica] = []
        self.before_call: Callable[[Replica, str], None] = lambda _replica, _verb: None
        self.slowness = 0.02
        self.led: list[str] = []
        self.overlaps: list[str] = []
        self._kind = kind
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0

    def at(self, when: float, act: Callable[[], None]) -> None:
        """Do something at a time."""
        self._count += 1
        heapq.heappush(self._due, (when, self._count, act))

    def run_until(self, when: float) -> None:
        """Let everything happen that is due until then."""
        while self._due and self._due[0][0] <= when:
            due, _, act = heapq.heappop(self._due)
            self.now = max(self.now, due)
            self._judge()
            act()
            self._judge()
        self.now = max(self.now, when)
        self._judge()

    def stop_all(self) -> None:
        """Nothing is due any more."""
        self._due.clear()

    def leaders(self) -> list[Replica]:
        """Those that believe to lead now."""
        return [replica for replica in self.replicas if replica.elector.remaining() > 0]

    def start(self) -> Replica:
        """One more replica; its first look is at once."""
        replica = Replica(self, f"pod-{self._count}_{len(self.replicas)}", self._kind)
        self.replicas.append(replica)
        replica.step()
        return replica

    def lease(self) -> Json | None:
        """The Lease as it is."""
        return self.cluster.snapshot(LEASES, REF)

    def _judge(self) -> None:
        leaders = [replica.name for replica in self.leaders()]
        for name in leaders:
            if name not in self.led:
                self.led.append(name)
        if len(leaders) > 1:
            self.overlaps.append(f"{self.now:.2f}: {leaders}")


class Replica:
    """One elector with a server that is far away from it; steps as ``LeaderElector.run`` does."""

    def __init__(self, world: World, name: str, kind: type[LeaderElector]) -> None:
        self.world = world
        self.name = name
        self.asleep_until = 0.0
        self.ended = False
        self._busy = False
        self._led = False
        self.elector = kind(
            api=Far(world, self),
            ref=REF,
            identity=name,
            timings=ElectionTimings(),
            clocks=Clocks(
                monotonic=lambda: world.now,
                wall=lambda: _EPOCH + timedelta(seconds=world.now),
                random=world.chance.random,
            ),
            telemetry=Untold(),
            heartbeat=Heartbeats().register("lease", limit=60),
        )

    def step(self) -> None:
        """One turn, and the next one after a pause."""
        if self.ended:
            return
        if self.world.now < self.asleep_until:
            self.world.at(self.asleep_until, self.step)
            return
        if not self._busy:
            self._turn()
        if not self.ended:
            self.world.at(self.world.now + 2.0 * self.world.chance.uniform(0.9, 1.1), self.step)

    def leave(self) -> None:
        """Give the Lease up, as a replica does when it is stopped."""
        if not self.ended and not self._busy:
            self._as_busy(self.elector.release)
            self._end()

    def _turn(self) -> None:
        if not self._led or self.elector.remaining() > 0:
            self._led = self._as_busy(self.elector.attempt) or self._led
        if self._led and self.elector.remaining() <= 0:
            self._end()

    def _end(self) -> None:
        self.ended = True
        self.world.replicas.remove(self)

    def _as_busy(self, act: Callable[[], T]) -> T:
        self._busy = True
        try:
            return act()
        finally:
            self._busy = False


class Far(MemoryCluster):
    """The port to the server of one replica: slow, and now and then without a reply in time."""

    def __init__(self, world: World, replica: Replica) -> None:
        super().__init__()
        self.world = world
        self.replica = replica

    def get(self, resource: Resource, ref: Ref) -> Json:
        return self._call("get", lambda: self.world.cluster.get(resource, ref))

    def create(self, resource: Resource, namespace: str, body: Json) -> Json:
        return self._call("create", lambda: self.world.cluster.create(resource, namespace, body))

    def replace(self, resource: Resource, ref: Ref, body: Json, *, subresource: str = "") -> Json:
        assert not subresource
        return self._call("update", lambda: self.world.cluster.replace(resource, ref, body))

    def delete(self, resource: Resource, ref: Ref, preconditions: Mapping[str, str]) -> None:
        self._call("delete", lambda: self.world.cluster.delete(resource, ref, preconditions))

    def _call(self, verb: str, act: Callable[[], T]) -> T:
        there, back = self._time(), self._time()
        started = self.world.now
        self.world.run_until(started + min(there, TIMEOUT))
        if there >= TIMEOUT:
            if self.world.chance.random() < 0.5:
                # It arrives all the same, when nothing waits for the reply any more.
                self.world.at(started + there, lambda: self._late(act))
            raise ClusterUnavailable("no reply in time")
        self.world.before_call(self.replica, verb)
        answer = act()
        self.world.run_until(started + min(there + back, TIMEOUT))
        if there + back >= TIMEOUT:
            raise ClusterUnavailable("no reply in time")
        return answer

    def _time(self) -> float:
        """Mostly short, at times beyond all measure."""
        if self.world.chance.random() < self.world.slowness:
            return self.world.chance.uniform(0.5, 8.0)
        return self.world.chance.uniform(0.001, 0.1)

    def _late(self, act: Callable[[], object]) -> None:
        # Perhaps it is refused, and nothing receives the refusal.
        with contextlib.suppress(SecretsManagerError):
            act()


class Untold:
    """Nobody is told."""

    def leading(self, *, leads: bool) -> None: ...
    def renewal_failed(self) -> None: ...
    def transitions(self, count: int) -> None: ...


class Meddler:
    """May write the Lease in any way and do nothing else; remembers every state that it saw.

    It knows no secret that was not shown in the Lease, and has pledges of its own.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._seen: list[Json] = []
        self._pretended = 0
        self.moves: list[Callable[[], None]] = [
            self.delete,
            self.empty,
            self.shorten,
            self.spoil,
            self.put_back,
            self.pretend_to_hold,
            self.pretend_to_give_up,
            self.name_a_replica,
            self.touch,
        ]

    def look(self) -> None:
        """Remember what there is."""
        found = self._world.lease()
        if found and (not self._seen or self._seen[-1] != found):
            self._seen.append(found)

    def act(self) -> None:
        """Any move."""
        self.look()
        self._world.chance.choice(self.moves)()
        self.look()

    def delete(self) -> None:
        if self._world.lease():
            self._world.cluster.delete(LEASES, REF, {})

    def empty(self) -> None:
        self._spec(holderIdentity=self._world.chance.choice(["", None]))

    def shorten(self) -> None:
        self._spec(leaseDurationSeconds=self._world.chance.choice([1, 0, -5, None]))

    def spoil(self) -> None:
        odd: list[object] = [None, "x", 7, [], {}, True, 10**400, 2**31 - 1, "2026-13-45T99:99:99Z"]
        name = self._world.chance.choice(
            ["holderIdentity", "leaseDurationSeconds", "renewTime", "acquireTime", "leaseTransitions"]
        )
        value = self._world.chance.choice([odd_one for odd_one in odd if odd_one != 10**400 or "Sec" in name])
        self._spec(**{name: value})

    def put_back(self) -> None:
        """A state from before, to the letter."""
        if self._seen:
            self.write(self._world.chance.choice(self._seen[-12:]))

    def pretend_to_hold(self) -> None:
        self._pretended += 1
        self.write(self._forged())

    def pretend_to_give_up(self) -> None:
        forged = self._forged()
        pledge = Pledge(identity=f"meddler_{self._pretended}", secret="known")
        forged["spec"].update(holderIdentity="", leaseDurationSeconds=1)
        forged["metadata"]["annotations"][_RECEIPT] = pledge.receipt()
        self.write(forged)

    def name_a_replica(self) -> None:
        if self._world.replicas:
            self._spec(holderIdentity=self._world.chance.choice(self._world.replicas).name)

    def touch(self) -> None:
        if self._world.lease():
            self._world.cluster.edit(LEASES, REF, {"metadata": {"labels": {"n": str(self._world.now)}}})

    def write(self, body: Json) -> None:
        """Make the Lease read like this, whether there is one or not."""
        body = copy.deepcopy(body)
        annotations = body["metadata"].get("annotations", {})
        wanted: Json = {"spec": body.get("spec"), "metadata": {"annotations": annotations}}
        if self._world.lease():
            self._world.cluster.edit(LEASES, REF, wanted)
        else:
            wanted["metadata"]["name"] = REF.name
            self._world.cluster.create(LEASES, REF.namespace, wanted)

    def _forged(self) -> Json:
        name = f"meddler_{self._pretended}"
        stamp = "2026-01-01T00:00:00.000000Z"
        # Every process can present a receipt from the Lease as its own.
        found = ((self._world.lease() or {}).get("metadata") or {}).get("annotations") or {}
        receipt = found.get(_RECEIPT) or found.get(_TAKEN_BY) or ""
        pledge = Pledge(identity=name, secret="known").of(3)
        return {
            "metadata": {"annotations": {_PLEDGE: pledge, **({_TAKEN_BY: receipt} if receipt else {})}},
            "spec": {
                "holderIdentity": name,
                "leaseDurationSeconds": 15,
                "acquireTime": stamp,
                "renewTime": stamp,
                "leaseTransitions": 3,
            },
        }

    def _spec(self, **change: object) -> None:
        found = self._world.lease()
        if found:
            self._world.cluster.edit(LEASES, REF, {"spec": {**(found.get("spec") or {}), **change}})
