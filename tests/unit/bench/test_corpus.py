"""The benchmark notices when it measured the wrong thing: a Secret or a condition that is not as defined."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from bench.bulk import Call
from bench.corpus import Corpus, Item, check_secrets, encode, write_call
from bench.plans import Plan, Source, Wish
from bench.poison import mixed
from bench.sickbed import check_estate
from bench.watcher import Expectation

PATH = "secret/data/x/app-1"
WISH = Wish(
    namespace="x", name="app-1", keys={key: Source(path=PATH, key=key) for key in ("username", "password")}
)
RIGHT = {"username": "a", "password": "b"}
PLAN = Plan(wishes=[WISH], values={PATH: RIGHT})
CORPUS = Corpus(plan=PLAN, items=(Item(wish=WISH, uid="u", version="1"),))
ESTATE = mixed(["a"], 4, sick_every=2)
SICK = ESTATE.sick[0].wish
HEALTHY = ESTATE.healthy.wishes[0]


@dataclass
class FakeApi:
    """Lists these Secrets and conditions, one to a page."""

    secrets: dict[str, dict[str, str]] = field(default_factory=dict)
    conditions: dict[str, tuple[str, str]] = field(default_factory=dict)

    def get(self, path: str, **query: object) -> dict[str, Any]:
        assert query["limit"]
        items: list[dict[str, Any]] = [
            {"metadata": {"name": name}, "data": encode(data)} for name, data in self.secrets.items()
        ]
        if not path.endswith("/secrets"):
            items = [definition(name, *condition) for name, condition in self.conditions.items()]
        number = int(str(query.get("continue", 0)))
        more = {"continue": str(number + 1)} if number + 1 < len(items) else {}
        return {"metadata": more, "items": items[number : number + 1]}


def definition(name: str, status: str, reason: str) -> dict[str, Any]:
    ready = {"type": "Ready", "status": status, "reason": reason}
    return {"metadata": {"name": name}, "status": {"conditions": [ready]}}


@pytest.fixture
def estate_api() -> FakeApi:
    """Everything in the estate as it should be, which the check accepts."""
    healthy = ESTATE.healthy.wishes
    conditions = {each.wish.name: ("False", each.poison.reason) for each in ESTATE.sick}
    conditions |= {wish.name: ("True", "Synced") for wish in healthy}
    api = FakeApi({wish.name: dict(ESTATE.healthy.data(wish)) for wish in healthy}, conditions)
    check_estate(ESTATE, api)
    return api


@pytest.mark.parametrize("data", [None, {}, {"username": "a"}, {"username": "a", "password": "x"}], ids=str)
def test_a_secret_that_is_missing_different_or_as_before_a_change_is_an_error(
    data: dict[str, str] | None,
) -> None:
    CORPUS.check(FakeApi({"app-0": {}, "app-1": RIGHT}))
    with pytest.raises(AssertionError, match="1 Secrets are not as defined, app-1 for one"):
        CORPUS.check(FakeApi() if data is None else FakeApi({"app-1": data}))
    changed = PLAN.changed({PATH: {"username": "a", "password": "c"}})

    check_secrets(changed, FakeApi({"app-1": {"username": "a", "password": "c"}}))
    with pytest.raises(AssertionError, match="not as defined"):
        check_secrets(changed, FakeApi({"app-1": RIGHT}))


def test_a_healthy_one_without_a_secret_and_a_sick_one_with_one_are_errors(
    estate_api: FakeApi,
) -> None:
    healthy = estate_api.secrets.pop(HEALTHY.name)
    with pytest.raises(AssertionError, match="1 Secrets are not as defined"):
        check_estate(ESTATE, estate_api)
    estate_api.secrets |= {HEALTHY.name: healthy, SICK.name: {}}
    with pytest.raises(AssertionError, match="1 sick definitions have a Secret"):
        check_estate(ESTATE, estate_api)


@pytest.mark.parametrize("name", [SICK.name, HEALTHY.name], ids=["sick", "healthy"])
@pytest.mark.parametrize("condition", [("False", "InternalError"), ("Unknown", "Synced"), None], ids=str)
def test_another_condition_than_expected_is_an_error(
    estate_api: FakeApi, name: str, condition: tuple[str, str] | None
) -> None:
    wrong = {name: condition} if condition else {}
    estate_api.conditions = {each: it for each, it in estate_api.conditions.items() if each != name} | wrong

    with pytest.raises(AssertionError, match="1 conditions are not as they should be"):
        check_estate(ESTATE, estate_api)


def sighting(at: float | None = None) -> Expectation:
    return Expectation(namespace="a", name="app", data=encode({"password": "new"}), began=100.0, at=at)


@pytest.mark.parametrize(
    ("kind", "data", "right"),
    [
        ("ADDED", {"password": "new"}, True),
        ("DELETED", {"password": "new"}, False),
        ("MODIFIED", {"password": "old"}, False),
        ("MODIFIED", {"password": "new", "more": "x"}, False),
    ],
)
def test_a_secret_is_right_once_it_holds_the_expected_data_which_ends_its_latency(
    kind: str, data: dict[str, str], *, right: bool
) -> None:
    event = {"type": kind, "object": {"metadata": {"name": "app"}, "data": encode(data)}}

    assert sighting().fits(event) is right
    assert sighting(at=100.25).latency == 0.25
    with pytest.raises(AssertionError, match="Secret app was not seen to become right"):
        _ = sighting().latency


def test_values_of_a_plan_are_not_printed() -> None:
    plan = Plan(wishes=[WISH], values={PATH: {"password": "canary-7f3a"}})
    call = write_call(PATH, {"password": "canary-7f3a"})

    assert call == Call(method="POST", path=f"/v1/{PATH}", body={"data": {"password": "canary-7f3a"}})
    assert "canary-7f3a" not in repr((Corpus(plan=plan, items=()), call))
    assert encode({"password": "new"})["password"] not in repr(sighting())
