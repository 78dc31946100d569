"""Versions that go back to a lower number."""

from __future__ import annotations

import pytest

from secrets_manager.backends.base import Reading, Source
from secrets_manager.backends.vault.version_guard import VersionGuard
from secrets_manager.domain.errors import SourceOutdated
from tests.builders import Clock

PERIOD = 60.0


def at(version: str, path: str = "secret/data/app") -> Reading:
    return Reading(Source(path), version, {"a": "1"})


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def guard(clock: Clock) -> VersionGuard:
    return VersionGuard(poll_period=PERIOD, clock=clock)


def test_versions_that_rise_or_stay_are_used(guard: VersionGuard) -> None:
    for version in ("1", "2", "2", "10"):
        guard.admit(at(version))


def test_a_lower_version_is_not_used_at_once(guard: VersionGuard) -> None:
    guard.admit(at("10"))

    with pytest.raises(SourceOutdated, match="older version"):
        guard.admit(at("9"))


def test_a_lower_version_is_believed_in_the_third_poll(guard: VersionGuard, clock: Clock) -> None:
    guard.admit(at("5"))
    for _ in range(2):
        with pytest.raises(SourceOutdated):
            guard.admit(at("3"))
        clock.now += PERIOD

    guard.admit(at("3"))
    guard.admit(at("3"))


def test_retries_between_two_polls_count_as_one_poll(guard: VersionGuard, clock: Clock) -> None:
    guard.admit(at("5"))
    for _ in range(10):
        with pytest.raises(SourceOutdated):
            guard.admit(at("3"))
        clock.now += PERIOD / 20


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param(["3", "4"], id="two servers in turn, neither of which has the newest"),
        pytest.param(
            [str(version) for version in range(3, 80)], id="a restored path that is written at each poll"
        ),
    ],
)
def test_versions_that_stay_low_and_never_the_same_are_believed_in_the_tenth_poll(
    guard: VersionGuard, clock: Clock, answers: list[str]
) -> None:
    guard.admit(at("100"))
    answers = answers * 10
    for answer in answers[:9]:
        for _ in range(3):
            with pytest.raises(SourceOutdated):
                guard.admit(at(answer))
            clock.now += 1.0
        clock.now += PERIOD - 3.0

    guard.admit(at(answers[9]))


def test_lower_versions_with_the_highest_in_between_are_never_accepted(
    guard: VersionGuard, clock: Clock
) -> None:
    guard.admit(at("100"))
    for _ in range(10):
        for answer in ("97", "98", "97", "99", "96"):
            with pytest.raises(SourceOutdated):
                guard.admit(at(answer))
            clock.now += PERIOD
        guard.admit(at("100"))


def test_a_lower_version_is_seen_from_its_own_first_sight_on(guard: VersionGuard, clock: Clock) -> None:
    guard.admit(at("100"))
    for answer, seconds in (("3", PERIOD * 0.49), ("4", 1.0), ("4", PERIOD / 2), ("4", 0.0)):
        with pytest.raises(SourceOutdated):
            guard.admit(at(answer))
        clock.now += seconds


def test_a_standby_that_catches_up_is_not_counted(guard: VersionGuard, clock: Clock) -> None:
    guard.admit(at("5"))
    for _ in range(3):
        for _ in range(2):
            with pytest.raises(SourceOutdated):
                guard.admit(at("4"))
            clock.now += PERIOD
        guard.admit(at("5"))


def test_a_path_that_was_gone_may_start_again_at_version_one(guard: VersionGuard) -> None:
    guard.admit(at("5"))
    guard.forget("secret/data/app")

    guard.admit(at("1"))


def test_paths_are_counted_apart(guard: VersionGuard) -> None:
    guard.admit(at("5"))

    guard.admit(at("1", "secret/data/other"))


def test_a_reading_without_version_is_always_used(guard: VersionGuard) -> None:
    for _ in range(2):
        guard.admit(at(""))


def test_the_memory_of_paths_is_bounded() -> None:
    guard = VersionGuard(poll_period=PERIOD, most_paths=10)
    for number in range(100):
        guard.admit(at("5", f"secret/data/{number}"))

    assert len(guard._highest) <= 10


@pytest.mark.parametrize(
    ("read", "deleted"),
    [("7", "7"), ("7", "8"), ("", "7"), ("7", "5"), ("7", "")],
    ids=["read", "newer", "never read", "told by a lagging standby", "without a version"],
)
def test_a_deleted_version_does_not_make_an_older_one_usable(
    guard: VersionGuard, read: str, deleted: str
) -> None:
    if read:
        guard.admit(at(read))
    guard.record_deletion("secret/data/app", deleted)

    with pytest.raises(SourceOutdated):
        guard.admit(at("6"))
    # It may have been undeleted.
    guard.admit(at(max(read, deleted)))


