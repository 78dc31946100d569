"""The elector over an API server in memory and a clock that only moves when told to."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from secrets_manager.cluster import lease
from secrets_manager.cluster.base import AlreadyExists, Json
from secrets_manager.cluster.leader_election import Clocks, LeaderElector, Terms
from secrets_manager.cluster.lease import LEASES
from secrets_manager.cluster.memory import MemoryCluster
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import ClusterUnavailable, Forbidden
from secrets_manager.runtime.heartbeat import Heartbeats

REF = Ref("ops", "lock")


class Clock:
    """Monotonic and wall time, each of which a test may move."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.wall = datetime(2026, 1, 1, tzinfo=UTC)

    def advance(self, seconds: float) -> None:
        self.now += seconds
        self.wall += timedelta(seconds=seconds)


class Told:
    def __init__(self) -> None:
        self.events: list[str] = []

    def leading(self, *, leads: bool) -> None:
        self.events.append("leads" if leads else "ceased")

    def renewal_failed(self) -> None:
        self.events.append("renewal failed")

    def transitions(self, count: int) -> None:
        self.counted = count


class SteppedStop(threading.Event):
    """A stop event whose waits take no real time: each moves the clock and runs the next step of a script."""

    def __init__(self, clock: Clock, script: list[Callable[[], None]]) -> None:
        super().__init__()
        self._clock = clock
        self._script = script

    def wait(self, timeout: float | None = None) -> bool:
        self._clock.advance(timeout or 0.0)
        if not self._script:
            self.set()
        else:
            self._script.pop(0)()
        return self.is_set()


class Bench:
    """Electors that share one API server and one clock."""

    def __init__(self) -> None:
        self.cluster = MemoryCluster()
        self.clock = Clock()
        self.told = Told()

    def elector(
        self, identity: str, *script: Callable[[], None], api: MemoryCluster | None = None
    ) -> LeaderElector:
        return LeaderElector(
            api=api or self.cluster,
            ref=REF,
            identity=identity,
            terms=Terms(),
            clocks=Clocks(monotonic=lambda: self.clock.now, wall=lambda: self.clock.wall, random=lambda: 0.5),
            telemetry=self.told,
            heartbeat=Heartbeats().register("lease", limit=60),
            on_started=lambda: self.told.events.append("started"),
            stop=SteppedStop(self.clock, list(script)),
        )

    def spec(self) -> Json:
        found = self.cluster.snapshot(LEASES, REF)
        assert found is not None
        spec: Json = found["spec"]
        return spec

    def hand_over(self, holder: str) -> None:
        """Write another holder into the Lease, as somebody with kubectl could."""
        spec = {**self.spec(), "holderIdentity": holder, "renewTime": lease.micro_time(self.clock.wall)}
        self.cluster.edit(LEASES, REF, {"spec": spec})


def nothing() -> None:
    """A step in which nothing happens."""


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_the_first_candidate_makes_the_lease_and_leads(bench: Bench) -> None:
    elector = bench.elector("a")

    elector.run()

    assert bench.told.events[:2] == ["leads", "started"]
    assert bench.spec()["holderIdentity"] == "a"


def test_leadership_lasts_from_before_the_request_was_sent(bench: Bench) -> None:
    elector = bench.elector("a", nothing)
    original = bench.cluster.create

    def slow_create(*args: object, **kwargs: object) -> Json:
        bench.clock.advance(4.0)
        return original(*args, **kwargs)  # type: ignore[arg-type]

    bench.cluster.create = slow_create  # type: ignore[method-assign]
    assert elector._try()

    assert elector.remaining() == pytest.approx(6.0)


def test_a_standby_waits_while_the_record_moves_and_takes_it_when_it_does_not(bench: Bench) -> None:
    leader = bench.elector("a")
    assert leader._try()
    standby = bench.elector("b")
    assert not standby._try()
    bench.clock.advance(8.0)
    assert leader._try()
    bench.clock.advance(8.0)
    assert not standby._try()
    bench.clock.advance(14.9)
    assert not standby._try()

    bench.clock.advance(0.2)

    assert standby._try()
    assert (bench.spec()["holderIdentity"], bench.spec()["leaseTransitions"]) == ("b", 1)


def test_a_leader_stops_before_a_standby_can_start(bench: Bench) -> None:
    leader, standby = bench.elector("a"), bench.elector("b")
    assert leader._try()
    assert not standby._try()

    while leader.remaining() > 0:
        assert not standby._try()
        bench.clock.advance(0.5)

    assert not standby._try()


def test_a_paused_leader_has_lost_the_lease_even_if_nobody_took_it(bench: Bench) -> None:
    elector = bench.elector("a", nothing, lambda: bench.clock.advance(60.0), nothing)

    elector.run()

    assert bench.told.events == ["leads", "started", "ceased"]
    assert not elector.stop.is_set()


def test_a_lost_reply_to_a_renewal_does_not_cost_the_lead(bench: Bench) -> None:
    elector = bench.elector("a")
    assert elector._try()
    applied = bench.cluster.replace

    def lose_reply(*args: object, **kwargs: object) -> Json:
        applied(*args, **kwargs)  # type: ignore[arg-type]
        bench.cluster.replace = applied  # type: ignore[method-assign]
        raise ClusterUnavailable("the connection broke")

    bench.cluster.replace = lose_reply  # type: ignore[method-assign]
    bench.clock.advance(2.0)

    assert elector._try()
    assert elector.remaining() == pytest.approx(10.0)
    assert bench.spec()["leaseTransitions"] == 0


