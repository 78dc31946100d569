"""What a standby must have seen before it takes a Lease, look by look."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from secrets_manager.cluster.lead import lease_view
from secrets_manager.cluster.lead.lease import Candidate, LeaseRecord, Move
from secrets_manager.cluster.lead.lease_view import LeaseLook, View
from secrets_manager.cluster.lead.pledge import Pledge

ME = Candidate(identity="me", lease_duration=15.0, takeover_delay=15.0, longest_gap=3.4)
WALL = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
PLEDGE = Pledge(identity="other", secret="drawn")
HELD = LeaseRecord(holder="other", duration_seconds=15, renew_time="t0", transitions=3, pledge=PLEDGE.of(3))
GIVEN_UP = replace(HELD, holder="", duration_seconds=1, receipt=PLEDGE.receipt())
EMPTIED = replace(HELD, holder="")


class Looks:
    """A process that looks at the Lease every two seconds."""

    def __init__(self) -> None:
        self.view = View()
        self.now = 100.0
        self._version = 0

    def see(
        self, record: LeaseRecord | None, *, uid: str = "u1", after: float = 2.0, written: bool = True
    ) -> Move:
        """One look, and what the process would do."""
        self.now += after
        look = LeaseLook(asked=self.now, answered=self.now, uid=uid)
        if record is None:
            self.view = lease_view.after_absence(self.view, look)
        else:
            self._version += written
            self.view = lease_view.after_look(self.view, record, str(self._version), look, ME)
        return lease_view.decide_as_standby(ME, self.view, now=self.now, wall=WALL).move

    def see_for(self, seconds: float, record: LeaseRecord, *, written: bool = True) -> Move:
        """Look every two seconds for so long."""
        move, ends = Move.WAIT, self.now + seconds
        while self.now < ends:
            move = self.see(record, written=written)
        return move


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(EMPTIED, id="emptied"),
        pytest.param(LeaseRecord(), id="without a spec"),
        pytest.param(replace(HELD, duration_seconds=1), id="shortened"),
        pytest.param(replace(HELD, duration_seconds=0), id="of no duration"),
        pytest.param(replace(HELD, holder="me"), id="in my name"),
        pytest.param(replace(GIVEN_UP, receipt="guessed other"), id="with a receipt that does not fit"),
        pytest.param(replace(GIVEN_UP, transitions=4), id="with the receipt of another term"),
        pytest.param(replace(GIVEN_UP, pledge=""), id="with a receipt and without its pledge"),
    ],
)
def test_a_lease_that_was_held_and_reads_otherwise_is_left_alone_for_a_lease_of_our_own(
    found: LeaseRecord,
) -> None:
    looks = Looks()
    looks.see(HELD)

    assert looks.see(found) is Move.WAIT
    assert looks.see_for(14.0, found, written=False) is Move.WAIT
    assert looks.see(found, written=False) is not Move.WAIT


def test_a_standby_leaves_a_lease_alone_that_is_written_again_and_again() -> None:
    looks = Looks()
    looks.see(HELD)

    assert looks.see_for(60.0, EMPTIED) is Move.WAIT
    assert looks.see_for(60.0, HELD) is Move.WAIT, "the same record, put back after each renewal"


def test_a_duration_in_the_record_that_is_longer_than_our_own_counts() -> None:
    looks = Looks()
    longer = replace(HELD, duration_seconds=60)
    looks.see(longer)

    assert looks.see_for(56.0, longer, written=False) is Move.WAIT
    assert looks.see_for(4.0, longer, written=False) is Move.TAKE


def test_a_lease_that_was_given_up_is_taken_at_once() -> None:
    looks = Looks()
    looks.see(HELD)

    assert looks.see(GIVEN_UP) is Move.TAKE
    assert lease_view.may_lead(ME, looks.view, now=looks.now)


def test_a_process_that_starts_believes_a_receipt() -> None:
    assert Looks().see(GIVEN_UP) is Move.TAKE


def test_a_process_that_starts_leaves_an_emptied_lease_alone() -> None:
    looks = Looks()

    assert looks.see(EMPTIED) is Move.WAIT


def test_a_receipt_is_good_for_the_object_in_which_it_was_pledged_only() -> None:
    looks = Looks()
    looks.see(HELD, uid="u1")

    assert looks.see(GIVEN_UP, uid="u2") is Move.WAIT


def test_a_receipt_does_not_hold_when_another_held_the_lease_meanwhile() -> None:
    looks = Looks()
    looks.see(HELD)
    looks.see(replace(HELD, holder="third", pledge="of the third"))

    assert looks.see(GIVEN_UP) is Move.WAIT


def test_a_holder_that_came_under_our_eyes_is_believed_after_a_while() -> None:
    stranger = Pledge(identity="stranger", secret="known")
    held = LeaseRecord(holder="stranger", duration_seconds=15, transitions=4, pledge=stranger.of(4))
    given_up = replace(held, holder="", receipt=stranger.receipt())
    soon, late = Looks(), Looks()
    for looks in (soon, late):
        looks.see(HELD)
        looks.see(held)

    soon.see_for(10.0, held)
    late.see_for(16.0, held)

    assert soon.see(given_up) is Move.WAIT
    assert late.see(given_up) is Move.TAKE


def test_a_process_that_did_not_look_for_a_while_believes_no_receipt() -> None:
    looks = Looks()
    looks.see(HELD)

    assert looks.see(GIVEN_UP, after=3.5) is Move.WAIT


def test_the_first_lease_of_all_is_made_at_once_and_led_by() -> None:
    looks = Looks()

    assert looks.see(None) is Move.TAKE
    assert lease_view.may_lead(ME, looks.view, now=looks.now)


def test_a_lease_that_vanished_is_left_to_the_last_leader_and_then_claimed() -> None:
    looks = Looks()
    looks.see(HELD)

    assert looks.see(None) is Move.WAIT
    assert looks.see(None) is Move.WAIT
    assert looks.see(None) is Move.TAKE
    assert not lease_view.may_lead(ME, looks.view, now=looks.now)


def test_a_claim_becomes_a_lead_after_a_lease_duration_without_foreign_writes() -> None:
    looks = Looks()
    looks.see(HELD)
    looks.see(None)
    mine = replace(HELD, holder="me")
    made = looks.now
    looks.view = lease_view.after_write(
        looks.view, mine, "50", LeaseLook(asked=made, answered=made, uid="u2")
    )
    later = lease_view.after_write(
        looks.view, mine, "51", LeaseLook(asked=made + 2, answered=made + 2, uid="u2")
    )

    assert lease_view.decide_as_standby(ME, later, now=made + 2, wall=WALL).move is Move.RENEW
    assert not lease_view.may_lead(ME, later, now=made + 14.9)
    assert lease_view.may_lead(ME, later, now=made + 15.0)


def test_a_claim_begins_again_after_a_foreign_write() -> None:
    looks = Looks()
    looks.see(HELD)
    looks.see(None)
    mine = replace(HELD, holder="me")
    looks.view = lease_view.after_write(
        looks.view, mine, "50", LeaseLook(asked=looks.now, answered=looks.now, uid="u2")
    )

    assert looks.see(mine, uid="u2", after=14.0) is Move.WAIT
    assert not lease_view.may_lead(ME, looks.view, now=looks.now + 14.9)
