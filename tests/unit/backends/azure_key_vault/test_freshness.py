"""The sources that have changed according to a list of properties."""

from __future__ import annotations

from dataclasses import replace

import pytest

from secrets_manager.backends.azure_key_vault.freshness import (
    Absence,
    Freshness,
    LastRead,
    Properties,
    is_settled,
)
from secrets_manager.backends.azure_key_vault.objects import locate
from secrets_manager.backends.azure_key_vault.readings import Validity
from secrets_manager.backends.base import Source
from tests.unit.backends.tables import rows

APP = locate("app")
LIKE = Properties(enabled=True, updated=100.0, validity=Validity())
SEEN = LastRead(found=LIKE)


def stale(
    sight: LastRead | None, shown: Properties | None, *, now: float = 1000.0, source: Source = APP
) -> bool:
    freshness = Freshness()
    if sight is not None:
        freshness.record(source, sight)
    listed = {} if shown is None else {"app": shown}
    return freshness.stale([source], listed, now) == {source}


@pytest.mark.parametrize(
    ("sight", "shown", "again"),
    rows(
        {
            "as it was": (SEEN, LIKE, False),
            "never read": (None, LIKE, True),
            "never read, and not there": (None, None, True),
            "changed": (SEEN, replace(LIKE, updated=101.0), True),
            "brought back from a backup": (SEEN, replace(LIKE, updated=99.0), True),
            "switched off": (SEEN, replace(LIKE, enabled=False), True),
            "given an end": (SEEN, replace(LIKE, validity=Validity(expires=5.0)), True),
            "gone": (SEEN, None, True),
            "read in the second of its change": (LastRead(found=LIKE, settled=False), LIKE, True),
            "not there, as before": (LastRead(found=Absence.GONE), None, False),
            "there again": (LastRead(found=Absence.GONE), LIKE, True),
            "off, as before": (LastRead(found=Absence.DISABLED), replace(LIKE, enabled=False), False),
            "on again": (LastRead(found=Absence.DISABLED), LIKE, True),
            "off, and gone now": (LastRead(found=Absence.DISABLED), None, True),
        }
    ),
)
def test_a_source_is_read_again_when_the_list_does_not_show_what_was_read(
    sight: LastRead | None, shown: Properties | None, again: object
) -> None:
    assert stale(sight, shown) is again


def test_a_list_says_nothing_of_older_versions() -> None:
    assert stale(SEEN, LIKE, source=locate("app/0123"))


def test_names_are_compared_without_case() -> None:
    assert not stale(SEEN, LIKE, source=locate("APP"))


def test_a_certificate_is_listed_by_its_name() -> None:
    assert not stale(SEEN, LIKE, source=locate("certificates/app"))


@pytest.mark.parametrize(
    ("validity", "now", "again"),
    rows(
        {
            "not over yet": (Validity(expires=2000.0), 1000.0, False),
            "over since": (Validity(expires=2000.0), 2000.0, True),
            "not begun, at the reading and now": (Validity(not_before=2000.0), 1000.0, False),
            "begun since": (Validity(not_before=2000.0), 2000.0, True),
        }
    ),
)
def test_the_end_of_a_secret_s_time_is_noticed_without_a_change(
    validity: Validity, now: float, again: object
) -> None:
    shown = replace(LIKE, validity=validity)
    at_reading = LastRead(found=shown, caution=validity.caution("app", 1000.0))

    assert stale(at_reading, shown, now=now) is again


def test_a_source_whose_last_read_failed_is_read_each_time() -> None:
    freshness = Freshness()
    freshness.record(APP, SEEN)
    freshness.forget(APP)

    assert freshness.stale([APP], {"app": LIKE}, 1000.0) == {APP}


def test_a_source_that_is_no_longer_used_is_forgotten() -> None:
    freshness = Freshness()
    other = locate("other")
    freshness.record(APP, SEEN)
    freshness.record(other, SEEN)

    assert freshness.keep_only([APP]) == {other}
    assert freshness.keep_only([APP]) == set()
    assert freshness.stale([APP], {"app": LIKE}, 1000.0) == frozenset()


@pytest.mark.parametrize(
    ("updated", "began_at", "settled"),
    rows(
        {
            "in the very second": (100.0, 100.9, False),
            "in the next one, by clocks that may differ": (100.0, 102.9, False),
            "clearly later": (100.0, 103.0, True),
            "before the change, by a clock that is wrong": (100.0, 50.0, False),
            "a change without date": (None, 200.0, False),
            "a vault without clock": (100.0, None, False),
        }
    ),
)
def test_a_reading_counts_once_its_second_is_surely_over(
    updated: float | None, began_at: float | None, settled: object
) -> None:
    assert is_settled(updated, began_at=began_at) is settled
