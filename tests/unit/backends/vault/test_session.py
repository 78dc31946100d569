"""The life of the one token, against a server in memory and a clock that the test sets."""

from __future__ import annotations

import logging
import threading

import pytest

from secrets_manager.backends.vault.session import VaultSession
from secrets_manager.backends.vault.token_life import RenewalRule, VaultToken
from secrets_manager.backends.vault.token_replies import ServerFacts
from secrets_manager.domain.errors import AuthFailed, BackendSealed, BackendUnavailable, SessionExpired
from secrets_manager.runtime.terms import Deadline
from tests.builders import Clock, attempt, together
from tests.testbed.waiting import wait_until
from tests.unit.backends.vault.doubles import RecordedTelemetry, Tokens

DOWN = BackendUnavailable("down")


class Bench:
    """A session with everything around it."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.server = Tokens(self.clock)
        self.told = RecordedTelemetry()
        rule = RenewalRule(renew_below=300, increment=600)
        self.shown = b"credentials"
        self.session = VaultSession(
            self.server, rule, self.told, clock=self.clock, jitter=lambda: 1.0, shown=lambda: self.shown
        )

    def current(self, seconds: float = 5.0) -> VaultToken:
        return self.session.current(Deadline.within(seconds, self.clock))

    def recover(self, token: VaultToken) -> VaultToken | None:
        return self.session.recover(token, Deadline.within(5.0, self.clock))

    def maintain(self) -> None:
        self.session.maintain(5.0)

    def poll_for(self, seconds: float, every: float = 15.0) -> None:
        """Let time pass with polls in between, which must not fail."""
        ends = self.clock.now + seconds
        while self.clock.now < ends:
            self.clock.now += every
            self.maintain()


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_the_first_use_logs_in(bench: Bench) -> None:
    assert not bench.session.ready()

    assert bench.current().value == "token-1"
    assert bench.session.ready()


def test_maintain_logs_in_as_well(bench: Bench) -> None:
    bench.maintain()

    assert (bench.server.calls["login"], bench.session.ready()) == (1, True)


def test_later_uses_share_the_token(bench: Bench) -> None:
    assert [bench.current().value for _ in range(3)] == ["token-1"] * 3
    assert bench.server.calls["login"] == 1


def test_a_herd_without_a_token_makes_one_login(bench: Bench) -> None:
    bench.server.gate.clear()
    threading.Timer(0.2, bench.server.gate.set).start()
    token = together(16, bench.current)

    assert bench.server.calls["login"] == 1
    assert {each.value if isinstance(each, VaultToken) else each for each in token} == {"token-1"}


def test_a_caller_without_time_left_learns_that_a_login_is_under_way_and_the_login_goes_on(
    bench: Bench,
) -> None:
    bench.server.gate.clear()
    with pytest.raises(SessionExpired, match="under way"):
        bench.current(0.1)
    bench.server.gate.set()
    wait_until(bench.session.ready, what="the login done")

    assert bench.server.calls["login"] == 1
    assert bench.current().value == "token-1"


def test_one_login_serves_a_process_for_a_day(bench: Bench) -> None:
    bench.maintain()
    bench.poll_for(24 * 3600)

    assert bench.server.calls["login"] == 1
    assert bench.current().value == "token-1"


def test_a_token_is_renewed_at_half_its_life_and_not_at_each_poll(bench: Bench) -> None:
    bench.maintain()
    bench.poll_for(600)
    assert bench.server.calls["renew-self"] == 0

    bench.poll_for(15)
    assert bench.server.calls["renew-self"] == 1

    bench.poll_for(240)
    assert bench.server.calls["renew-self"] == 1


def test_a_token_at_its_maximum_life_is_replaced_before_it_dies(bench: Bench) -> None:
    bench.server.max_ttl = 3600
    bench.maintain()
    bench.poll_for(3600)

    assert bench.server.calls["login"] == 2
    assert bench.current().value == "token-2"
    assert bench.told.logins_failed == 0


def test_at_the_maximum_life_the_old_token_is_used_while_logins_are_refused(bench: Bench) -> None:
    bench.server.max_ttl = 1300
    bench.maintain()
    bench.server.faults["login"] = AuthFailed("the secret id is used up")
    refusals = 0
    while bench.clock.now + 15 < 1000 + 1300:
        bench.clock.now += 15
        try:
            bench.maintain()
        except AuthFailed:
            refusals += 1
        assert bench.current().value == "token-1"

    assert refusals > 1
    assert 1 < bench.server.calls["login"] <= 1 + 1300 / 30


def test_a_token_that_cannot_be_renewed_is_replaced_at_two_thirds_of_its_life(bench: Bench) -> None:
    bench.server.renewable = False
    bench.maintain()
    bench.poll_for(795)
    assert bench.server.calls["login"] == 1

    bench.poll_for(15)
    assert (bench.server.calls["login"], bench.server.calls["renew-self"]) == (2, 0)
    assert bench.told.renewals_failed == [("is-renewable", "VaultTokenNotRenewableError")]


def test_a_root_token_is_never_renewed_and_warned_of_once(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.server.expires = False
    bench.server.ttl = 0.0
    with caplog.at_level(logging.WARNING):
        bench.maintain()
        bench.poll_for(120)

    assert (bench.server.calls["login"], bench.server.calls["renew-self"]) == (1, 0)
    assert [record.message for record in caplog.records] == [
        "the token never expires; do not use a root token"
    ]


def test_a_token_with_a_limited_number_of_uses_is_refused_and_given_back(bench: Bench) -> None:
    bench.server.uses = 10
    with pytest.raises(AuthFailed, match="token_num_uses"):
        bench.current()

    assert (bench.server.calls["revoke-self"], bench.session.ready()) == (1, False)


def test_refused_credentials_are_tried_after_5_10_and_then_every_30_seconds(bench: Bench) -> None:
    bench.server.faults["login"] = AuthFailed("refused")
    logins: list[int] = []
    for second in range(80):
        with pytest.raises(AuthFailed, match="refused"):
            bench.current()
        if bench.server.calls["login"] > len(logins):
            logins.append(second)
        bench.clock.now += 1

    assert logins == [0, 5, 15, 45, 75]
    assert bench.told.logins_failed == 5


def test_refused_credentials_that_were_replaced_are_tried_at_once(bench: Bench) -> None:
    bench.server.faults["login"] = AuthFailed("refused")
    with pytest.raises(AuthFailed):
        bench.current()
    bench.clock.now += 1
    assert not bench.session.retry_refused(5.0)

    del bench.server.faults["login"]
    bench.shown = b"others"
    bench.clock.now += 1
    assert bench.session.retry_refused(5.0)
    assert (bench.current().value, bench.server.calls["login"]) == ("token-1", 2)


def test_replaced_credentials_are_shown_once_however_many_notice(bench: Bench) -> None:
    bench.server.faults["login"] = AuthFailed("refused")
    with pytest.raises(AuthFailed):
        bench.current()
    del bench.server.faults["login"]
    bench.shown = b"others"
    bench.clock.now += 1
    bench.server.gate.clear()
    threading.Timer(0.2, bench.server.gate.set).start()
    results = together(16, lambda: bench.session.retry_refused(5.0) or bench.current())

    assert bench.server.calls["login"] == 2
    assert all(result is True or isinstance(result, VaultToken) for result in results)


def test_without_a_refusal_there_is_nothing_to_try_again(bench: Bench) -> None:
    bench.shown = b"others"
    assert not bench.session.retry_refused(5.0)

    bench.maintain()
    bench.shown = b"yet others"
    bench.clock.now += 60
    assert not bench.session.retry_refused(5.0)
    assert bench.server.calls["login"] == 1


def test_an_outage_at_the_start_ends_by_itself(bench: Bench) -> None:
    bench.server.faults["login"] = BackendSealed("sealed")
    for _ in range(4):
        with pytest.raises(BackendSealed):
            bench.maintain()
        bench.clock.now += 15
    del bench.server.faults["login"]
    bench.clock.now += 15
    bench.maintain()

    assert bench.session.ready()


def test_a_login_failure_is_logged_once_until_it_changes(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        for fault in (DOWN, DOWN, AuthFailed("refused"), AuthFailed("refused")):
            bench.server.faults["login"] = fault
            with pytest.raises(type(fault)):
                bench.current()
            bench.clock.now += 60

    assert [record.message for record in caplog.records] == ["login failed"] * 2


def test_a_403_with_a_living_token_is_a_missing_right(bench: Bench) -> None:
    token = bench.current()

    assert bench.recover(token) is None
    assert bench.server.calls["login"] == 1


def test_a_403_with_a_dead_token_brings_another_token(bench: Bench) -> None:
    token = bench.current()
    bench.server.kill_all()
    fresh = bench.recover(token)

    assert fresh is not None
    assert fresh.value == "token-2"


def test_a_herd_that_sees_a_dead_token_makes_one_login(bench: Bench) -> None:
    token = bench.current()
    bench.server.kill_all()
    found = together(16, lambda: bench.recover(token))

    assert bench.server.calls["login"] == 2
    assert {each.value if isinstance(each, VaultToken) else each for each in found} == {"token-2"}


def test_a_late_caller_with_the_old_token_gets_the_new_token_without_a_call(bench: Bench) -> None:
    token = bench.current()
    bench.server.kill_all()
    bench.recover(token)
    calls = bench.server.calls.copy()

    late = bench.recover(token)
    assert late is not None
    assert late.value == "token-2"
    assert bench.server.calls == calls


def test_the_verdict_on_an_older_token_is_not_taken_for_that_on_the_newer(bench: Bench) -> None:
    old = bench.current()
    answered = threading.Event()
    bench.server.slow_look_ups.append(answered)
    asking = threading.Thread(target=lambda: bench.recover(old))
    asking.start()
    wait_until(lambda: not bench.server.slow_look_ups, what="the look-up for the old token under way")
    bench.server.kill_all()
    bench.maintain()
    new = bench.current()
    threading.Timer(0.2, answered.set).start()

    assert bench.recover(new) is None
    asking.join(10)
    assert bench.current() is new


def test_a_dead_token_is_not_used_again_when_the_login_fails(bench: Bench) -> None:
    token = bench.current()
    bench.server.kill_all()
    bench.server.faults["login"] = DOWN
    with pytest.raises(BackendUnavailable):
        bench.recover(token)
    with pytest.raises(BackendUnavailable):
        bench.current()

    bench.clock.now += 30
    del bench.server.faults["login"]
    assert bench.current().value == "token-2"


def test_a_session_without_a_token_whose_login_was_refused_is_not_ready(bench: Bench) -> None:
    token = bench.current()
    bench.server.faults["login"] = AuthFailed("refused")
    bench.server.kill_all()
    assert bench.session.ready()
    with pytest.raises(AuthFailed):
        bench.recover(token)
    assert not bench.session.ready()

    # An outage makes refused credentials no better.
    bench.clock.now += 30
    bench.server.faults["login"] = DOWN
    with pytest.raises(BackendUnavailable):
        bench.current()
    assert not bench.session.ready()

    bench.clock.now += 30
    del bench.server.faults["login"]
    bench.maintain()
    assert bench.session.ready()


def test_a_session_without_a_token_because_of_an_outage_stays_ready(bench: Bench) -> None:
    token = bench.current()
    bench.server.faults["login"] = DOWN
    bench.server.kill_all()
    with pytest.raises(BackendUnavailable):
        bench.recover(token)

    assert bench.session.ready()


def test_a_token_is_kept_when_the_server_cannot_say_whether_it_lives(bench: Bench) -> None:
    token = bench.current()
    bench.server.faults["lookup-self"] = DOWN
    with pytest.raises(BackendUnavailable):
        bench.recover(token)

    assert bench.current() is token


def test_a_poll_finds_a_dead_token_and_logs_in(bench: Bench) -> None:
    bench.maintain()
    bench.server.kill_all()
    bench.maintain()

    assert bench.current().value == "token-2"
    assert bench.told.renewals_failed == [("lookup-self", "BackendSecretForbiddenError")]


def test_a_dead_token_that_a_read_finds_is_counted_too(bench: Bench) -> None:
    token = bench.current()
    bench.server.kill_all()
    together(8, lambda: bench.recover(token))

    assert set(bench.told.renewals_failed) == {("lookup-self", "BackendSecretForbiddenError")}
    assert bench.server.calls["login"] == 2


def test_a_look_up_that_a_read_needs_and_an_outage_fails_is_counted(bench: Bench) -> None:
    token = bench.current()
    bench.server.faults["lookup-self"] = DOWN
    with pytest.raises(BackendUnavailable):
        bench.recover(token)

    assert bench.told.renewals_failed == [("lookup-self", "UnknownError")]


def test_a_token_that_cannot_be_renewed_is_counted_from_max_token_ttl_on(bench: Bench) -> None:
    bench.server.renewable = False
    bench.server.ttl = 250
    bench.maintain()
    assert bench.told.renewals_failed == []

    bench.clock.now += 1
    bench.maintain()
    assert bench.told.renewals_failed == [("is-renewable", "VaultTokenNotRenewableError")]
    assert bench.server.calls["renew-self"] == 0


def test_a_token_that_cannot_be_renewed_is_counted_no_more_often_than_every_15_seconds(bench: Bench) -> None:
    bench.server.renewable = False
    bench.server.ttl = 250
    bench.maintain()
    bench.poll_for(120, every=0.5)

    assert bench.told.renewals_failed == [("is-renewable", "VaultTokenNotRenewableError")] * 8


def test_a_token_that_never_expires_needs_no_renewal(bench: Bench) -> None:
    bench.server.expires, bench.server.renewable, bench.server.ttl = False, False, 0.0
    bench.maintain()
    bench.poll_for(120)

    assert bench.told.renewals_failed == []


def test_while_logins_are_refused_the_log_says_once_that_the_token_is_to_be_replaced(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.server.renewable = False
    bench.maintain()
    bench.server.faults["login"] = AuthFailed("used up")
    bench.clock.now += 900
    with caplog.at_level(logging.INFO):
        for _ in range(15):
            bench.clock.now += 15
            with pytest.raises(AuthFailed):
                bench.maintain()

    assert [record.message for record in caplog.records] == ["the token will be replaced", "login failed"]


def test_a_poll_during_an_outage_keeps_the_token(bench: Bench) -> None:
    bench.maintain()
    bench.server.faults["lookup-self"] = DOWN
    with pytest.raises(BackendUnavailable):
        bench.maintain()

    assert bench.current().value == "token-1"
    assert bench.told.renewals_failed == [("lookup-self", "UnknownError")]


def test_a_failing_renewal_is_reported_and_tried_again(bench: Bench) -> None:
    bench.maintain()
    bench.server.faults["renew-self"] = DOWN
    bench.clock.now += 700
    with pytest.raises(BackendUnavailable):
        bench.maintain()
    del bench.server.faults["renew-self"]
    bench.maintain()

    assert (bench.server.calls["login"], bench.server.calls["renew-self"]) == (1, 2)
    assert bench.told.renewals_failed == [("renew-self", "UnknownError")]


def test_a_renewal_that_fails_until_little_life_is_left_ends_in_a_login(bench: Bench) -> None:
    bench.maintain()
    bench.server.faults["renew-self"] = DOWN
    bench.clock.now += 1000
    bench.maintain()

    assert bench.current().value == "token-2"


def test_a_token_that_may_not_renew_itself_is_replaced_in_time(bench: Bench) -> None:
    bench.server.can_renew = False
    bench.server.ttl = 400
    bench.maintain()
    bench.clock.now += 150
    with pytest.raises(AuthFailed, match="do not allow renew-self"):
        bench.maintain()
    bench.clock.now += 60
    bench.maintain()

    assert bench.current().value == "token-2"
    assert ("renew-self", "BackendSecretForbiddenError") in bench.told.renewals_failed


def test_a_token_that_may_not_look_itself_up_is_not_taken_for_dead(bench: Bench) -> None:
    bench.server.can_look_up = False
    bench.maintain()
    token = bench.current()
    bench.poll_for(600)

    assert bench.recover(token) is None
    assert bench.server.calls["login"] == 1


def test_a_token_that_may_not_look_itself_up_is_renewed_by_our_own_clock(bench: Bench) -> None:
    bench.server.can_look_up = False
    bench.maintain()
    bench.poll_for(3 * 3600)

    assert bench.server.calls["login"] == 1
    assert bench.server.calls["renew-self"] > 10


def test_a_token_that_may_not_look_itself_up_shows_its_death_at_renewal(bench: Bench) -> None:
    bench.server.can_look_up = False
    bench.maintain()
    bench.server.kill_all()
    bench.poll_for(630)

    assert bench.current().value == "token-2"


def test_a_token_whose_last_renewal_gave_no_life_is_replaced_though_nobody_can_look_it_up(
    bench: Bench,
) -> None:
    bench.server.can_look_up = False
    bench.server.max_ttl = 615.0
    bench.maintain()
    token = bench.current()
    bench.poll_for(600)
    bench.server.faults["login"] = AuthFailed("refused")
    with pytest.raises(AuthFailed):
        bench.poll_for(15)
    for _ in range(2):
        bench.clock.now += 30
        with pytest.raises(AuthFailed):
            bench.recover(token)
    assert not bench.session.ready()

    bench.clock.now += 30
    del bench.server.faults["login"]
    assert bench.current().value == "token-2"


def test_an_unreadable_look_up_after_a_login_does_not_lose_the_token(bench: Bench) -> None:
    bench.server.faults["lookup-self"] = DOWN

    assert bench.current().value == "token-1"


def test_the_gauges_follow_the_token(bench: Bench) -> None:
    bench.maintain()
    bench.clock.now += 100
    bench.maintain()

    assert (bench.told.ttls, bench.told.max_ttls) == ([1200, 1100], [300, 300])


def test_the_life_that_is_left_is_known_without_a_call(bench: Bench) -> None:
    assert bench.session.life_left() is None
    bench.server.ttl = 600.0
    bench.maintain()
    bench.clock.now += 100
    assert bench.session.life_left() == 500
    bench.clock.now += 10_000

    assert bench.session.life_left() == 0


def test_a_token_that_never_ends_has_no_life_that_is_left(bench: Bench) -> None:
    bench.server.expires, bench.server.ttl = False, 0.0
    bench.maintain()

    assert bench.session.life_left() is None


def test_the_health_of_the_server_is_asked_for_until_it_serves(bench: Bench) -> None:
    bench.maintain()
    for serving in (False, True):
        bench.server.server = ServerFacts(
            version="2.7", cluster_id="id" * serving, cluster_name="", serving=serving
        )
        bench.maintain()
    bench.maintain()

    assert bench.told.servers == [("2.7", "", ""), ("2.7", "id", "")]
    assert bench.server.calls["health"] == 3


def test_a_server_that_ignores_the_namespace_of_the_settings_is_named_in_the_log(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    for ignores in (False, True):
        bench.server.server = ServerFacts(
            version="1.21", cluster_id="", cluster_name="", serving=False, ignores_namespace=ignores
        )
        bench.maintain()
        bench.maintain()

    warned = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert warned == ["the server has no namespaces and ignores the one in the settings"]


def test_nothing_shows_the_token(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        token = bench.current()
        bench.server.kill_all()
        bench.maintain()

    assert "token-" not in f"{token!r}"
    assert "token-1" not in caplog.text
    assert "token-2" not in caplog.text


def test_a_fifth_token_that_dies_at_once_is_not_followed_by_another_at_once(bench: Bench) -> None:
    for number in range(1, 5):
        token = bench.current()
        assert token.value == f"token-{number}"
        bench.server.kill_all()
        bench.recover(token)
    bench.server.kill_all()
    with pytest.raises(SessionExpired, match="does not accept the tokens that it gave a moment ago"):
        bench.recover(bench.current())
    with pytest.raises(SessionExpired):
        bench.current()
    assert bench.server.calls["login"] == 5

    bench.clock.now += 10
    assert bench.current().value == "token-6"
    assert bench.session.ready()


def test_tokens_that_die_after_a_while_are_replaced_at_once_each_time(bench: Bench) -> None:
    for number in range(1, 5):
        token = bench.current()
        assert token.value == f"token-{number}"
        bench.clock.now += 10
        bench.server.kill_all()
        bench.recover(token)

    assert bench.told.logins_failed == 0


def test_a_server_that_accepts_none_of_its_tokens_is_logged_in_to_seldom(bench: Bench) -> None:
    bench.current()
    for _ in range(600):
        bench.clock.now += 0.1
        bench.server.kill_all()
        attempt(lambda: bench.recover(bench.current()))

    assert bench.server.calls["login"] <= 11
