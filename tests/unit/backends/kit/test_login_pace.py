"""How often a login may be tried."""

from __future__ import annotations

import pytest

from secrets_manager.backends.kit.login_pace import LoginPace
from secrets_manager.domain.errors import (
    AuthFailed,
    BackendFault,
    BackendThrottled,
    BackendTLS,
    BackendUnavailable,
)
from tests.builders import Clock

DOWN = BackendUnavailable("down")


def pause_after(fault: BackendFault, *, failures: int = 1, jitter: float = 1.0) -> float:
    """Seconds until a login is allowed after so many failures in a row, found by asking."""
    clock = Clock()
    pace = LoginPace(clock, lambda: jitter)
    for _ in range(failures):
        pace.record_failure(fault)
    start = clock.now
    while True:
        try:
            pace.check()
        except BackendFault:
            clock.now += 0.5
        else:
            return clock.now - start


def test_the_first_login_is_tried_at_once() -> None:
    LoginPace(Clock(), lambda: 1.0).check()


@pytest.mark.parametrize(("failures", "pause"), [(1, 5), (2, 10), (3, 30), (4, 30), (5000, 30)])
def test_refused_credentials_are_shown_again_ever_more_seldom(failures: int, pause: float) -> None:
    assert pause_after(AuthFailed("no"), failures=failures) == pause


def test_a_refusal_after_an_outage_is_the_first() -> None:
    clock = Clock()
    pace = LoginPace(clock, lambda: 1.0)
    for fault in (DOWN, DOWN, DOWN, AuthFailed("no")):
        pace.record_failure(fault)
    clock.now += 5

    pace.check()


class Shown:
    """What a login would show, and how often that was looked at."""

    def __init__(self) -> None:
        self.word = b"first"
        self.looks = 0

    def __call__(self) -> bytes:
        self.looks += 1
        return self.word


class Desk:
    """A pace with a clock and credentials that the test sets."""

    def __init__(self) -> None:
        self.clock, self.shown = Clock(), Shown()
        self.pace = LoginPace(self.clock, lambda: 1.0, self.shown)

    def may(self) -> bool:
        try:
            self.pace.check()
        except BackendFault:
            return False
        return True

    def refused(self, fault: BackendFault | None = None) -> None:
        assert self.may()
        self.pace.record_failure(fault or AuthFailed("no"))

    def logins_in(self, seconds: int, *, changing: bool) -> int:
        """Refused logins in so many seconds, tried ten times in each of them."""
        logins = 0
        for step in range(seconds * 10):
            if changing:
                self.shown.word = str(step).encode()
            if self.may():
                logins += 1
                self.pace.record_failure(AuthFailed("no"))
            self.clock.now += 0.1
        return logins


def test_other_credentials_are_shown_at_once() -> None:
    desk = Desk()
    desk.refused()
    desk.clock.now += 1
    assert not desk.may()

    desk.shown.word = b"second"
    desk.clock.now += 1
    assert desk.pace.may_retry()
    assert desk.may()


def test_other_authorities_are_trusted_at_once() -> None:
    desk = Desk()
    for _ in range(5):
        assert desk.may()
        desk.pace.record_failure(BackendTLS("certificate not accepted"))
        desk.clock.now += 60
    desk.pace.record_failure(BackendTLS("certificate not accepted"))
    desk.clock.now += 1
    assert not desk.may()

    desk.shown.word = b"second"
    desk.clock.now += 1
    assert desk.pace.may_retry()
    assert desk.may()


def test_credentials_that_are_replaced_while_they_are_refused_are_seen_as_new() -> None:
    desk = Desk()
    assert desk.may()
    desk.shown.word = b"second"
    desk.pace.record_failure(AuthFailed("no"))
    desk.clock.now += 1

    assert desk.may()


