"""Readings that are kept for a moment, for those who asked before they began."""

from __future__ import annotations

import pytest

from secrets_manager.backends.base import Reading, Source
from secrets_manager.sync.recent_readings import RecentReadings
from tests.unit.sync.doubles import FakeClock

APP = Source("app")
READING = Reading(APP, "1", {"user": "alice"})


def kept(clock: FakeClock, *, shared: bool = True) -> RecentReadings:
    return RecentReadings(lambda _: shared, clock)


@pytest.mark.parametrize(("since", "found"), [(9.0, True), (10.0, False), (11.0, False)])
def test_a_reading_is_for_those_who_asked_before_it_began(since: float, *, found: bool) -> None:
    recent = kept(FakeClock())
    recent.put(APP, READING, began_at=10.0)

    assert (recent.get(APP, since) is READING) == found


def test_what_one_definition_uses_is_not_kept() -> None:
    recent = kept(FakeClock(), shared=False)
    recent.put(APP, READING, began_at=10.0)

    assert recent.get(APP, 9.0) is None


def test_a_read_that_failed_ends_the_reading_before() -> None:
    recent = kept(FakeClock())
    recent.put(APP, READING, began_at=10.0)
    recent.put(APP, None, began_at=11.0)

    assert recent.get(APP, 9.0) is None


def test_values_are_gone_after_five_seconds() -> None:
    clock = FakeClock()
    recent = kept(clock)
    recent.put(APP, READING, began_at=clock())

    clock.advance(4.9)
    recent.let_go_of_old()
    assert recent.get(APP, 0.0) is READING
    clock.advance(0.1)
    recent.let_go_of_old()
    assert recent.get(APP, 0.0) is None


@pytest.mark.parametrize("values", [{"file": "x" * 64 * 1024, "more": "x"}, {"map": {"a": 1}}])
def test_large_values_are_not_kept(values: dict[str, object]) -> None:
    recent = kept(FakeClock())
    recent.put(APP, Reading(APP, "1", values), began_at=10.0)

    assert (recent.get(APP, 9.0) is None) == ("file" in values)


def test_no_more_than_256_readings_are_kept() -> None:
    recent = kept(FakeClock())
    for number in range(300):
        recent.put(Source(f"app-{number}"), READING, began_at=10.0)

    assert sum(recent.get(Source(f"app-{number}"), 9.0) is not None for number in range(300)) == 256
