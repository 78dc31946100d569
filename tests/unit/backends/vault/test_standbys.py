"""Calls to clusters whose standbys lag behind."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from secrets_manager.backends.vault.standbys import StandbyTransport
from secrets_manager.backends.vault.transport import VaultAnswer, VaultCall
from secrets_manager.runtime.terms import Deadline, Terms
from tests.builders import Clock
from tests.unit.backends.vault.clusters import (
    LaggingCluster,
    OpenBaoCluster,
    VaultEnterprise,
    openbao_index,
    vault_index,
)

LOGIN = "/v1/auth/approle/login"


@dataclass
class Bench:
    """A transport on a cluster; its pauses pass on the clock of the test."""

    cluster: Any
    clock: Clock = field(default_factory=Clock)
    pauses: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.transport = StandbyTransport(self.cluster, self.clock, self.sleep)

    def sleep(self, seconds: float) -> None:
        if seconds:
            self.pauses.append(seconds)
        self.clock.now += seconds

    def log_in(self) -> VaultAnswer:
        return self.transport.send(VaultCall(method="POST", path=LOGIN, terms=self.terms(5.0)))

    def read(self, *, seconds: float = 5.0, token: str = "s.token") -> VaultAnswer:
        headers = {"X-Vault-Token": token} if token else {}
        return self.transport.send(
            VaultCall(method="GET", path="/v1/secret/data/a", headers=headers, terms=self.terms(seconds))
        )

    def terms(self, seconds: float) -> Terms:
        return Terms(deadline=Deadline.within(seconds, self.clock))


@dataclass
class Scripted(LaggingCluster):
    """Gives one answer after another, the last one for ever."""

    answers: list[VaultAnswer] = field(default_factory=list)

    def send(self, call: VaultCall) -> VaultAnswer:
        self.seen.append(call)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def behind() -> VaultAnswer:
    return VaultAnswer(412, {"errors": ["required index state not present"]})


def found(index: str = "") -> VaultAnswer:
    return VaultAnswer(200, {"data": "found"}, index=index)


# ── right after a login ──────────────────────────────────────────────────────────────────────────────


def test_a_standby_that_lacks_the_token_of_a_login_is_not_taken_for_one_that_refuses_it() -> None:
    bench = Bench(OpenBaoCluster())
    assert bench.read().status == 403
    bench.log_in()

    assert bench.read().status == 200


def test_the_active_node_answers_at_once_what_a_standby_of_openbao_cannot() -> None:
    bench = Bench(OpenBaoCluster())
    bench.log_in()
    bench.read()

    assert bench.cluster.wishes() == [None, "forward-active-node"]
    assert (bench.cluster.by_active, bench.pauses) == (1, [])


def test_a_vault_that_allows_forwarding_answers_at_once_as_well() -> None:
    bench = Bench(VaultEnterprise(forwards=True))
    bench.log_in()

    assert bench.read().status == 200
    assert (bench.cluster.by_active, bench.pauses) == (1, [])


def test_a_vault_that_does_not_allow_forwarding_is_asked_again_until_it_has_caught_up() -> None:
    bench = Bench(VaultEnterprise(catches_up_after=4))
    bench.log_in()

    assert bench.read().status == 200
    assert bench.cluster.wishes() == [None, "forward-active-node", None, None]
    assert bench.pauses == [0.4]


def test_a_wish_that_was_refused_is_not_sent_again() -> None:
    bench = Bench(VaultEnterprise())
    bench.log_in()
    bench.read()
    bench.read()

    assert bench.cluster.wishes().count("forward-active-node") == 1


def test_a_standby_that_has_caught_up_answers_by_itself() -> None:
    bench = Bench(OpenBaoCluster(catches_up_after=0))
    bench.log_in()

    assert bench.read().status == 200
    assert (bench.cluster.by_active, len(bench.cluster.wishes())) == (0, 1)


# ── values ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_value_that_was_read_once_is_never_followed_by_the_older_one_of_a_standby_of_openbao() -> None:
    cluster = OpenBaoCluster()
    bench = Bench(cluster)
    bench.log_in()
    cluster.replicated = cluster.state
    assert bench.read().content == {"data": "old"}
    cluster.write("new")
    assert bench.read().content == {"data": "old"}
    # Another connection led to the active node.
    cluster.replicated = cluster.state
    assert bench.read().content == {"data": "new"}
    cluster.replicated -= 1

    assert bench.read().content == {"data": "new"}


def test_a_late_reply_from_an_older_state_does_not_take_back_what_was_seen() -> None:
    bench = Bench(Scripted(answers=[found(openbao_index(9)), found(openbao_index(8)), found()]))
    bench.read()
    bench.read()
    bench.read()

    assert bench.cluster.required() == [None, openbao_index(9), openbao_index(9)]


# ── bounds ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_standby_that_goes_on_lagging_is_left_after_a_few_tries_and_seconds() -> None:
    bench = Bench(Scripted(answers=[behind()]))

    assert bench.read().status == 412
    assert len(bench.cluster.seen) == 6
    assert bench.pauses == [0.1, 0.2, 0.4, 0.8, 1.0]


def test_a_standby_of_openbao_that_goes_on_lagging_is_not_taken_for_a_quota() -> None:
    lags = VaultAnswer(429, {"errors": []}, 1.0)
    bench = Bench(Scripted(answers=[found(openbao_index(1)), lags]))
    bench.read()

    assert bench.read().status == 412
    assert bench.read(seconds=0.5).status == 412


def test_no_try_is_made_beyond_the_deadline() -> None:
    bench = Bench(Scripted(answers=[behind()]))

    assert bench.read(seconds=0.5).status == 412
    assert bench.pauses == [0.1, 0.2]


def test_the_pause_that_a_standby_asks_for_is_kept_up_to_a_second() -> None:
    answer = VaultAnswer(412, {"errors": []}, 30.0)
    bench = Bench(Scripted(answers=[answer, answer, found()]))
    bench.read()

    assert bench.pauses == [1.0, 1.0]


def test_a_state_that_never_comes_is_given_up_after_half_a_minute() -> None:
    bench = Bench(VaultEnterprise())
    bench.log_in()
    # A backup without that state was restored.
    bench.cluster.state = bench.cluster.replicated
    assert bench.read().status == 412
    bench.clock.now += 30
    assert bench.read().status == 412

    assert bench.read().status == 403
    assert bench.cluster.required()[-1] is None


def test_the_state_of_a_new_login_takes_the_place_of_one_that_never_comes() -> None:
    bench = Bench(VaultEnterprise())
    bench.log_in()
    bench.cluster.state = 0
    bench.clock.now += 60
    bench.read()
    bench.log_in()
    bench.cluster.replicated = bench.cluster.state

    assert bench.read().status == 200
    assert bench.cluster.required()[-1] == vault_index(1)


# ── what else looks like it ──────────────────────────────────────────────────────────────────────────


def test_a_token_that_names_a_state_by_itself_is_waited_for_too() -> None:
    bench = Bench(Scripted(answers=[behind(), found()]))

    assert bench.read().status == 200
    assert bench.cluster.required() == [None, None]


@pytest.mark.parametrize(
    "answer",
    [
        VaultAnswer(429, {"errors": ['request path "secret/data/a": rate limit quota exceeded']}, 7.0),
        VaultAnswer(429, None, 7.0),
        VaultAnswer(412, None),
        VaultAnswer(400, {"errors": ["invalid path"]}),
        VaultAnswer(400, None),
        VaultAnswer(403, {"errors": ["permission denied"]}),
        VaultAnswer(503, {"errors": []}),
    ],
    ids=["a quota", "a proxy's limit", "a proxy's 412", "400", "an empty 400", "403", "503"],
)
def test_no_other_answer_is_taken_for_a_lag(answer: VaultAnswer) -> None:
    bench = Bench(Scripted(answers=[found(openbao_index(1)), answer]))
    bench.read()

    assert bench.read() is answer
    assert len(bench.cluster.seen) == 2


def test_a_429_without_an_error_is_a_limit_where_no_state_was_asked_for() -> None:
    bench = Bench(Scripted(answers=[VaultAnswer(429, {"errors": []}, 1.0)]))

    assert bench.read().status == 429
    assert len(bench.cluster.seen) == 1


def test_an_index_that_the_server_cannot_read_is_forgotten_and_the_call_made_without_it() -> None:
    cluster = OpenBaoCluster(catches_up_after=0)
    bench = Bench(Scripted(answers=[found("left-by-another-server!")]))
    bench.read()
    bench.cluster.send = cluster.send
    cluster.state = 1

    assert bench.read().status == 200
    assert cluster.required() == ["left-by-another-server!", None]


# ── what is sent ─────────────────────────────────────────────────────────────────────────────────────


def test_a_call_without_a_token_asks_for_no_state() -> None:
    bench = Bench(OpenBaoCluster(catches_up_after=0))
    bench.log_in()
    bench.log_in()
    bench.read(token="")

    assert all("X-Vault-Index" not in call.headers for call in bench.cluster.seen)


def test_a_server_that_names_no_state_is_asked_for_none() -> None:
    bench = Bench(Scripted(answers=[found()]))
    bench.read()
    bench.read()

    assert bench.cluster.required() == [None, None]
    assert bench.cluster.wishes() == [None, None]


def test_two_backends_do_not_share_what_they_saw() -> None:
    one, other = Bench(OpenBaoCluster(catches_up_after=0)), Bench(OpenBaoCluster(catches_up_after=0))
    one.log_in()
    other.cluster.state = 1
    one.read()
    other.read()

    assert one.cluster.required() == [openbao_index(1)]
    assert other.cluster.required() == [None]


@pytest.mark.parametrize(
    "index", ["a\r\nX-Vault-Token: x", "a b", "\x00", "\x7f", "é", "a" * 1025, ""], ids=repr
)
def test_what_cannot_be_sent_in_a_header_is_not_kept(index: str) -> None:
    bench = Bench(Scripted(answers=[found(index)]))
    bench.read()
    bench.read()

    assert bench.cluster.required() == [None, None]


def test_the_index_shows_in_no_repr() -> None:
    bench = Bench(Scripted(answers=[found("canary-index")]))
    answer = bench.read()
    bench.read()

    assert "canary" not in f"{answer!r} {bench.cluster.seen!r} {bench.transport!r}"