EARLY, LATE = "2026-01-01T00:00:00.000000000", "2026-01-01T00:00:01.000000000"
LATER = "2026-01-01T00:00:02.000000000"


def test_a_standby_that_does_not_know_a_path_yet_does_not_make_an_older_version_usable(
    guard: VersionGuard,
) -> None:
    guard.admit(at("7"), LATE)
    guard.forget("secret/data/app")

    with pytest.raises(SourceOutdated):
        guard.admit(at("6"), EARLY)


def test_a_version_made_after_the_path_was_gone_is_used_at_once(guard: VersionGuard) -> None:
    guard.admit(at("7"), EARLY)
    guard.forget("secret/data/app")

    guard.admit(at("3"), LATE)
    with pytest.raises(SourceOutdated):
        guard.admit(at("2"), LATE)


def test_a_reply_without_a_time_is_not_newer_than_one_with_a_time(guard: VersionGuard) -> None:
    guard.admit(at("7"), LATE)
    guard.forget("secret/data/app")

    for version in ("6", ""):
        with pytest.raises(SourceOutdated):
            guard.admit(at(version))


@pytest.mark.parametrize("read", [True, False])
def test_a_deleted_version_and_a_gap_make_no_older_version_usable(guard: VersionGuard, *, read: bool) -> None:
    if read:
        guard.admit(at("7"), EARLY)
    guard.record_deletion("secret/data/app", "8", LATER)
    guard.forget("secret/data/app")

    with pytest.raises(SourceOutdated):
        guard.admit(at("6"), LATE)


@pytest.mark.parametrize("seen", [True, False], ids=["seen to be gone", "not seen to be gone"])
@pytest.mark.parametrize("version", ["9", "2", "1"], ids=["higher", "equal", "lower"])
def test_no_version_of_the_former_life_of_a_path_is_used_at_once_whatever_its_number(
    guard: VersionGuard, clock: Clock, version: str, *, seen: bool
) -> None:
    guard.admit(at("9"), LATE)
    if seen:
        guard.forget("secret/data/app")
    else:
        for _ in range(2):
            with pytest.raises(SourceOutdated):
                guard.admit(at("1"), LATER)
            clock.now += PERIOD
    for created in ("1", "2", "2"):
        guard.admit(at(created), LATER)

    # A standby that has not heard of it answers in turn with the active node.
    for _ in range(2 * 3):
        for gone in (False, True):
            if gone:
                guard.record_deletion("secret/data/app", version, LATE)
            with pytest.raises(SourceOutdated):
                guard.admit(at(version), EARLY if version != "9" else LATE)
        clock.now += PERIOD
        guard.admit(at("2"), LATER)


def test_a_former_life_that_was_restored_is_believed_in_the_third_poll_and_goes_on(
    guard: VersionGuard, clock: Clock
) -> None:
    guard.admit(at("9"), EARLY)
    guard.forget("secret/data/app")
    guard.admit(at("1"), LATE)
    for _ in range(2):
        with pytest.raises(SourceOutdated):
            guard.admit(at("9"), EARLY)
        clock.now += PERIOD

    guard.admit(at("9"), EARLY)
    guard.admit(at("10"), LATER)


def test_a_backup_that_was_restored_is_believed_in_the_third_poll_after_a_gap_too(
    guard: VersionGuard, clock: Clock
) -> None:
    guard.admit(at("7"), LATE)
    guard.forget("secret/data/app")
    for _ in range(2):
        with pytest.raises(SourceOutdated):
            guard.admit(at("6"), EARLY)
        clock.now += PERIOD

    guard.admit(at("6"), EARLY)


def test_many_paths_push_out_what_was_not_seen_for_longest() -> None:
    guard = VersionGuard(poll_period=PERIOD, most_paths=10)
    guard.admit(at("7", "secret/data/old"))
    guard.admit(at("7"))
    for number in range(100):
        guard.admit(at("5", f"secret/data/{number}"))
        # What is polled stays.
        guard.admit(at("7"))

    with pytest.raises(SourceOutdated):
        guard.admit(at("6"))
    guard.admit(at("6", "secret/data/old"))


def test_a_lower_version_that_is_not_believed_yet_takes_no_more_memory() -> None:
    guard = VersionGuard(poll_period=PERIOD, most_paths=10)
    for number in range(10):
        guard.admit(at("5", f"secret/data/{number}"))
    for _ in range(3):
        for number in range(10):
            with pytest.raises(SourceOutdated):
                guard.admit(at("4", f"secret/data/{number}"))

    assert len(guard._highest) == 10
