"""The clock of the replica that leads, judged by its renewals: said once, and only when it is certain."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from secrets_manager.cluster.lead.clock_skew import ClockSkew, behind
from secrets_manager.cluster.lead.lease import LeaseRecord, Sighting, micro_time

WALL = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
MESSAGE = "the clock of the replica that leads differs from ours"


class Standby:
    """Sees the Lease every two seconds, renewed by ``holder`` with a clock that is off."""

    def __init__(self) -> None:
        self.skew = ClockSkew("me")
        self.seen: Sighting | None = None
        self.now = 100.0

    def see(self, *, off: float = 0.0, holder: str = "other", after: float = 2.0) -> None:
        self.now += after
        wall = WALL + timedelta(seconds=self.now)
        record = LeaseRecord(holder=holder, renew_time=micro_time(wall + timedelta(seconds=off)))
        seen = Sighting(record=record, since=self.now, resource_version="1")
        self.skew.compare(self.seen, seen, now=self.now, wall=wall)
        self.seen = seen


def told(caplog: pytest.LogCaptureFixture) -> list[int]:
    return [record.__dict__["seconds"] for record in caplog.records if record.message == MESSAGE]


@pytest.mark.parametrize("off", [-31.0, 31.0, -86400.0])
def test_a_clock_that_is_off_by_more_than_half_a_minute_is_reported_once(
    off: float, caplog: pytest.LogCaptureFixture
) -> None:
    standby = Standby()
    for _ in range(4):
        standby.see(off=off)

    assert told(caplog) == [round(-off)]


def test_a_clock_that_is_off_a_little_is_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    standby = Standby()
    for off in (0.0, 29.0, -29.0):
        standby.see(off=off)

    assert told(caplog) == []


def test_the_first_sight_says_nothing_since_the_renewal_may_be_old(caplog: pytest.LogCaptureFixture) -> None:
    Standby().see(off=-3600.0)

    assert told(caplog) == []


def test_after_a_pause_of_our_own_the_renewal_may_be_old_too(caplog: pytest.LogCaptureFixture) -> None:
    standby = Standby()
    standby.see()
    standby.see(off=-40.0, after=60.0)

    assert told(caplog) == []


def test_the_clock_of_another_holder_is_reported_again(caplog: pytest.LogCaptureFixture) -> None:
    standby = Standby()
    for holder in ("one", "one", "two", "one"):
        standby.see(off=60.0, holder=holder)

    assert told(caplog) == [-60, -60, -60]


def test_our_own_renewals_and_a_released_lease_are_no_matter(caplog: pytest.LogCaptureFixture) -> None:
    standby = Standby()
    for holder in ("me", "me", "", "me"):
        standby.see(off=600.0, holder=holder)

    assert told(caplog) == []


@pytest.mark.parametrize("text", ["", "then", "2026-05-04T03:02:01", "9" * 40])
def test_a_value_that_is_no_time_says_nothing_about_the_clock(text: str) -> None:
    assert behind(text, WALL) is None
