"""Which definitions are tried when, while the API server is away and when it is back."""

from __future__ import annotations

import pytest

from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import (
    BackendUnavailable,
    ClusterUnauthorized,
    ClusterUnavailable,
    Conflict,
    KeyNotFound,
    SecretsManagerError,
)
from secrets_manager.sync.queue.parked import ParkedForCluster
from tests.unit.sync.doubles import FakeClock

A, B, C = (Ref("team", name) for name in "abc")
AWAY = ClusterUnavailable("no connection")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def parked(clock: FakeClock) -> ParkedForCluster:
    made = ParkedForCluster(clock)
    for ref in (A, B, C):
        made.note(ref, AWAY)
    return made


def test_no_definition_is_tried_before_anything_shows_that_the_api_server_answers(
    parked: ParkedForCluster, clock: FakeClock
) -> None:
    clock.advance(3600)

    assert parked.due() == []


def test_the_first_that_gets_through_takes_the_others_along(parked: ParkedForCluster) -> None:
    parked.note(B, None)

    assert parked.due() == [A, C]
    assert parked.due() == []


def test_word_that_the_api_server_is_back_lets_all_be_tried(parked: ParkedForCluster) -> None:
    parked.answered()

    assert parked.due() == [A, B, C]


def test_the_success_of_a_definition_that_was_never_parked_releases_no_other(
    parked: ParkedForCluster,
) -> None:
    parked.note(Ref("team", "d"), None)

    assert parked.due() == []


@pytest.mark.parametrize("error", [BackendUnavailable("down"), Conflict("newer"), KeyNotFound("p", "k")])
def test_another_error_ends_the_wait_and_proves_nothing(
    parked: ParkedForCluster, error: SecretsManagerError
) -> None:
    parked.note(A, error)

    assert parked.due() == []
    parked.answered()
    assert parked.due() == [B, C]


def test_a_failure_after_the_return_of_the_api_server_ends_the_release(parked: ParkedForCluster) -> None:
    parked.note(A, None)
    assert parked.due() == [B, C]
    parked.note(B, AWAY)

    assert parked.due() == []


def test_a_pause_that_the_api_server_asks_for_is_kept(parked: ParkedForCluster, clock: FakeClock) -> None:
    parked.note(A, ClusterUnavailable("busy", retry_after=20.0))
    parked.note(B, None)

    assert parked.due() == [C]
    clock.advance(19.0)
    assert parked.due() == []
    clock.advance(1.0)
    assert parked.due() == [A]


def test_an_identity_that_is_refused_for_a_while_parks_definitions_like_an_outage(clock: FakeClock) -> None:
    parked = ParkedForCluster(clock)
    parked.note(A, ClusterUnauthorized("401"))
    parked.note(B, ClusterUnauthorized("401"))
    parked.note(A, None)

    assert parked.due() == [B]


def test_a_definition_that_was_released_and_fails_again_waits_for_ten_seconds(
    parked: ParkedForCluster, clock: FakeClock
) -> None:
    parked.note(A, None)
    assert parked.due() == [B, C]
    parked.note(B, AWAY)
    parked.note(C, None)
    assert parked.due() == []
    clock.advance(9.9)
    assert parked.due() == []
    clock.advance(0.1)

    assert parked.due() == [B]


@pytest.mark.parametrize("count", [1, 3, 10, 20])
def test_pauses_begin_with_milliseconds_and_end_with_ten_seconds(count: int, clock: FakeClock) -> None:
    parked = crowd(count, clock)
    pauses = [parked.pause(failures, 1.0) for failures in range(1, 40)]

    assert pauses[0] <= 0.01 * max(1, count)
    assert sum(pauses[:9]) <= 7
    assert pauses == sorted(pauses)
    assert set(pauses[12:]) == {10.0}


@pytest.mark.parametrize("count", [100, 1000, 10_000])
def test_the_more_wait_the_longer_each_waits(count: int, clock: FakeClock) -> None:
    parked = crowd(count, clock)

    # A hundred tries in a second at first, two in the long run; but none waits for more than five minutes.
    assert parked.pause(1, 0.0) >= min(0.8 * count / 100, 0.8 * 300)
    assert parked.pause(30, 0.0) >= min(0.8 * count / 2, 0.8 * 300)
    assert parked.pause(10_000, 1.0) <= 300


def crowd(count: int, clock: FakeClock) -> ParkedForCluster:
    made = ParkedForCluster(clock)
    for number in range(count):
        made.note(Ref("team", f"app-{number}"), AWAY)
    return made


def test_a_definition_that_is_gone_is_not_tried_again(parked: ParkedForCluster) -> None:
    parked.forget(B)
    parked.answered()

    assert parked.due() == [A, C]
