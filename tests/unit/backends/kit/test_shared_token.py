"""The token that all threads use: its generations, and the reports about logins."""

from __future__ import annotations

import logging

import pytest

from secrets_manager.backends.kit.login_pace import LoginPace
from secrets_manager.backends.kit.shared_token import SharedToken
from secrets_manager.domain.errors import AuthFailed, BackendUnavailable

LOG = logging.getLogger("tests.shared_token")
CANARY = "canary-3a1e"


class Desk:
    """A token of the attic, a clock to turn, and the recorded reports."""

    def __init__(self) -> None:
        self.now = 0.0
        self.shown = b"one"
        self.failures = 0
        pace = LoginPace(self.clock, lambda: 1.0, lambda: self.shown)
        self.token: SharedToken[str, str] = SharedToken("attic", pace, self, LOG, self.clock)

    def clock(self) -> float:
        return self.now

    def login_failed(self) -> None:
        self.failures += 1

    def take(self, token: str) -> str:
        return self.token.take(lambda _: token, same=lambda held: held == token)


def test_each_token_has_the_next_generation_and_is_made_with_it() -> None:
    desk = Desk()
    made = [desk.token.take(lambda number: f"token {number}") for _ in range(2)]

    assert made == ["token 1", "token 2"]
    assert desk.token.current() == (2, "token 2")


def test_the_same_token_again_does_not_count_as_new(caplog: pytest.LogCaptureFixture) -> None:
    desk = Desk()
    with caplog.at_level(logging.INFO, LOG.name):
        desk.take(CANARY)
        desk.take(CANARY)

    assert desk.token.generation == 1
    assert [record.message for record in caplog.records] == ["logged in"]
    assert CANARY not in caplog.text


def test_only_the_token_of_the_named_generation_is_dropped_and_its_age_returned() -> None:
    desk = Desk()
    desk.now = 10.0
    desk.take("a")
    desk.now = 14.0

    assert desk.token.drop(0) is None
    assert desk.token.current() == (1, "a")
    assert desk.token.drop(1) == 4.0
    assert desk.token.drop(1) is None
    assert desk.token.current() == (1, None)


def test_a_dropped_token_that_comes_back_counts_as_new() -> None:
    desk = Desk()
    desk.take("a")
    desk.token.drop(1)
    desk.take("a")

    assert desk.token.generation == 2


def test_only_the_token_that_was_renewed_is_changed() -> None:
    desk = Desk()
    desk.take("a")
    desk.token.keep(1, str.upper)
    assert desk.token.token == "A"

    desk.take("b")
    desk.token.keep(1, str.upper)
    assert desk.token.token == "b"
    desk.token.drop(2)
    desk.token.keep(2, str.upper)
    assert desk.token.token is None


def test_a_token_may_come_once_a_login_worked_and_until_a_login_is_refused() -> None:
    desk = Desk()
    assert not desk.token.may_get_token()
    desk.take("a")
    assert desk.token.may_get_token()
    desk.token.record_failure(BackendUnavailable("down"))
    assert desk.token.may_get_token()
    desk.token.record_failure(AuthFailed("no"))
    assert not desk.token.may_get_token()
    desk.take("b")
    assert desk.token.may_get_token()


def test_each_failed_login_is_counted_and_each_new_fault_logged(caplog: pytest.LogCaptureFixture) -> None:
    desk = Desk()
    for fault in (AuthFailed("no"), AuthFailed("no"), BackendUnavailable("down")):
        desk.token.record_failure(fault)

    assert desk.failures == 3
    told = [record.__dict__["reason"] for record in caplog.records]
    assert told == ["AuthFailed: no", "BackendUnavailable: down"]


def test_a_refused_login_is_tried_again_once_its_credentials_have_changed() -> None:
    desk = Desk()
    desk.token.check()
    desk.token.record_failure(AuthFailed("no"))
    tried: list[str] = []

    def log_in() -> str:
        tried.append("tried")
        return desk.token.join(lambda: desk.take("a"), wait=10.0)

    desk.now = 2.0
    assert not desk.token.retry_login(log_in)
    desk.shown = b"another"
    desk.now = 4.0
    assert desk.token.retry_login(log_in)
    assert tried == ["tried"]


def test_a_login_that_is_tried_again_and_fails_is_no_success() -> None:
    desk = Desk()
    desk.token.check()
    desk.token.record_failure(AuthFailed("no"))
    desk.shown, desk.now = b"another", 4.0

    def refused() -> None:
        raise AuthFailed("no")

    assert not desk.token.retry_login(refused)