def test_a_lost_reply_to_the_first_write_is_found_to_be_ours(bench: Bench) -> None:
    elector = bench.elector("a")
    applied = bench.cluster.create

    def lose_reply(*args: object, **kwargs: object) -> Json:
        applied(*args, **kwargs)  # type: ignore[arg-type]
        raise ClusterUnavailable("the connection broke")

    bench.cluster.create = lose_reply  # type: ignore[method-assign]
    assert not elector._try()
    assert elector.remaining() < 0

    assert elector._try()
    assert elector.remaining() > 0


def test_failing_renewals_end_the_lead_at_the_deadline_and_not_before(bench: Bench) -> None:
    def refuse() -> None:
        faults = [ClusterUnavailable("gone")] * 2
        bench.cluster.fail_next("update", "leases", *faults)
        bench.cluster.fail_next("get", "leases", ClusterUnavailable("gone"))

    elector = bench.elector("a", *[refuse] * 6)

    elector.run()

    assert bench.told.events.count("renewal failed") == 4
    assert bench.told.events[-1] == "ceased"
    assert not elector.stop.is_set()


def test_a_lease_taken_by_hand_ends_the_lead_at_once(bench: Bench) -> None:
    elector = bench.elector("a", lambda: bench.hand_over("intruder"), nothing)

    elector.run()

    assert bench.told.events[-1] == "ceased"
    assert elector.remaining() < 0
    assert bench.spec()["holderIdentity"] == "intruder"


def test_a_lease_deleted_by_hand_is_made_again(bench: Bench) -> None:
    elector = bench.elector("a", lambda: bench.cluster.delete(LEASES, REF, {}), nothing)

    elector.run()

    assert bench.spec()["holderIdentity"] == "a"
    assert "ceased" not in bench.told.events[:2]


def test_a_holder_emptied_by_hand_is_written_back_by_the_leader(bench: Bench) -> None:
    elector = bench.elector("a", lambda: bench.hand_over(""), nothing)

    elector.run()

    assert bench.spec()["holderIdentity"] == "a"


def test_a_released_lease_is_free_at_once(bench: Bench) -> None:
    leader, standby = bench.elector("a"), bench.elector("b")
    assert leader._try()
    assert not standby._try()

    leader.release()

    assert leader.remaining() < 0
    assert standby._try()


def test_a_lease_that_is_not_ours_any_more_is_not_released(bench: Bench) -> None:
    leader = bench.elector("a")
    assert leader._try()
    bench.hand_over("b")

    leader.release()

    assert bench.spec()["holderIdentity"] == "b"


def test_a_release_that_fails_is_not_tried_for_ever(bench: Bench) -> None:
    leader = bench.elector("a")
    assert leader._try()
    bench.cluster.fail_next("get", "leases", ClusterUnavailable("gone"))

    leader.release()

    assert bench.spec()["holderIdentity"] == "a"
    assert leader.remaining() < 0


def test_two_that_race_for_a_free_lease_do_not_both_get_it(bench: Bench) -> None:
    one, two = bench.elector("a"), bench.elector("b")
    one._look()
    two._look()

    won = [one._try(), two._try()]

    assert won == [True, False]


def test_missing_rights_are_told_and_nobody_leads(bench: Bench) -> None:
    bench.cluster.forbid("get", "leases")
    elector = bench.elector("a", nothing)

    elector.run()

    assert isinstance(elector.fault, Forbidden)
    assert elector.fault.__traceback__ is None
    assert "leases" in elector.fault.message
    assert bench.told.events == []


def test_a_lost_race_for_the_lease_is_no_fault(bench: Bench) -> None:
    elector = bench.elector("a")
    bench.cluster.fail_next("create", "leases", AlreadyExists("another was faster"))

    assert not elector._try()
    assert elector.fault is None


def test_who_is_told_to_stop_does_not_take_the_lease_again(bench: Bench) -> None:
    leader = bench.elector("a")
    assert leader._try()
    original = bench.cluster.replace

    def stopped_meanwhile(*args: object, **kwargs: object) -> Json:
        leader.stop.set()
        bench.hand_over("")
        return original(*args, **kwargs)  # type: ignore[arg-type]

    bench.cluster.replace = stopped_meanwhile  # type: ignore[method-assign]

    assert not leader._try()
    assert bench.spec()["holderIdentity"] == ""


def test_a_release_waits_for_the_renewal_that_is_under_way(bench: Bench) -> None:
    leader = bench.elector("a")
    assert leader._try()
    original, under_way, go_on = bench.cluster.replace, threading.Event(), threading.Event()

    def slow_reply(*args: object, **kwargs: object) -> Json:
        reply = original(*args, **kwargs)  # type: ignore[arg-type]
        bench.cluster.replace = original  # type: ignore[method-assign]
        under_way.set()
        assert go_on.wait(20)
        return reply

    bench.cluster.replace = slow_reply  # type: ignore[method-assign]
    renewing = threading.Thread(target=leader._try)
    renewing.start()
    assert under_way.wait(20)
    releasing = threading.Thread(target=leader.release)
    releasing.start()
    releasing.join(0.2)
    go_on.set()
    renewing.join(20)
    releasing.join(20)

    assert bench.spec()["holderIdentity"] == ""
    assert leader.remaining() < 0


def test_a_lease_whose_times_were_taken_away_is_renewed_all_the_same(bench: Bench) -> None:
    leader = bench.elector("a")
    assert leader._try()
    bench.cluster.edit(LEASES, REF, {"spec": {**bench.spec(), "acquireTime": None}})

    assert leader._try()
    assert bench.spec()["acquireTime"]
