"""No writer of the Lease makes two replicas lead: courses of events by the thousand, on one clock.

Each course has three replicas, calls that are late or lost, replicas that are paused or hand over, and a
foreign writer that writes the Lease at will. The control, a replica that believes what stands in the Lease as
client-go does, shows that the courses can fail.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from secrets_manager.cluster.lead import lease
from secrets_manager.cluster.lead.leader_election import LeaderElector
from secrets_manager.cluster.lead.lease import LEASES, LeaseDecision
from tests.effort import share
from tests.unit.cluster.election_world import REF, Meddler, Replica, World

COURSES = 40
# Those that are not to fail, and so are run to the end each time.
TRIED = share(COURSES)
SECONDS = 150.0


class Credulous(LeaderElector):
    """Believes what stands in the Lease, and nothing else."""

    def _decide(self) -> LeaseDecision:
        return lease.decide(
            self._candidate, self._view.sighting, now=self.clocks.monotonic(), wall=self.clocks.wall()
        )

    def _may_lead(self, now: float) -> bool:
        return True


def settled(seed: int, kind: type[LeaderElector] = LeaderElector, slowness: float = 0.02) -> World:
    """Three replicas; one leads, as the others have seen."""
    world = World(seed, kind)
    world.slowness = 0.0
    for _ in range(3):
        world.start()
    world.run_until(world.now + 5.0)
    world.slowness = slowness
    return world


def newcomers(world: World) -> None:
    """A new replica for each that ended; its first look finds a Lease that the leader wrote last."""
    leaders = world.leaders()
    written = (world.lease() or {}).get("spec") or {}
    if len(world.replicas) < 3 and leaders and written.get("holderIdentity") == leaders[0].name:
        slow, world.slowness = world.slowness, 0.0
        meddle, world.before_call = world.before_call, lambda _replica, _verb: None
        world.start()
        world.slowness, world.before_call = slow, meddle


def again(world: World, act: Callable[[], None], least: float, most: float) -> None:
    """Do something from now on, again and again."""

    def once() -> None:
        act()
        world.at(world.now + world.chance.uniform(least, most), once)

    world.at(world.now + world.chance.uniform(least, most), once)


def troubles(world: World) -> None:
    """Replicas fall asleep and hand over."""

    def pause() -> None:
        if world.replicas:
            world.chance.choice(world.replicas).asleep_until = world.now + world.chance.uniform(1.0, 30.0)

    def hand_over() -> None:
        for replica in world.leaders():
            replica.leave()

    again(world, pause, 10.0, 40.0)
    again(world, hand_over, 2.0, 40.0)
    again(world, lambda: newcomers(world), 1.0, 5.0)


def at_random(world: World) -> None:
    """A foreign writer writes anything at any time, also between any two calls of a replica."""
    meddler = Meddler(world)
    again(world, meddler.act, 0.05, world.chance.choice([0.5, 2.0, 10.0]))
    likely = world.chance.choice([0.0, 0.1, 0.5])

    def between(_replica: Replica, _verb: str) -> None:
        meddler.look()
        if world.chance.random() < likely:
            meddler.act()

    world.before_call = between


def showing(*moves: str) -> Callable[[World], None]:
    """A foreign writer that shows the standbys something else at each look than the leader wrote.

    The leader finds what it wrote, as far as that can be restored.
    """

    def begin(world: World) -> None:
        meddler = Meddler(world)
        last: dict[str, dict[str, object]] = {}
        turn: dict[str, int] = {}
        patience = world.chance.uniform(0.0, 20.0)
        began = world.now

        def between(replica: Replica, verb: str) -> None:
            meddler.look()
            found = world.lease()
            holder = ((found or {}).get("spec") or {}).get("holderIdentity")
            if found and holder in {each.name for each in world.leaders()}:
                last[str(holder)] = found
            if replica.elector.remaining() > 0:
                if replica.name in last and last[replica.name] != found:
                    meddler.write(last[replica.name])
            elif verb == "get":
                number = turn.get(replica.name, 0)
                turn[replica.name] = number + 1
                name = moves[min(number, len(moves) - 1)]
                if name == "pretend_to_give_up" and world.now - began < patience:
                    name = moves[-2]
                getattr(meddler, name)()

        world.before_call = between

    return begin


MEDDLERS = [
    pytest.param(at_random, id="at random"),
    pytest.param(showing("delete"), id="none is there"),
    pytest.param(showing("empty"), id="nobody holds it"),
    pytest.param(showing("put_back"), id="an old state"),
    pytest.param(showing("pretend_to_hold", "pretend_to_give_up"), id="one that held it and gave it up"),
    pytest.param(
        showing("pretend_to_hold", *["touch"] * 8, "pretend_to_give_up"), id="one that holds it for long"
    ),
]


@pytest.mark.parametrize("meddle", MEDDLERS)
def test_no_writer_of_the_lease_makes_two_replicas_lead(meddle: Callable[[World], None]) -> None:
    for seed in range(TRIED):
        world = settled(seed, slowness=(0.0, 0.02, 0.1)[seed % 3])
        assert len(world.leaders()) == 1
        meddle(world)
        troubles(world)

        world.run_until(world.now + SECONDS)

        assert world.overlaps == [], f"seed {seed}"


@pytest.mark.parametrize("meddle", MEDDLERS)
def test_a_replica_that_believes_the_lease_can_be_made_to_lead_beside_another(
    meddle: Callable[[World], None],
) -> None:
    def overlaps(seed: int) -> bool:
        world = settled(seed, Credulous)
        meddle(world)
        troubles(world)
        world.run_until(world.now + SECONDS)
        return bool(world.overlaps)

    assert any(overlaps(seed) for seed in range(COURSES))


@pytest.mark.parametrize("apart", [10.0, 14.0])
def test_hand_overs_that_follow_each_other_soon_are_quick_each(apart: float) -> None:
    for seed in range(TRIED):
        world = settled(seed, slowness=0.0)
        for _ in range(2):
            [leader] = world.leaders()
            leader.leave()
            world.run_until(world.now + 3.0)
            assert len(world.leaders()) == 1, f"seed {seed}"
            world.run_until(world.now + apart - 3.0)


def test_a_hand_over_soon_after_a_leader_was_killed_is_quick() -> None:
    for seed in range(TRIED):
        world = settled(seed, slowness=0.0)
        [leader] = world.leaders()
        leader.asleep_until = math.inf
        world.run_until(world.now + 27.0)
        [leader] = world.leaders()
        leader.leave()
        world.run_until(world.now + 3.0)

        assert len(world.leaders()) == 1, f"seed {seed}"


def test_after_the_meddling_ends_one_replica_leads_again() -> None:
    for seed in range(TRIED):
        world = settled(seed, slowness=0.0)
        at_random(world)
        troubles(world)
        world.run_until(world.now + 60.0)

        world = calm(world)

        assert len(world.leaders()) == 1, f"seed {seed}"


def calm(world: World) -> World:
    """The same world without foreign writes, a while later; a Lease that is held for ages is deleted."""
    world.stop_all()
    duration = ((world.lease() or {}).get("spec") or {}).get("leaseDurationSeconds")
    if isinstance(duration, int) and duration > 15:
        world.cluster.delete(LEASES, REF, {})
    world.before_call = lambda _replica, _verb: None
    while len(world.replicas) < 3:
        world.start()
    for replica in world.replicas:
        replica.asleep_until = 0.0
        replica.step()
    world.run_until(world.now + 45.0)
    return world
