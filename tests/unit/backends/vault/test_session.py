"""The life of the one token, against a server in memory and a clock that the test sets."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

import pytest

from secrets_manager.backends.shared.budget import Budget
from secrets_manager.backends.vault.held import Held, RenewalRule
from secrets_manager.backends.vault.session import Session
from secrets_manager.backends.vault.token_api import ServerFacts
from secrets_manager.domain.errors import AuthFailed, BackendSealed, BackendUnavailable, SessionExpired
from tests.testbed.waiting import wait_until
from tests.unit.backends.vault.doubles import Hand, Tokens, Told

DOWN = BackendUnavailable("down")


class Bench:
    """A session with everything around it."""

    def __init__(self) -> None:
        self.clock = Hand()
        self.server = Tokens(self.clock)
        self.told = Told()
        rule = RenewalRule(renew_below=300, increment=600)
        self.session = Session(self.server, rule, self.told, clock=self.clock, jitter=lambda: 1.0)

    def current(self, seconds: float = 5.0) -> Held:
        return self.session.current(Budget(seconds, self.clock))

    def recover(self, held: Held) -> Held | None:
        return self.session.recover(held, Budget(5.0, self.clock))

    def maintain(self) -> None:
        self.session.maintain(5.0)

    def poll_for(self, seconds: float, every: float = 15.0) -> None:
        """Let time pass with polls in between, none of which may fail."""
        ends = self.clock.now + seconds
        while self.clock.now < ends:
            self.clock.now += every
            self.maintain()


@pytest.fixture
def bench() -> Bench:
    return Bench()


def together(count: int, work: Callable[[], object]) -> list[object]:
    """What `work` returned or raised in each of so many threads that start at once."""
    results: list[object] = []
    start = threading.Barrier(count)

    def run() -> None:
        start.wait(5)
        try:
            results.append(work())
        except Exception as error:  # noqa: BLE001 - a result like any other here
            results.append(error)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    return results


def test_the_first_use_logs_in(bench: Bench) -> None:
    assert not bench.session.ready()

    assert bench.current().token == "token-1"
    assert bench.session.ready()


def test_maintain_logs_in_as_well(bench: Bench) -> None:
    bench.maintain()

    assert (bench.server.calls["login"], bench.session.ready()) == (1, True)


def test_later_uses_share_the_token(bench: Bench) -> None:
    assert [bench.current().token for _ in range(3)] == ["token-1"] * 3
    assert bench.server.calls["login"] == 1


def test_a_herd_without_a_token_makes_one_login(bench: Bench) -> None:
    bench.server.gate.clear()
    threading.Timer(0.2, bench.server.gate.set).start()
    held = together(16, bench.current)

    assert bench.server.calls["login"] == 1
    assert {each.token if isinstance(each, Held) else each for each in held} == {"token-1"}


def test_who_has_no_time_left_is_told_that_a_login_is_under_way_and_the_login_goes_on(bench: Bench) -> None:
    bench.server.gate.clear()
    with pytest.raises(SessionExpired, match="under way"):
        bench.current(0.1)
    bench.server.gate.set()
    wait_until(bench.session.ready, what="the login done")

    assert bench.server.calls["login"] == 1
    assert bench.current().token == "token-1"


def test_one_login_serves_a_process_for_a_day(bench: Bench) -> None:
    bench.maintain()
    bench.poll_for(24 * 3600)

    assert bench.server.calls["login"] == 1
    assert bench.current().token == "token-1"


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
    assert bench.current().token == "token-2"
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
        assert bench.current().token == "token-1"

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
    assert [record.message for record in caplog.records] == ["the token never expires; is it a root token?"]


def test_a_token_with_a_limited_number_of_uses_is_refused_and_given_back(bench: Bench) -> None:
    bench.server.uses = 10
    with pytest.raises(AuthFailed, match="token_num_uses"):
        bench.current()

    assert (bench.server.calls["revoke-self"], bench.session.ready()) == (1, False)


def test_refused_credentials_are_tried_at_most_every_half_minute(bench: Bench) -> None:
    bench.server.faults["login"] = AuthFailed("refused")
    for _ in range(60):
        with pytest.raises(AuthFailed, match="refused"):
            bench.current()
        bench.clock.now += 1

    assert bench.server.calls["login"] == 2
    assert bench.told.logins_failed == 2


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
    held = bench.current()

    assert bench.recover(held) is None
    assert bench.server.calls["login"] == 1


def test_a_403_with_a_dead_token_brings_another_token(bench: Bench) -> None:
    held = bench.current()
    bench.server.kill_all()
    fresh = bench.recover(held)

    assert fresh is not None
    assert fresh.token == "token-2"


def test_a_herd_that_sees_a_dead_token_makes_one_login(bench: Bench) -> None:
    held = bench.current()
    bench.server.kill_all()
    found = together(16, lambda: bench.recover(held))

    assert bench.server.calls["login"] == 2
    assert {each.token if isinstance(each, Held) else each for each in found} == {"token-2"}


def test_who_comes_late_with_the_old_token_gets_the_new_one_without_a_call(bench: Bench) -> None:
    held = bench.current()
    bench.server.kill_all()
    bench.recover(held)
    calls = bench.server.calls.copy()

    late = bench.recover(held)
    assert late is not None
    assert late.token == "token-2"
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
    held = bench.current()
    bench.server.kill_all()
    bench.server.faults["login"] = DOWN
    with pytest.raises(BackendUnavailable):
        bench.recover(held)
    with pytest.raises(BackendUnavailable):
        bench.current()

    bench.clock.now += 30
    del bench.server.faults["login"]
    assert bench.current().token == "token-2"


def test_without_a_token_and_with_the_login_refused_it_is_not_ready(bench: Bench) -> None:
    held = bench.current()
    bench.server.faults["login"] = AuthFailed("refused")
    bench.server.kill_all()
    assert bench.session.ready()
    with pytest.raises(AuthFailed):
        bench.recover(held)
    assert not bench.session.ready()

    bench.clock.now += 30
    del bench.server.faults["login"]
    bench.maintain()
    assert bench.session.ready()


def test_without_a_token_because_of_an_outage_it_stays_ready(bench: Bench) -> None:
    held = bench.current()
    bench.server.faults["login"] = DOWN
    bench.server.kill_all()
    with pytest.raises(BackendUnavailable):
        bench.recover(held)

    assert bench.session.ready()


def test_when_the_server_cannot_say_whether_the_token_lives_it_is_kept(bench: Bench) -> None:
    held = bench.current()
    bench.server.faults["lookup-self"] = DOWN
    with pytest.raises(BackendUnavailable):
        bench.recover(held)

    assert bench.current() is held


def test_a_poll_finds_a_dead_token_and_logs_in(bench: Bench) -> None:
    bench.maintain()
    bench.server.kill_all()
    bench.maintain()

    assert bench.current().token == "token-2"
    assert bench.told.renewals_failed == [("lookup-self", "BackendSecretForbiddenError")]


def test_a_poll_during_an_outage_keeps_the_token(bench: Bench) -> None:
    bench.maintain()
    bench.server.faults["lookup-self"] = DOWN
    with pytest.raises(BackendUnavailable):
        bench.maintain()

    assert bench.current().token == "token-1"
    assert bench.told.renewals_failed == [("lookup-self", "UnknownError")]


def test_a_failing_renewal_is_told_and_tried_again(bench: Bench) -> None:
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

    assert bench.current().token == "token-2"


def test_a_token_that_may_not_renew_itself_is_replaced_in_time(bench: Bench) -> None:
    bench.server.can_renew = False
    bench.server.ttl = 400
    bench.maintain()
    bench.clock.now += 150
    with pytest.raises(AuthFailed, match="do not let it renew itself"):
        bench.maintain()
    bench.clock.now += 60
    bench.maintain()

    assert bench.current().token == "token-2"
    assert ("renew-self", "BackendSecretForbiddenError") in bench.told.renewals_failed


def test_a_token_that_may_not_look_itself_up_is_not_taken_for_dead(bench: Bench) -> None:
    bench.server.can_look_up = False
    bench.maintain()
    held = bench.current()
    bench.poll_for(600)

    assert bench.recover(held) is None
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

    assert bench.current().token == "token-2"


def test_an_unreadable_look_up_after_a_login_does_not_lose_the_token(bench: Bench) -> None:
    bench.server.faults["lookup-self"] = DOWN

    assert bench.current().token == "token-1"


def test_the_gauges_follow_the_token(bench: Bench) -> None:
    bench.maintain()
    bench.clock.now += 100
    bench.maintain()

    assert (bench.told.ttls, bench.told.max_ttls) == ([1200, 1100], [300, 300])


def test_the_server_is_asked_who_it_is_until_it_serves(bench: Bench) -> None:
    bench.maintain()
    for serving in (False, True):
        bench.server.server = ServerFacts(
            version="2.7", cluster_id="id" * serving, cluster_name="", serving=serving
        )
        bench.maintain()
    bench.maintain()

    assert bench.told.servers == [("2.7", "", ""), ("2.7", "id", "")]
    assert bench.server.calls["health"] == 3


def test_nothing_shows_the_token(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        held = bench.current()
        bench.server.kill_all()
        bench.maintain()

    assert "token-" not in f"{held!r}"
    assert "token-1" not in caplog.text
    assert "token-2" not in caplog.text
