"""Who asks with a token sees what its owner may list; who guesses learns and costs nothing."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from secrets_manager.cluster.reviews import User
from secrets_manager.daemon.status.listing import Sight
from secrets_manager.daemon.web.doors import TurnedAway
from secrets_manager.daemon.web.server import HttpRequest
from secrets_manager.daemon.web.token_door import TokenDoor
from secrets_manager.domain.errors import ClusterUnavailable, Forbidden, SecretsManagerError
from tests.builders import Clock

ADMIN, TEAM = User(name="admin"), User(name="team")


class Reviews:
    """An API server that knows two tokens, and counts what it is asked."""

    def __init__(self) -> None:
        self.owners = {"token-of-admin": ADMIN, "token-of-team": TEAM}
        self.grants: set[tuple[str, str | None]] = {("admin", None), ("team", "team"), ("team", "other")}
        self.asked: list[str] = []
        self.fault: SecretsManagerError | None = None

    def owner_of(self, token: str) -> User | None:
        self.asked.append("token")
        self._fail()
        return self.owners.get(token)

    def may_list(self, user: User, namespace: str | None) -> bool:
        self.asked.append(f"{user.name} in {namespace}")
        self._fail()
        return (user.name, namespace) in self.grants

    def _fail(self) -> None:
        if self.fault is not None:
            raise self.fault


class Bench:
    def __init__(self) -> None:
        self.clock, self.reviews = Clock(), Reviews()
        self.left = 4.0
        self.door = TokenDoor(self.reviews, self.clock, lambda: self.left)

    def ask(self, token: str, *namespaces: str) -> Sight:
        return self.door.admit(HttpRequest("/", {"authorization": f"Bearer {token}"}), namespaces)

    def status(self, token: str, *namespaces: str) -> int:
        """That of the refusal."""
        with pytest.raises(TurnedAway) as caught:
            self.ask(token, *namespaces)
        return caught.value.status

    def news(self) -> list[str]:
        """What was asked of the API server since this was called last."""
        asked, self.reviews.asked = self.reviews.asked, []
        return asked


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_who_may_list_everywhere_sees_all(bench: Bench) -> None:
    assert bench.ask("token-of-admin") == Sight()
    assert bench.news() == ["token", "admin in None"]


def test_who_may_list_some_namespaces_has_to_name_them(bench: Bench) -> None:
    assert bench.status("token-of-team") == 403
    assert bench.ask("token-of-team", "team", "other") == Sight(frozenset({"team", "other"}))
    assert bench.ask("token-of-team", "team", "secret") == Sight(frozenset({"team"}))
    assert bench.status("token-of-team", "secret") == 403


HEADERS = [
    "",
    "Basic dXNlcjpwYXNz",
    "Bearer",
    "Bearer ",
    "token-of-admin",
    "Bearer token-of-admin,Bearer x",
    "Bearer token of admin",
    "Bearer t\u00f6ken",
    "Bearer a\r\nX: y",
    "Bearer " + "x" * 9000,
]


@pytest.mark.parametrize("header", HEADERS)
def test_what_is_no_bearer_token_is_refused_without_a_call(bench: Bench, header: str) -> None:
    with pytest.raises(TurnedAway) as caught:
        bench.door.admit(HttpRequest("/", {"authorization": header}), [])

    assert caught.value.status == 401
    assert caught.value.headers == {"WWW-Authenticate": 'Bearer realm="secrets-manager"'}
    assert bench.news() == []


def test_a_token_that_is_not_accepted_is_refused_in_the_words_of_the_field(bench: Bench) -> None:
    with pytest.raises(TurnedAway) as caught:
        bench.ask("wrong")

    challenge = 'Bearer realm="secrets-manager", error="invalid_token"'
    assert (caught.value.status, caught.value.headers) == (401, {"WWW-Authenticate": challenge})


def test_answers_are_believed_for_half_a_minute_and_no_longer(bench: Bench) -> None:
    bench.ask("token-of-admin")
    bench.news()
    bench.clock.now += 29
    bench.ask("token-of-admin")
    assert bench.news() == []
    bench.reviews.owners.clear()
    bench.clock.now += 2

    assert bench.status("token-of-admin") == 401
    assert bench.news() == ["token"]


def test_a_right_that_is_taken_away_is_gone_within_half_a_minute(bench: Bench) -> None:
    bench.ask("token-of-team", "team")
    bench.reviews.grants.clear()
    bench.clock.now += 31

    assert bench.status("token-of-team", "team") == 403


def test_a_right_that_is_given_is_there_within_ten_seconds(bench: Bench) -> None:
    assert bench.status("token-of-team", "new") == 403
    bench.reviews.grants.add(("team", "new"))
    bench.clock.now += 11

    assert bench.ask("token-of-team", "new") == Sight(frozenset({"new"}))


def test_a_token_that_changes_hands_keeps_no_rights(bench: Bench) -> None:
    bench.ask("token-of-admin")
    bench.reviews.owners["token-of-admin"] = TEAM
    bench.clock.now += 31

    assert bench.status("token-of-admin") == 403


def test_who_guesses_costs_two_calls_a_second_and_shuts_out_nobody_who_is_known(bench: Bench) -> None:
    bench.ask("token-of-admin")
    bench.news()
    bench.clock.now += 1
    statuses = [bench.status(f"guess-{number}") for number in range(100)]
    assert (statuses.count(401), statuses.count(429)) == (20, 80)
    assert bench.news() == ["token"] * 20
    bench.clock.now += 31
    for number in range(70):
        bench.status(f"more-{number}")

    assert bench.ask("token-of-admin") == Sight()
    assert bench.status("token-of-team", "team") == 429
    bench.clock.now += 1
    assert bench.ask("token-of-team", "team") == Sight(frozenset({"team"}))


def test_the_same_wrong_token_is_asked_about_once_in_ten_seconds(bench: Bench) -> None:
    for _ in range(50):
        assert bench.status("wrong") == 401
    assert bench.news() == ["token"]
    bench.clock.now += 11
    bench.status("wrong")

    assert bench.news() == ["token"]


def test_somebody_who_asks_for_ever_other_namespaces_is_slowed_down_alone(bench: Bench) -> None:
    statuses = [bench.status("token-of-team", f"n{number}") for number in range(100)]
    assert statuses.count(429) > 50

    assert bench.ask("token-of-admin") == Sight()


def test_little_is_remembered_however_many_come(bench: Bench) -> None:
    for number in range(600):
        bench.clock.now += 1
        bench.reviews.owners[f"t{number}"] = ADMIN
        bench.ask(f"t{number}")
        bench.status(f"wrong-{number}")
        bench.ask(f"t{number}", f"n{number}")

    assert len(bench.door._callers) == 256
    assert len(bench.door._refused) <= 1024


def test_nothing_more_is_asked_when_no_time_is_left(bench: Bench) -> None:
    bench.left = 0.0

    assert bench.status("token-of-team", "team", "other") == 503
    assert bench.news() == ["token"]


def test_no_token_is_kept(bench: Bench) -> None:
    bench.ask("token-of-admin")
    bench.status("wrong-token")

    kept = repr((bench.door._callers, bench.door._refused, vars(bench.door)))
    assert "token-of-admin" not in kept
    assert "wrong-token" not in kept


FAULTS: Sequence[tuple[SecretsManagerError, str]] = [
    (ClusterUnavailable("it is away"), "does not say who you are"),
    (Forbidden("RBAC"), "config/components/status-page"),
]


@pytest.mark.parametrize(("fault", "words"), FAULTS)
def test_nobody_is_let_in_while_the_api_server_does_not_say_who_they_are(
    bench: Bench, fault: SecretsManagerError, words: str
) -> None:
    bench.ask("token-of-admin")
    bench.clock.now += 31
    bench.reviews.fault = fault
    with pytest.raises(TurnedAway) as caught:
        bench.ask("token-of-admin")

    assert (caught.value.status, caught.value.headers) == (503, {"Retry-After": "5"})
    assert words in caught.value.text
    bench.reviews.fault = None
    assert bench.ask("token-of-admin") == Sight()
