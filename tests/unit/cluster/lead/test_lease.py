"""Decisions about a Lease: client-go's cases as a table."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from secrets_manager.cluster.lead import lease
from secrets_manager.cluster.lead.lease import Candidate, LeaseRecord, Move, Sighting
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
def test_each_state_of_a_lease_has_its_decision(
    seen: Sighting | None, now: float, move: Move, reason: str
) -> None:
    decision = lease.decide(ME, seen, now=now, wall=WALL)

    assert (decision.move, decision.reason) == (move, reason)


@pytest.mark.parametrize(
    ("holder", "now", "term", "transitions"), [("them", 200.0, STAMP, 4), ("me", 101.0, "then", 3)]
)
def test_taking_over_counts_a_transition_and_starts_a_term_that_renewing_keeps(
    holder: str, now: float, term: str, transitions: int
) -> None:
    record = lease.decide(ME, sighting(replace(OTHERS, holder=holder)), now=now, wall=WALL).record

    assert record == LeaseRecord(
        holder="me", duration_seconds=15, acquire_time=term, renew_time=STAMP, transitions=transitions
    )


def test_the_wall_clock_of_the_holder_does_not_matter() -> None:
    for hours in (-1, 1):
        skewed = replace(OTHERS, renew_time=lease.micro_time(WALL + timedelta(hours=hours)))

        assert lease.decide(ME, sighting(skewed), now=110.0, wall=WALL).move is Move.WAIT
        assert lease.decide(ME, sighting(skewed), now=116.0, wall=WALL).move is Move.TAKE


def test_an_unchanged_record_keeps_the_time_of_its_first_sighting() -> None:
    first = lease.sighting_after(None, OTHERS, "1", now=5.0)

    assert lease.sighting_after(first, OTHERS, "2", now=9.0) == Sighting(
        record=OTHERS, since=5.0, resource_version="2"
    )


def test_a_changed_record_starts_the_time_again() -> None:
    first = lease.sighting_after(None, OTHERS, "1", now=5.0)

    assert lease.sighting_after(first, replace(OTHERS, renew_time="now"), "2", now=9.0).since == 9.0


def test_micro_time_has_six_digits_and_is_in_utc() -> None:
    elsewhere = datetime(2026, 5, 4, 5, 2, 1, 20, tzinfo=timezone(timedelta(hours=2)))

    assert lease.micro_time(elsewhere) == "2026-05-04T03:02:01.000020Z"


def test_a_released_record_is_free_for_everybody_at_once() -> None:
    record = lease.give_up(replace(OTHERS, holder="me"), WALL)

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
def test_a_lease_without_a_usable_spec_has_no_holder(raw: dict[str, object]) -> None:
    assert lease.record_of(raw) == LeaseRecord()


def test_writing_keeps_what_others_put_on_the_lease() -> None:
    before = {
        "metadata": {"name": "lock", "namespace": "ops", "resourceVersion": "9", "labels": {"a": "b"}},
        "spec": {"holderIdentity": "other", "strategy": "OldestEmulationVersion"},
    }

    body = lease.body(REF, replace(OTHERS, holder="me"), before)

    assert body["metadata"] == before["metadata"]
    assert body["spec"]["strategy"] == "OldestEmulationVersion"
    assert lease.record_of(body) == replace(OTHERS, holder="me")


def test_the_written_lease_duration_is_never_shorter_than_the_setting() -> None:
    candidate = Candidate(identity="a", lease_duration=2.4)
    decision = lease.decide(candidate, None, now=0.0, wall=datetime(2026, 1, 1, tzinfo=UTC))

    assert decision.record is not None
    assert decision.record.duration_seconds == 3
