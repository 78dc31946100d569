"""Versions that go back."""

from __future__ import annotations

import pytest

from secrets_manager.backends.base import Reading, Source
from secrets_manager.backends.vault.lateness import VersionGuard
from secrets_manager.domain.errors import SourceOutdated
from tests.unit.backends.vault.doubles import Hand

PERIOD = 60.0


def at(version: str, path: str = "secret/data/app") -> Reading:
    return Reading(Source(path), version, {"a": "1"})


@pytest.fixture
def clock() -> Hand:
    return Hand()


@pytest.fixture
def guard(clock: Hand) -> VersionGuard:
    return VersionGuard(poll_period=PERIOD, clock=clock)


def test_versions_that_rise_or_stay_are_used(guard: VersionGuard) -> None:
    for version in ("1", "2", "2", "10"):
        guard.admit(at(version))


def test_a_lower_version_is_not_used_at_once(guard: VersionGuard) -> None:
    guard.admit(at("10"))

    with pytest.raises(SourceOutdated, match="older version"):
        guard.admit(at("9"))


def test_a_lower_version_is_believed_in_the_third_poll(guard: VersionGuard, clock: Hand) -> None:
    guard.admit(at("5"))
    for _ in range(2):
        with pytest.raises(SourceOutdated):
            guard.admit(at("3"))
        clock.now += PERIOD

    guard.admit(at("3"))
    guard.admit(at("3"))


def test_retries_between_two_polls_count_as_one(guard: VersionGuard, clock: Hand) -> None:
    guard.admit(at("5"))
    for _ in range(10):
        with pytest.raises(SourceOutdated):
            guard.admit(at("3"))
        clock.now += PERIOD / 20


def test_a_standby_that_catches_up_is_not_counted(guard: VersionGuard, clock: Hand) -> None:
    guard.admit(at("5"))
    for _ in range(3):
        for _ in range(2):
            with pytest.raises(SourceOutdated):
                guard.admit(at("4"))
            clock.now += PERIOD
        guard.admit(at("5"))


def test_a_path_that_was_gone_may_start_anew(guard: VersionGuard) -> None:
    guard.admit(at("5"))
    guard.forget("secret/data/app")

    guard.admit(at("1"))


def test_paths_are_counted_apart(guard: VersionGuard) -> None:
    guard.admit(at("5"))

    guard.admit(at("1", "secret/data/other"))


def test_what_has_no_version_is_always_used(guard: VersionGuard) -> None:
    for _ in range(2):
        guard.admit(at(""))


def test_the_memory_of_paths_is_bounded() -> None:
    guard = VersionGuard(poll_period=PERIOD, most_paths=10)
    for number in range(100):
        guard.admit(at("5", f"secret/data/{number}"))

    assert len(guard._highest) <= 10
