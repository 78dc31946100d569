"""Whether the benchmark notices that it measured the wrong thing."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from bench.bulk import Call
from bench.corpus import Corpus, Item, check_secrets, definition, written
from bench.plans import Plan, Source, Wish

WISH = Wish(
    namespace="x",
    name="app-1",
    keys={key: Source(path="secret/data/x/app-1", key=key) for key in ("username", "password")},
)
PLAN = Plan(wishes=[WISH], values={"secret/data/x/app-1": {"username": "a", "password": "b"}})
CORPUS = Corpus(plan=PLAN, items=(Item(wish=WISH, uid="u", version="1"),))


class FakeApi:
    """Lists Secrets of these data one to a page, or none."""

    def __init__(self, *data: dict[str, str], first: int = 1) -> None:
        self._data = data
        self._first = first

    def get(self, path: str, **query: object) -> dict[str, Any]:
        assert path == "/api/v1/namespaces/x/secrets"
        assert query["limit"]
        number = int(str(query.get("continue", 0)))
        items = [
            {"metadata": {"name": f"app-{self._first + number}"}, "data": _encoded(data)}
            for data in self._data[number : number + 1]
        ]
        more = {"continue": str(number + 1)} if number + 1 < len(self._data) else {}
        return {"metadata": more, "items": items}


def _encoded(data: dict[str, str]) -> dict[str, str]:
    return {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}


def test_secrets_as_defined_pass() -> None:
    CORPUS.check(FakeApi({"username": "a", "password": "b"}))


def test_a_secret_on_a_later_page_is_found() -> None:
    CORPUS.check(FakeApi({}, {"username": "a", "password": "b"}, first=0))


@pytest.mark.parametrize("data", [None, {}, {"username": "a"}, {"username": "a", "password": "x"}], ids=str)
def test_a_missing_or_different_secret_is_told(data: dict[str, str] | None) -> None:
    api = FakeApi() if data is None else FakeApi(data)

    with pytest.raises(AssertionError, match="1 Secrets are not as defined, app-1 for one"):
        CORPUS.check(api)


def test_after_a_change_the_new_values_are_the_right_ones() -> None:
    changed = PLAN.changed({"secret/data/x/app-1": {"username": "a", "password": "c"}})

    check_secrets(changed, FakeApi({"username": "a", "password": "c"}))
    with pytest.raises(AssertionError, match="not as defined"):
        check_secrets(changed, FakeApi({"username": "a", "password": "b"}))


def test_values_do_not_show_in_what_is_printed() -> None:
    plan = Plan(wishes=[WISH], values={"secret/data/x/app-1": {"password": "canary-7f3a"}})
    call = written("secret/data/x/app-1", {"password": "canary-7f3a"})

    assert "canary-7f3a" not in repr(Corpus(plan=plan, items=()))
    assert "canary-7f3a" not in repr(call)
    assert call == Call(
        method="POST", path="/v1/secret/data/x/app-1", body={"data": {"password": "canary-7f3a"}}
    )


def test_a_definition_has_the_keys_of_its_wish() -> None:
    keys = definition(WISH)["spec"]["keysMap"]

    assert set(keys) == {"username", "password"}
    assert {each["path"] for each in keys.values()} == {"secret/data/x/app-1"}


def test_a_definition_says_type_and_encoding_only_where_its_wish_does() -> None:
    source = Source(path="secret/data/x/app-1", key="k", encoding="base64")
    typed = Wish(namespace="x", name="app-1", keys={"a": source}, type="example.com/t")

    spec, usual = definition(typed)["spec"], definition(WISH)["spec"]

    assert (spec["type"], spec["keysMap"]["a"]["encoding"]) == ("example.com/t", "base64")
    assert "type" not in usual
    assert all("encoding" not in each for each in usual["keysMap"].values())
