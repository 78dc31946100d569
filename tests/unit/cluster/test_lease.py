"""What to do about a Lease: client-go's cases as a table."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from secrets_manager.cluster import lease
from secrets_manager.cluster.lease import Candidate, LeaseRecord, Move, Sighting
from secrets_manager.domain.definition import Ref

ME = Candidate(identity="me", lease_duration=15.0)
WALL = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
STAMP = "2026-05-04T03:02:01.000000Z"
OTHERS = LeaseRecord(
    holder="other", duration_seconds=15, acquire_time="then", renew_time="then", transitions=3
)
REF = Ref("ops", "lock")


def sighting(record: LeaseRecord, since: float = 100.0) -> Sighting:
    return Sighting(record=record, since=since, resource_version="7")


@pytest.mark.parametrize(
    ("seen", "now", "move", "reason"),
    [
        pytest.param(None, 0.0, Move.TAKE, "NoLease", id="no lease: it is made"),
        pytest.param(
            sighting(LeaseRecord()), 0.0, Move.TAKE, "Released", id="no holder: it is taken at once"
        ),
        pytest.param(
            sighting(OTHERS), 114.9, Move.WAIT, "HeldByAnother", id="another's, lately seen to move"
        ),
        pytest.param(sighting(OTHERS), 115.0, Move.TAKE, "Expired", id="another's, unmoved for its duration"),
        pytest.param(
            sighting(replace(OTHERS, duration_seconds=60)),
            115.0,
            Move.WAIT,
            "HeldByAnother",
            id="the duration that counts is the one in the record",
        ),
        pytest.param(sighting(replace(OTHERS, holder="me")), 9999.0, Move.RENEW, "Held", id="ours: renewed"),
    ],
)
def test_what_is_done_about_a_lease(seen: Sighting | None, now: float, move: Move, reason: str) -> None:
    decision = lease.decide(ME, seen, now=now, wall=WALL)

    assert (decision.move, decision.reason) == (move, reason)


def test_taking_over_counts_a_transition_and_starts_a_new_term() -> None:
    record = lease.decide(ME, sighting(OTHERS), now=200.0, wall=WALL).record

    assert record == LeaseRecord(
        holder="me", duration_seconds=15, acquire_time=STAMP, renew_time=STAMP, transitions=4
    )


def test_renewing_keeps_the_term_and_the_count() -> None:
    record = lease.decide(ME, sighting(replace(OTHERS, holder="me")), now=101.0, wall=WALL).record

    assert record == LeaseRecord(
        holder="me", duration_seconds=15, acquire_time="then", renew_time=STAMP, transitions=3
    )


def test_the_wall_clock_of_the_holder_does_not_matter() -> None:
    for hours in (-1, 1):
        skewed = replace(OTHERS, renew_time=lease.micro_time(WALL + timedelta(hours=hours)))

        assert lease.decide(ME, sighting(skewed), now=110.0, wall=WALL).move is Move.WAIT
        assert lease.decide(ME, sighting(skewed), now=116.0, wall=WALL).move is Move.TAKE


def test_a_record_that_did_not_change_keeps_the_time_it_was_first_seen() -> None:
    first = lease.seen(None, OTHERS, "1", now=5.0)

    assert lease.seen(first, OTHERS, "2", now=9.0) == Sighting(record=OTHERS, since=5.0, resource_version="2")


def test_a_record_that_changed_starts_the_time_anew() -> None:
    first = lease.seen(None, OTHERS, "1", now=5.0)

    assert lease.seen(first, replace(OTHERS, renew_time="now"), "2", now=9.0).since == 9.0


def test_micro_time_has_six_digits_and_is_in_utc() -> None:
    elsewhere = datetime(2026, 5, 4, 5, 2, 1, 20, tzinfo=timezone(timedelta(hours=2)))

    assert lease.micro_time(elsewhere) == "2026-05-04T03:02:01.000020Z"


def test_a_released_record_is_free_for_everybody_at_once() -> None:
    record = lease.released(replace(OTHERS, holder="me"), WALL)

    assert (record.holder, record.duration_seconds, record.transitions) == ("", 1, 3)
    assert lease.decide(ME, sighting(record, since=0.0), now=0.0, wall=WALL).move is Move.TAKE


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param({}, id="without spec"),
        pytest.param({"spec": None}, id="null spec"),
        pytest.param({"spec": {"holderIdentity": 5, "leaseDurationSeconds": "x"}}, id="odd types"),
        pytest.param({"spec": {"leaseDurationSeconds": True, "leaseTransitions": -1}}, id="odd numbers"),
    ],
)
def test_a_lease_that_says_nothing_useful_is_held_by_nobody(raw: dict[str, object]) -> None:
    assert lease.read(raw) == LeaseRecord()


def test_writing_keeps_what_others_put_on_the_lease() -> None:
    before = {
        "metadata": {"name": "lock", "namespace": "ops", "resourceVersion": "9", "labels": {"a": "b"}},
        "spec": {"holderIdentity": "other", "strategy": "OldestEmulationVersion"},
    }

    body = lease.body(REF, replace(OTHERS, holder="me"), before)

    assert body["metadata"] == before["metadata"]
    assert body["spec"]["strategy"] == "OldestEmulationVersion"
    assert lease.read(body) == replace(OTHERS, holder="me")


def test_the_lease_lasts_no_shorter_than_its_holder_was_told() -> None:
    candidate = Candidate(identity="a", lease_duration=2.4)
    decision = lease.decide(candidate, None, now=0.0, wall=datetime(2026, 1, 1, tzinfo=UTC))

    assert decision.record is not None
    assert decision.record.duration_seconds == 3
