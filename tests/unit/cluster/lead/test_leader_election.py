"""The elector over an API server in memory and a clock that only tests move."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from secrets_manager.cluster.base import AlreadyExists, Json, Resource
from secrets_manager.cluster.lead import lease
from secrets_manager.cluster.lead.leader_election import Clocks, ElectionTimings, LeaderElector
from secrets_manager.cluster.lead.lease import LEASES
from secrets_manager.cluster.memory import MemoryCluster
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import ClusterUnavailable, Forbidden, RejectedByCluster, TooLarge
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
            timings=ElectionTimings(),
            clocks=Clocks(monotonic=lambda: self.clock.now, wall=lambda: self.clock.wall, random=lambda: 0.5),
            telemetry=self.told,
            heartbeat=Heartbeats().register("lease", limit=60),
            stop=SteppedStop(self.clock, list(script)),
        )

    def spec(self) -> Json:
        found = self.cluster.snapshot(LEASES, REF)
        assert found is not None
        spec: Json = found["spec"]
        return spec

    def hand_over(self, holder: str) -> None:
        """Write another holder into the Lease, as a person with kubectl could."""
        spec = {**self.spec(), "holderIdentity": holder, "renewTime": lease.micro_time(self.clock.wall)}
        self.cluster.edit(LEASES, REF, {"spec": spec})


def nothing() -> None:
    """A step in which nothing happens."""


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_the_first_candidate_makes_the_lease_and_leads(bench: Bench) -> None:
    elector = bench.elector("a")

    elector.run(lambda: bench.told.events.append("started"))

    assert bench.told.events[:2] == ["leads", "started"]
    assert bench.spec()["holderIdentity"] == "a"


def test_leadership_lasts_from_before_the_request_was_sent(bench: Bench) -> None:
    elector = bench.elector("a", nothing)
    original = bench.cluster.create

    def slow_create(*args: object, **kwargs: object) -> Json:
        bench.clock.advance(4.0)
        return original(*args, **kwargs)  # type: ignore[arg-type]

    bench.cluster.create = slow_create  # type: ignore[method-assign]
    assert elector.attempt()

    assert elector.remaining() == pytest.approx(6.0)


def test_a_standby_waits_while_the_record_changes_and_takes_the_lease_afterwards(bench: Bench) -> None:
    leader = bench.elector("a")
    assert leader.attempt()
    standby = bench.elector("b")
    assert not standby.attempt()
    bench.clock.advance(8.0)
    assert leader.attempt()
    bench.clock.advance(8.0)
    assert not standby.attempt()
    bench.clock.advance(14.9)
    assert not standby.attempt()

    bench.clock.advance(0.2)

    assert standby.attempt()
    assert (bench.spec()["holderIdentity"], bench.spec()["leaseTransitions"]) == ("b", 1)


def test_a_leader_stops_before_a_standby_can_start(bench: Bench) -> None:
    leader, standby = bench.elector("a"), bench.elector("b")
    assert leader.attempt()
    assert not standby.attempt()

    while leader.remaining() > 0:
        assert not standby.attempt()
        bench.clock.advance(0.5)

    assert not standby.attempt()


def test_a_paused_leader_has_lost_the_lease_even_if_no_other_took_it(bench: Bench) -> None:
    elector = bench.elector("a", nothing, lambda: bench.clock.advance(60.0), nothing)

    elector.run(lambda: bench.told.events.append("started"))

    assert bench.told.events == ["leads", "started", "ceased"]
    assert not elector.stop.is_set()


def test_a_lost_reply_to_a_renewal_does_not_cost_the_lead(bench: Bench) -> None:
    elector = bench.elector("a")
    assert elector.attempt()
    applied = bench.cluster.replace

    def lose_reply(*args: object, **kwargs: object) -> Json:
        applied(*args, **kwargs)  # type: ignore[arg-type]
        bench.cluster.replace = applied  # type: ignore[method-assign]
        raise ClusterUnavailable("the connection broke")

    bench.cluster.replace = lose_reply  # type: ignore[method-assign]
    bench.clock.advance(2.0)

    assert elector.attempt()
    assert elector.remaining() == pytest.approx(10.0)
    assert bench.spec()["leaseTransitions"] == 0


def lose_reply_to_create(bench: Bench) -> None:
    applied = bench.cluster.create

    def lose_reply(*args: object, **kwargs: object) -> Json:
        applied(*args, **kwargs)  # type: ignore[arg-type]
        raise ClusterUnavailable("the connection broke")

    bench.cluster.create = lose_reply  # type: ignore[method-assign]


def test_a_lost_reply_to_the_first_write_is_found_to_be_ours(bench: Bench) -> None:
    elector = bench.elector("a")
    lose_reply_to_create(bench)
    assert not elector.attempt()
    assert elector.remaining() < 0

    assert elector.attempt()
    assert elector.remaining() > 0


def test_failing_renewals_end_the_lead_at_the_deadline_and_not_before(bench: Bench) -> None:
    def refuse() -> None:
        faults = [ClusterUnavailable("gone")] * 2
        bench.cluster.fail_next("update", "leases", *faults)
        bench.cluster.fail_next("get", "leases", ClusterUnavailable("gone"))

    elector = bench.elector("a", *[refuse] * 6)

    elector.run(lambda: bench.told.events.append("started"))

    assert bench.told.events.count("renewal failed") == 4
    assert bench.told.events[-1] == "ceased"
    assert not elector.stop.is_set()


def test_a_lease_taken_by_hand_ends_the_lead_at_once(bench: Bench) -> None:
    elector = bench.elector("a", lambda: bench.hand_over("intruder"), nothing)

    elector.run(lambda: bench.told.events.append("started"))

    assert bench.told.events[-1] == "ceased"
    assert elector.remaining() < 0
    assert bench.spec()["holderIdentity"] == "intruder"


def test_a_lease_deleted_by_hand_is_made_again(bench: Bench) -> None:
    elector = bench.elector("a", lambda: bench.cluster.delete(LEASES, REF, {}), nothing)

    elector.run(lambda: bench.told.events.append("started"))

    assert bench.spec()["holderIdentity"] == "a"
    assert "ceased" not in bench.told.events[:2]


def test_a_holder_emptied_by_hand_is_written_back_by_the_leader(bench: Bench) -> None:
    elector = bench.elector("a", lambda: bench.hand_over(""), nothing)

    elector.run(lambda: bench.told.events.append("started"))

    assert bench.spec()["holderIdentity"] == "a"


def test_a_released_lease_is_free_at_once(bench: Bench) -> None:
    leader, standby = bench.elector("a"), bench.elector("b")
    assert leader.attempt()
    assert not standby.attempt()

    leader.release()

    assert leader.remaining() < 0
    assert standby.attempt()


def test_a_lease_that_is_not_ours_any_more_is_not_released(bench: Bench) -> None:
    leader = bench.elector("a")
    assert leader.attempt()
    bench.hand_over("b")

    leader.release()

    assert bench.spec()["holderIdentity"] == "b"


def test_a_release_that_fails_is_not_tried_for_ever(bench: Bench) -> None:
    leader = bench.elector("a")
    assert leader.attempt()
    bench.cluster.fail_next("get", "leases", ClusterUnavailable("gone"))

    leader.release()

    assert bench.spec()["holderIdentity"] == "a"
    assert leader.remaining() < 0


def test_two_replicas_that_race_for_a_free_lease_do_not_both_get_it(bench: Bench) -> None:
    one, two = bench.elector("a"), bench.elector("b")
    one._observe()
    two._observe()

    won = [one.attempt(), two.attempt()]

    assert won == [True, False]


def test_missing_rights_on_the_lease_are_reported_and_no_replica_leads(bench: Bench) -> None:
    bench.cluster.forbid("get", "leases")
    elector = bench.elector("a", nothing)

    elector.run(lambda: bench.told.events.append("started"))

    assert isinstance(elector.fault, Forbidden)
    assert elector.fault.__traceback__ is None
    assert "leases" in elector.fault.message
    assert bench.told.events == []


def test_a_lost_race_for_the_lease_is_no_fault(bench: Bench) -> None:
    elector = bench.elector("a")
    bench.cluster.fail_next("create", "leases", AlreadyExists("another was faster"))

    assert not elector.attempt()
    assert elector.fault is None


def test_a_replica_that_stops_does_not_take_the_lease_again(bench: Bench) -> None:
    leader = bench.elector("a")
    assert leader.attempt()
    original = bench.cluster.replace

    def stopped_meanwhile(*args: object, **kwargs: object) -> Json:
        leader.stop.set()
        bench.hand_over("")
        return original(*args, **kwargs)  # type: ignore[arg-type]

    bench.cluster.replace = stopped_meanwhile  # type: ignore[method-assign]

    assert not leader.attempt()
    assert bench.spec()["holderIdentity"] == ""


def test_a_release_waits_for_the_renewal_that_is_under_way(bench: Bench) -> None:
    leader = bench.elector("a")
    assert leader.attempt()
    original, under_way, go_on = bench.cluster.replace, threading.Event(), threading.Event()

    def slow_reply(*args: object, **kwargs: object) -> Json:
        reply = original(*args, **kwargs)  # type: ignore[arg-type]
        bench.cluster.replace = original  # type: ignore[method-assign]
        under_way.set()
        assert go_on.wait(20)
        return reply

    bench.cluster.replace = slow_reply  # type: ignore[method-assign]
    renewing = threading.Thread(target=leader.attempt)
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
    assert leader.attempt()
    bench.cluster.edit(LEASES, REF, {"spec": {**bench.spec(), "acquireTime": None}})

    assert leader.attempt()
    assert bench.spec()["acquireTime"]


def meddle(bench: Bench, **spec: object) -> None:
    """Write fields of the Lease, as a person with kubectl could."""
    bench.cluster.edit(LEASES, REF, {"spec": {**bench.spec(), **spec}})


def pair(bench: Bench) -> tuple[LeaderElector, LeaderElector]:
    """One that leads and one that has seen it."""
    leader, standby = bench.elector("a"), bench.elector("b")
    assert leader.attempt()
    assert not standby.attempt()
    return leader, standby


@pytest.mark.parametrize(
    "change",
    [
        {"holderIdentity": ""},
        {"holderIdentity": None},
        {"holderIdentity": "b"},
        {"leaseDurationSeconds": 1},
        {"leaseDurationSeconds": 0},
        {"leaseDurationSeconds": -7},
        {"leaseDurationSeconds": "x"},
        {"leaseTransitions": 2**31 - 1},
    ],
    ids=str,
)
def test_whatever_is_written_into_the_lease_the_standby_waits_and_the_leader_leads_on(
    bench: Bench, change: dict[str, object]
) -> None:
    leader, standby = pair(bench)

    meddle(bench, **change)
    bench.clock.advance(1.5)

    assert not standby.attempt()
    if change.get("holderIdentity") == "b":
        assert not leader.attempt(), "it names another, so we do not lead any more"
    else:
        assert leader.attempt()
        assert bench.spec()["holderIdentity"] == "a"
    assert not standby.attempt()


class Strict(MemoryCluster):
    """Refuses a Lease as the API server does: 256 KiB of annotations, 1.5 MiB in all, and no odd field."""

    def create(self, resource: Resource, namespace: str, body: Json) -> Json:
        self._check(body)
        return super().create(resource, namespace, body)

    def replace(self, resource: Resource, ref: Ref, body: Json, *, subresource: str = "") -> Json:
        self._check(body)
        return super().replace(resource, ref, body, subresource=subresource)

    def _check(self, body: Json) -> None:
        notes = body["metadata"].get("annotations", {})
        if sum(len(name) + len(text) for name, text in notes.items()) > 2**18:
            raise RejectedByCluster("invalid: metadata.annotations")
        if len(repr(body)) > 3 * 2**19:
            raise TooLarge("the object is larger than etcd accepts")
        if "strategy" in body["spec"] and "preferredHolder" not in body["spec"]:
            raise RejectedByCluster("invalid: spec.strategy")


NOTES = "secrets-manager.tuenti.io/lease-"
SPOILT: dict[str, Json] = {
    "full of annotations": {
        "metadata": {"annotations": {f"{NOTES}pledge": "", f"{NOTES}taken-by": "", "a": "x" * (2**18 - 100)}}
    },
    "full of labels": {"metadata": {"labels": {f"l-{n}": "x" * 60 for n in range(22_000)}}},
    "full of fields": {"spec": {"anything": "x" * 2**21}},
    "with a field that needs another": {"spec": {"strategy": "OldestEmulationVersion"}},
}


@pytest.mark.parametrize("how", SPOILT)
def test_a_lease_that_nobody_can_change_any_more_is_written_without_what_others_put_on_it(how: str) -> None:
    bench = Bench()
    bench.cluster = Strict()
    leader, standby = pair(bench)
    bench.cluster.edit(LEASES, REF, SPOILT[how])
    bench.clock.advance(2.0)

    assert leader.attempt()
    assert not standby.attempt()
    bench.clock.advance(2.0)
    assert leader.attempt()
    assert not standby.attempt()
    # The leader dies, and the next finds a Lease that is spoilt again.
    bench.cluster.edit(LEASES, REF, SPOILT[how])
    assert not standby.attempt()
    bench.clock.advance(15.1)
    assert standby.attempt()
    assert bench.spec()["holderIdentity"] == "b"


def test_a_lease_whose_count_is_full_can_still_be_taken(bench: Bench) -> None:
    _, standby = pair(bench)
    meddle(bench, leaseTransitions=2**31 - 1)
    assert not standby.attempt()
    bench.clock.advance(15.1)

    assert standby.attempt()
    assert bench.spec()["leaseTransitions"] == 0


def test_a_lease_that_was_emptied_is_taken_when_a_lease_of_our_own_has_passed(bench: Bench) -> None:
    _, standby = pair(bench)
    bench.hand_over("")
    assert not standby.attempt()
    bench.clock.advance(14.9)
    assert not standby.attempt()
    bench.clock.advance(0.2)

    assert standby.attempt()


def test_a_lease_that_was_deleted_is_made_again_by_the_leader_before_a_standby_may(bench: Bench) -> None:
    leader, standby = pair(bench)
    bench.cluster.delete(LEASES, REF, {})
    assert not standby.attempt()
    bench.clock.advance(2.0)

    assert leader.attempt()
    assert not standby.attempt()
    assert bench.spec()["holderIdentity"] == "a"


def test_a_lease_that_vanished_with_its_leader_is_claimed_first_and_led_by_a_lease_later(
    bench: Bench,
) -> None:
    _, standby = pair(bench)
    bench.cluster.delete(LEASES, REF, {})
    looks = []
    for _ in range(12):
        looks.append(standby.attempt())
        bench.clock.advance(2.0)

    assert bench.spec()["holderIdentity"] == "b"
    assert looks.index(True) == 10


def test_the_release_of_one_leader_does_not_serve_twice(bench: Bench) -> None:
    leader, standby = pair(bench)
    third = bench.elector("c")
    assert not third.attempt()
    leader.release()
    shown = bench.cluster.snapshot(LEASES, REF)
    assert shown is not None
    assert standby.attempt()

    kept = {"spec": shown["spec"], "metadata": {"annotations": shown["metadata"]["annotations"]}}
    bench.cluster.edit(LEASES, REF, kept)

    assert not third.attempt()
    assert standby.remaining() > 0


def test_without_the_right_to_delete_a_released_lease_is_taken_in_place(bench: Bench) -> None:
    leader, standby = pair(bench)
    leader.release()
    bench.cluster.forbid("delete", "leases")

    assert standby.attempt()
    assert bench.spec()["holderIdentity"] == "b"


def test_marks_that_others_put_on_a_lease_outlive_the_hand_over(bench: Bench) -> None:
    leader, standby = pair(bench)
    bench.cluster.edit(LEASES, REF, {"metadata": {"labels": {"team": "ops"}}})
    assert leader.attempt()
    for _ in range(3):
        bench.clock.advance(2.0)
        assert leader.attempt()
        assert not standby.attempt()
    leader.release()

    assert standby.attempt()
    found = bench.cluster.snapshot(LEASES, REF)
    assert found is not None
    assert found["metadata"]["labels"] == {"team": "ops"}
    assert bench.spec()["leaseTransitions"] == 1


def test_a_leader_whose_lease_is_meddled_with_all_the_time_stops_at_its_deadline(bench: Bench) -> None:
    leader, _ = pair(bench)
    for _ in range(4):
        bench.clock.advance(2.0)
        bench.hand_over("")
        assert leader.attempt()
    bench.clock.advance(2.1)

    assert leader.remaining() < 0


def test_a_lease_that_others_touch_is_released_without_a_receipt(bench: Bench) -> None:
    leader, standby = pair(bench)
    meddle(bench, leaseDurationSeconds=16)

    leader.release()

    assert bench.spec()["holderIdentity"] == ""
    assert not standby.attempt()


def test_the_next_version_s_marks_do_not_free_a_lease_that_an_older_one_took_in_place(bench: Bench) -> None:
    leader, standby = pair(bench)
    leader.release()
    # A replica of the Go version takes the Lease and leaves annotations as they are.
    meddle(bench, holderIdentity="go_1", leaseDurationSeconds=15, leaseTransitions=1)
    assert not standby.attempt()
    meddle(bench, holderIdentity="")

    assert not standby.attempt()
    assert not bench.elector("fresh").attempt()


def test_a_claim_whose_reply_was_lost_long_ago_is_not_led_by(bench: Bench) -> None:
    elector = bench.elector("a")
    lose_reply_to_create(bench)
    assert not elector.attempt()
    bench.clock.advance(11.0)

    assert not elector.attempt()
    assert elector.remaining() < 0


class VersionlessCluster(MemoryCluster):
    """Its replies do not say which state of the Lease they describe."""

    def get(self, resource: Resource, ref: Ref) -> Json:
        found = super().get(resource, ref)
        found["metadata"].pop("resourceVersion")
        return found


def test_a_lease_that_was_seen_without_a_version_is_not_given_up(bench: Bench) -> None:
    blind = VersionlessCluster()
    bench.elector("a", api=blind).run()
    found = blind.snapshot(LEASES, REF)

    assert found is not None
    assert found["spec"]["holderIdentity"] == "a"
    assert blind.calls["update", "leases"] == 0


def test_a_lease_that_was_seen_without_a_version_is_not_taken(bench: Bench) -> None:
    bench.elector("a").run()
    blind = VersionlessCluster()
    blind.create(LEASES, REF.namespace, {"metadata": {"name": REF.name}, "spec": bench.spec()})
    bench.elector("b", *[nothing] * 40, api=blind).run()

    assert blind.calls["get", "leases"] > 10
    assert blind.calls["update", "leases"] == 0


# ── rights that are missing in part, or taken away ───────────────────────────────────────────────────


def test_a_standby_that_may_not_write_the_lease_says_so_once_it_has_to_take_it(bench: Bench) -> None:
    assert bench.elector("a").attempt()
    standby = bench.elector("b")
    bench.cluster.forbid("update", "leases")
    bench.cluster.forbid("delete", "leases")

    assert not standby.attempt()
    faults = [standby.fault]
    for _ in range(10):
        bench.clock.advance(8.0)
        assert not standby.attempt()
        faults.append(standby.fault)

    assert faults[0] is None
    assert isinstance(faults[-1], Forbidden)
    assert "leases" in faults[-1].message
    assert standby.remaining() <= 0
    assert bench.spec()["holderIdentity"] == "a"


def test_a_leader_whose_right_is_taken_away_names_it_and_ends_at_its_deadline(bench: Bench) -> None:
    leader = bench.elector("a", nothing, lambda: bench.cluster.forbid("update", "leases"), *[nothing] * 99)

    leader.run()

    assert isinstance(leader.fault, Forbidden)
    assert not leader.stop.is_set()
    assert leader.remaining() <= 0
    assert bench.told.events[0] == "leads"
    assert bench.told.events[-1] == "ceased"
