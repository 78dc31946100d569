"""How often a login may be tried."""

from __future__ import annotations

import pytest

from secrets_manager.backends.shared.login_pace import LoginPace
from secrets_manager.domain.errors import AuthFailed, BackendFault, BackendThrottled, BackendUnavailable
from tests.unit.backends.vault.doubles import Hand

DOWN = BackendUnavailable("down")


def pause_after(fault: BackendFault, *, failures: int = 1, jitter: float = 1.0) -> float:
    """Seconds until a login is allowed after so many failures in a row, found by asking."""
    clock = Hand()
    pace = LoginPace(clock, lambda: jitter)
    for _ in range(failures):
        pace.failed(fault)
    start = clock.now
    while True:
        try:
            pace.check()
        except BackendFault:
            clock.now += 0.5
        else:
            return clock.now - start


def test_the_first_login_is_tried_at_once() -> None:
    LoginPace(Hand(), lambda: 1.0).check()


def test_refused_credentials_are_not_shown_again_within_half_a_minute() -> None:
    assert pause_after(AuthFailed("no")) == 30


@pytest.mark.parametrize(("failures", "pause"), [(1, 1), (2, 2), (3, 4), (5, 16), (6, 30), (5000, 30)])
def test_an_outage_is_tried_ever_more_seldom(failures: int, pause: float) -> None:
    assert pause_after(DOWN, failures=failures) == pause


def test_the_pause_is_spread() -> None:
    assert pause_after(DOWN, failures=6, jitter=0.0) == 15


def test_the_pause_that_the_server_asks_for_is_kept_within_bounds() -> None:
    assert pause_after(BackendThrottled("slow", retry_after=12)) == 12
    assert pause_after(BackendThrottled("slow", retry_after=3600)) == 30


def test_meanwhile_everybody_is_told_the_last_fault() -> None:
    pace = LoginPace(Hand(), lambda: 1.0)
    pace.failed(BackendThrottled("slow", retry_after=5))

    with pytest.raises(BackendThrottled, match="slow") as caught:
        pace.check()
    assert caught.value.retry_after == 5


def test_what_is_kept_of_a_fault_holds_no_frames() -> None:
    pace = LoginPace(Hand(), lambda: 1.0)
    try:
        raise DOWN from ValueError("the body of the login")
    except BackendFault as fault:
        pace.failed(fault)

    assert pace._fault == DOWN
    assert (pace._fault.__traceback__, pace._fault.__cause__) == (None, None)
    with pytest.raises(BackendUnavailable) as told:
        pace.check()
    assert told.value.__cause__ is None


def test_only_a_refusal_is_beyond_hope() -> None:
    pace = LoginPace(Hand(), lambda: 1.0)
    assert not pace.refused()
    pace.failed(AuthFailed("no"))
    assert pace.refused()
    pace.failed(DOWN)
    assert not pace.refused()


def test_success_forgets_the_failures() -> None:
    pace = LoginPace(Hand(), lambda: 1.0)
    pace.failed(AuthFailed("no"))
    pace.succeeded()

    pace.check()


def test_only_a_change_of_fault_is_news() -> None:
    pace = LoginPace(Hand(), lambda: 1.0)

    news = [pace.failed(fault) for fault in (DOWN, DOWN, AuthFailed("no"), AuthFailed("no"), DOWN)]
    assert news == [True, False, True, False, True]
