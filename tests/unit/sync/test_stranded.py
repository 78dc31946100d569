"""Who is tried when, while the API server is away and when it is back."""

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
from secrets_manager.sync.stranded import Stranded
from tests.unit.sync.doubles import FakeClock

A, B, C = (Ref("team", name) for name in "abc")
AWAY = ClusterUnavailable("no connection")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def stranded(clock: FakeClock) -> Stranded:
    made = Stranded(clock)
    for ref in (A, B, C):
        made.note(ref, AWAY)
    return made


def test_nobody_is_tried_before_anything_shows_that_the_api_server_answers(
    stranded: Stranded, clock: FakeClock
) -> None:
    clock.advance(3600)

    assert stranded.due() == []


def test_the_first_that_gets_through_takes_the_others_along(stranded: Stranded) -> None:
    stranded.note(B, None)

    assert stranded.due() == [A, C]
    assert stranded.due() == []


def test_word_that_the_api_server_is_back_lets_all_be_tried(stranded: Stranded) -> None:
    stranded.answered()

    assert stranded.due() == [A, B, C]


def test_what_was_never_stranded_proves_nothing_when_it_goes_well(stranded: Stranded) -> None:
    stranded.note(Ref("team", "d"), None)

    assert stranded.due() == []


@pytest.mark.parametrize("error", [BackendUnavailable("down"), Conflict("newer"), KeyNotFound("p", "k")])
def test_another_error_ends_the_wait_and_proves_nothing(
    stranded: Stranded, error: SecretsManagerError
) -> None:
    stranded.note(A, error)

    assert stranded.due() == []
    stranded.answered()
    assert stranded.due() == [B, C]


def test_who_fails_after_the_return_ends_it(stranded: Stranded) -> None:
    stranded.note(A, None)
    assert stranded.due() == [B, C]
    stranded.note(B, AWAY)

    assert stranded.due() == []


def test_a_pause_that_the_api_server_asks_for_is_kept(stranded: Stranded, clock: FakeClock) -> None:
    stranded.note(A, ClusterUnavailable("busy", retry_after=20.0))
    stranded.note(B, None)

    assert stranded.due() == [C]
    clock.advance(19.0)
    assert stranded.due() == []
    clock.advance(1.0)
    assert stranded.due() == [A]


def test_an_identity_that_is_refused_for_a_while_is_such_an_outage(clock: FakeClock) -> None:
    stranded = Stranded(clock)
    stranded.note(A, ClusterUnauthorized("401"))
    stranded.note(B, ClusterUnauthorized("401"))
    stranded.note(A, None)

    assert stranded.due() == [B]


def test_what_is_gone_is_not_tried(stranded: Stranded) -> None:
    stranded.forget(B)
    stranded.answered()

    assert stranded.due() == [A, C]
