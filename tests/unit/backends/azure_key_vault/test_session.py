"""One token for all threads."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from azure.core.credentials import AccessTokenInfo

from secrets_manager.backends.azure_key_vault.session import KeyVaultSession
from secrets_manager.domain.errors import AuthFailed, BackendFault, BackendUnavailable, SessionExpired
from tests.builders import Clock, together
from tests.testbed.waiting import wait_until
from tests.unit.backends.azure_key_vault.support import RecordedTelemetry

SCOPE = "https://vault.azure.net/.default"
REFUSED = AuthFailed("the vault does not accept our token")


@dataclass
class Giver:
    """Gives out token-1, token-2, … with so many seconds of life, or fails."""

    now: Clock
    life: float = 3600.0
    fault: BackendFault | None = None
    claims: list[str] = field(default_factory=list)
    forgotten: int = 0
    gate: threading.Event = field(default_factory=threading.Event)
    begun: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    def log_in(self, scope: str, *, claims: str = "", seconds: float) -> AccessTokenInfo:
        assert scope == SCOPE
        self.claims.append(claims)
        self.begun.set()
        assert self.gate.wait(10)
        if self.fault is not None:
            raise self.fault
        return AccessTokenInfo(f"token-{len(self.claims)}", int(self.now() + self.life))

    def forget(self) -> None:
        self.forgotten += 1

    @property
    def logins(self) -> int:
        return len(self.claims)


class Desk:
    """A session with clocks that stand still together."""

    def __init__(self, **giver: Any) -> None:
        self.hand = Clock()
        self.giver = Giver(self.hand, **giver)
        self.told = RecordedTelemetry()
        self.left = 5.0
        self.shown = b"credentials"
        self.session = KeyVaultSession(
            self.giver,
            SCOPE,
            self.told,
            login_seconds=10.0,
            time_left=lambda: self.left,
            clock=self.hand,
            now=self.hand,
            jitter=lambda: 1.0,
            shown=lambda: self.shown,
        )

    def token(self, claims: str | None = None) -> str:
        options: Any = {"enable_cae": True, "claims": claims} if claims else {"enable_cae": True}
        return self.session.get_token_info(SCOPE, options=options).token

    def fault(self, work: Callable[[], object]) -> BackendFault:
        with pytest.raises(BackendFault) as caught:
            work()
        return caught.value


def test_a_token_is_got_when_first_wanted_and_kept() -> None:
    desk = Desk()
    assert not desk.session.ready()

    assert [desk.token() for _ in range(3)] == ["token-1"] * 3
    assert desk.giver.logins == 1
    assert desk.session.ready()


def test_many_threads_share_one_login() -> None:
    desk = Desk()

    assert together(16, desk.token) == ["token-1"] * 16
    assert desk.giver.logins == 1


def test_a_call_waits_for_a_login_no_longer_than_its_own_deadline() -> None:
    desk = Desk()
    desk.giver.gate.clear()
    desk.left = 0.1

    assert isinstance(desk.fault(desk.token), SessionExpired)
    desk.giver.gate.set()
    wait_until(desk.session.ready, what="the login goes on by itself")


def test_a_clock_that_is_ahead_by_more_than_a_tokens_life_costs_two_logins_a_minute_at_most() -> None:
    desk = Desk(life=-7200.0)

    assert [desk.token() for _ in range(5)] == ["token-1"] * 5
    assert desk.session.ready()
    for _ in range(60):
        desk.hand.now += 10.0
        desk.token()

    assert desk.giver.logins <= 21


def test_a_token_that_is_over_is_replaced() -> None:
    desk = Desk(life=3600.0)
    desk.token()
    desk.hand.now += 3601.0

    assert desk.token() == "token-2"


def test_a_token_near_its_end_is_replaced_beside_the_work() -> None:
    desk = Desk(life=3600.0)
    desk.token()
    desk.hand.now += 3400.0
    desk.giver.gate.clear()

    assert desk.token() == "token-1"
    desk.giver.gate.set()
    wait_until(lambda: desk.token() == "token-2", what="the fresh token")


def test_a_refresh_that_fails_costs_nothing_while_the_token_lives() -> None:
    desk = Desk(life=3600.0)
    desk.token()
    desk.hand.now += 3400.0
    desk.giver.fault = BackendUnavailable("down")
    for _ in range(5):
        assert desk.token() == "token-1"
    wait_until(lambda: desk.told.logins_failed == 1, what="the failed refresh")
    for _ in range(5):
        assert desk.token() == "token-1"

    assert desk.giver.logins == 2


def test_the_server_may_ask_for_an_earlier_refresh() -> None:
    desk = Desk()
    early = AccessTokenInfo("early", int(desk.hand() + 3600), refresh_on=int(desk.hand() + 60))
    desk.session._keep(early)
    desk.hand.now += 61.0
    desk.session.maintain()

    assert desk.token() == "token-1"


def test_claims_of_the_vault_make_a_new_login_whatever_is_held() -> None:
    desk = Desk()
    desk.token()

    assert desk.token("policy") == "token-2"
    assert desk.giver.claims == ["", "policy"]
    assert desk.token() == "token-2"


def test_claims_are_not_satisfied_by_a_login_that_was_under_way() -> None:
    desk = Desk()
    desk.giver.gate.clear()
    first = threading.Thread(target=desk.token)
    first.start()
    assert desk.giver.begun.wait(5)
    found: list[str] = []
    second = threading.Thread(target=lambda: found.append(desk.token("policy")))
    second.start()
    desk.giver.gate.set()
    first.join(10)
    second.join(10)

    assert desk.giver.claims == ["", "policy"]
    assert found == ["token-2"]


def test_whatever_domain_is_asked_for_the_token_is_for_the_vaults_own() -> None:
    """The double of the login accepts no other, and the SDK repeats for ever what a vault said once."""
    desk = Desk()

    assert desk.session.get_token_info("https://evil.test/.default").token == "token-1"
    assert desk.giver.logins == 1


def test_claims_that_a_token_was_got_with_make_no_further_login() -> None:
    desk = Desk()
    desk.token()

    assert [desk.token("policy") for _ in range(3)] == ["token-2"] * 3
    assert desk.token("another policy") == "token-3"
    assert desk.giver.claims == ["", "policy", "another policy"]


def test_claims_that_are_wanted_of_each_token_make_no_storm_of_logins() -> None:
    desk = Desk()
    for _ in range(100):
        with contextlib.suppress(BackendFault):
            desk.token("policy")
        desk.session.reject_token(desk.session.generation, REFUSED)
        desk.hand.now += 1.0

    # At first and then each 30 seconds.
    assert desk.giver.logins == 4


def test_the_older_face_of_a_credential_gives_the_same_token() -> None:
    desk = Desk()

    assert desk.session.get_token(SCOPE, enable_cae=True).token == "token-1"
    assert desk.session.get_token(SCOPE, claims="policy").token == "token-2"


# ── refusals ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_refused_login_is_tried_once_by_however_many_until_its_pause_is_over(
    caplog: pytest.LogCaptureFixture,
) -> None:
    desk = Desk(fault=AuthFailed("refused"))
    with caplog.at_level(logging.WARNING):
        for _ in range(5):
            assert desk.fault(desk.token) == AuthFailed("refused")
        assert desk.giver.logins == 1
        desk.hand.now += 30.0
        desk.fault(desk.token)

    assert (desk.giver.logins, desk.told.logins_failed) == (2, 2)
    assert [record.message for record in caplog.records] == ["login failed"]


def test_an_outage_backs_off_from_a_second_on() -> None:
    desk = Desk(fault=BackendUnavailable("down"))
    desk.fault(desk.token)
    desk.fault(desk.token)
    assert desk.giver.logins == 1
    desk.hand.now += 1.0
    desk.giver.fault = None

    assert desk.token() == "token-2"


def test_a_token_that_the_vault_refuses_is_dropped_once_however_many_saw_it() -> None:
    desk = Desk()
    desk.token()
    seen = desk.session.generation
    desk.hand.now += 60.0
    for _ in range(3):
        desk.session.reject_token(seen, REFUSED)

    assert desk.token() == "token-2"
    desk.session.reject_token(seen, REFUSED)
    assert desk.token() == "token-2"
    assert desk.giver.forgotten == 1


def test_a_fresh_token_that_is_refused_ends_the_logins_for_a_while() -> None:
    desk = Desk()
    desk.token()
    desk.session.reject_token(desk.session.generation, REFUSED)

    assert "does not accept our token" in desk.fault(desk.token).message
    assert desk.giver.logins == 1
    desk.hand.now += 30.0
    assert desk.token() == "token-2"


def test_refused_credentials_that_were_replaced_are_shown_at_once() -> None:
    desk = Desk()
    desk.giver.fault = AuthFailed("refused")
    desk.fault(desk.token)
    desk.hand.now += 1.0
    assert not desk.session.retry_refused()

    desk.giver.fault = None
    desk.shown = b"others"
    desk.hand.now += 1.0
    assert desk.session.retry_refused()
    assert (desk.token(), desk.giver.logins) == ("token-2", 2)
    assert not desk.session.retry_refused()


def test_retrying_a_login_with_replaced_credentials_that_are_refused_too_raises_nothing() -> None:
    desk = Desk()
    desk.giver.fault = AuthFailed("refused")
    desk.fault(desk.token)
    desk.shown = b"others"
    desk.hand.now += 1.0

    assert not desk.session.retry_refused()
    assert (desk.giver.logins, desk.told.logins_failed) == (2, 2)


def test_a_vault_that_refused_a_fresh_token_gets_another_at_once_with_other_credentials() -> None:
    desk = Desk()
    desk.token()
    desk.session.reject_token(desk.session.generation, REFUSED)
    desk.hand.now += 29.0
    assert not desk.session.retry_refused()

    desk.shown = b"others"
    desk.hand.now += 1.0
    assert desk.session.retry_refused()
    assert desk.token() == "token-2"


def test_a_session_without_a_token_whose_login_was_refused_is_not_ready() -> None:
    desk = Desk()
    desk.token()
    desk.hand.now += 60.0
    desk.session.reject_token(desk.session.generation, REFUSED)
    assert desk.session.ready()
    desk.giver.fault = BackendUnavailable("down")
    desk.fault(desk.token)
    assert desk.session.ready()
    desk.hand.now += 30.0
    desk.giver.fault = AuthFailed("refused")
    desk.fault(desk.token)
    assert not desk.session.ready()

    desk.hand.now += 30.0
    desk.giver.fault = None
    desk.token()
    assert desk.session.ready()


# ── the care of the token ────────────────────────────────────────────────────────────────────────────


def test_maintain_logs_in_and_then_leaves_a_good_token_alone() -> None:
    desk = Desk()
    for _ in range(3):
        desk.session.maintain()

    assert desk.giver.logins == 1
    assert desk.session.ready()


def test_maintain_reports_a_failure() -> None:
    desk = Desk(fault=AuthFailed("refused"))

    assert desk.fault(desk.session.maintain) == AuthFailed("refused")
    assert desk.told.calls == [("login", AuthFailed("refused"))]


def test_maintain_refreshes_ahead_of_the_end_but_not_at_each_look() -> None:
    desk = Desk(life=200.0)
    desk.session.maintain()
    desk.session.maintain()
    assert desk.giver.logins == 1
    desk.hand.now += 30.0
    desk.session.maintain()

    assert desk.giver.logins == 2
