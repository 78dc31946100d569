"""Whether the benchmark notices that it measured the wrong thing."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from bench.corpus import Corpus, Item, definition

ITEM = Item(
    name="app-1", path="secret/data/x/app-1", uid="u", version="1", values={"username": "a", "password": "b"}
)
CORPUS = Corpus(namespace="x", items=(ITEM,))


class FakeApi:
    """Lists one Secret, or none."""

    def __init__(self, data: dict[str, str] | None) -> None:
        self._data = data

    def list(self, path: str, **query: object) -> list[dict[str, Any]]:
        assert path == "/api/v1/namespaces/x/secrets"
        if self._data is None:
            return []
        data = {key: base64.b64encode(value.encode()).decode() for key, value in self._data.items()}
        return [{"metadata": {"name": "app-1"}, "data": data}]


def test_secrets_as_defined_pass() -> None:
    CORPUS.check(FakeApi({"username": "a", "password": "b"}))


@pytest.mark.parametrize("data", [None, {}, {"username": "a"}, {"username": "a", "password": "x"}], ids=str)
def test_a_missing_or_different_secret_is_told(data: dict[str, str] | None) -> None:
    with pytest.raises(AssertionError, match="1 Secrets are not as defined, app-1 for one"):
        CORPUS.check(FakeApi(data))


def test_values_do_not_show_in_what_is_printed() -> None:
    canary = Item(name="app-1", path="p", uid="u", version="1", values={"password": "canary-7f3a"})

    assert "canary-7f3a" not in repr(Corpus(namespace="x", items=(canary,)))


def test_a_definition_has_two_keys_from_one_path() -> None:
    keys = definition("app-1", "secret/data/x/app-1")["spec"]["keysMap"]

    assert set(keys) == {"username", "password"}
    assert {each["path"] for each in keys.values()} == {"secret/data/x/app-1"}