def test_the_first_refusal_of_new_credentials_starts_again_with_the_shortest_pause() -> None:
    desk = Desk()
    for _ in range(3):
        desk.refused()
        desk.clock.now += 30
    desk.shown.word = b"second"
    desk.refused()
    desk.clock.now += 4.9
    assert not desk.may()

    desk.clock.now += 0.2
    assert desk.may()


def test_the_first_check_for_new_credentials_does_not_stop_other_callers_from_logging_in() -> None:
    desk = Desk()
    desk.refused()
    desk.shown.word = b"second"
    desk.clock.now += 1

    assert [desk.pace.may_retry(), desk.pace.may_retry(), desk.may(), desk.may()] == [True] * 4


def test_credentials_that_change_all_the_time_are_shown_once_a_second() -> None:
    assert 55 <= Desk().logins_in(60, changing=True) <= 61


def test_credentials_that_stay_are_shown_seldom_and_looked_at_once_a_second() -> None:
    desk = Desk()

    assert desk.logins_in(60, changing=False) == 4
    assert desk.shown.looks <= 65


def test_an_outage_is_not_shortened_by_other_credentials() -> None:
    desk = Desk()
    for _ in range(5):
        desk.pace.record_failure(DOWN)
    desk.shown.word = b"second"
    desk.clock.now += 5

    assert not desk.pace.may_retry()
    assert not desk.may()


def test_a_pause_can_be_made_longer() -> None:
    desk = Desk()
    assert desk.may()
    desk.pace.record_failure(AuthFailed("no"), at_least=30)
    desk.clock.now += 29.9

    assert not desk.may()


@pytest.mark.parametrize(("failures", "pause"), [(1, 1), (2, 2), (3, 4), (5, 16), (6, 30), (5000, 30)])
def test_an_outage_is_tried_ever_more_seldom(failures: int, pause: float) -> None:
    assert pause_after(DOWN, failures=failures) == pause


def test_the_pause_is_spread() -> None:
    assert pause_after(DOWN, failures=6, jitter=0.0) == 15


def test_the_pause_that_the_server_asks_for_is_kept_within_bounds() -> None:
    assert pause_after(BackendThrottled("slow", retry_after=12)) == 12
    assert pause_after(BackendThrottled("slow", retry_after=3600)) == 30


def test_every_caller_gets_the_last_fault_until_the_next_login_may_be_tried() -> None:
    pace = LoginPace(Clock(), lambda: 1.0)
    pace.record_failure(BackendThrottled("slow", retry_after=5))

    with pytest.raises(BackendThrottled, match="slow") as caught:
        pace.check()
    assert caught.value.retry_after == 5


def test_the_kept_fault_holds_no_frames() -> None:
    pace = LoginPace(Clock(), lambda: 1.0)
    try:
        raise DOWN from ValueError("the body of the login")
    except BackendFault as fault:
        pace.record_failure(fault)

    assert pace._fault == DOWN
    assert (pace._fault.__traceback__, pace._fault.__cause__) == (None, None)
    with pytest.raises(BackendUnavailable) as told:
        pace.check()
    assert told.value.__cause__ is None


def test_only_a_refusal_is_beyond_hope_and_stays_so_until_a_login_works() -> None:
    pace = LoginPace(Clock(), lambda: 1.0)
    pace.record_failure(DOWN)
    assert not pace.was_refused()
    pace.record_failure(AuthFailed("no"))
    assert pace.was_refused()
    pace.record_failure(DOWN)
    assert pace.was_refused()
    pace.record_success()
    assert not pace.was_refused()


def test_success_forgets_the_failures() -> None:
    pace = LoginPace(Clock(), lambda: 1.0)
    pace.record_failure(AuthFailed("no"))
    pace.record_success()

    pace.check()


def test_only_a_changed_fault_counts_as_new() -> None:
    pace = LoginPace(Clock(), lambda: 1.0)

    news = [pace.record_failure(fault) for fault in (DOWN, DOWN, AuthFailed("no"), AuthFailed("no"), DOWN)]
    assert news == [True, False, True, False, True]
