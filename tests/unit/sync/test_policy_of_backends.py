"""Each path is looked at with the policy of its own backend, before any call."""

from __future__ import annotations

from typing import Any

import pytest

from secrets_manager.backends.memory import MemoryBackend
from secrets_manager.domain.policy_rules import Effect, Rule
from tests.unit.sync.world import PERIOD, World

EU = "eu"
# Of the backend eu, the namespace may read one folder; of any other with a name, nothing.
RULES = (
    Rule(namespaces=("*",), paths=("*",), effect=Effect.ALLOW, backends=("default",)),
    Rule(namespaces=("team",), paths=("open/hidden/*",), effect=Effect.DENY, backends=("*",)),
    Rule(namespaces=("team",), paths=("open/*",), effect=Effect.ALLOW, backends=(EU, "gone-eu")),
)
OURS = {"ours": {"path": "app", "key": "user"}}


class Desk:
    def __init__(self, spec: dict[str, Any], rules: tuple[Rule, ...] = RULES) -> None:
        self.eu, self.us = MemoryBackend(), MemoryBackend()
        self.world = World(others={EU: self.eu, "us": self.us}, rules=rules)
        for backend in (self.world.backend, self.eu, self.us):
            for path in ("app", "open/app", "open/hidden/app"):
                backend.put(path, {"user": "canary"})
        self.world.define(spec={"name": "app", **spec})
        self.world.start()
        self.world.pass_time(2 * PERIOD)

    def message(self) -> str:
        text: str = self.world.status()["conditions"][0]["message"]
        return text


def naming(field: str, path: str, backend: str) -> dict[str, Any]:
    """A spec with one entry of this kind, and a key of the default backend beside it."""
    entry = {"path": path, "backend": backend}
    kinds: dict[str, Any] = {
        "keysMap": {"keysMap": {**OURS, "k": {**entry, "key": "user"}}},
        "dataFrom": {"keysMap": OURS, "dataFrom": [entry]},
        "inputs": {"keysMap": OURS, "inputs": {"i": entry}, "template": {"t": "{{ i.user }}"}},
        "spec": {"backend": backend, "keysMap": {"k": {"path": path, "key": "user"}}},
    }
    found: dict[str, Any] = kinds[field]
    return found


@pytest.mark.parametrize("field", ["keysMap", "dataFrom", "inputs", "spec"])
def test_a_path_that_the_policy_allows_in_its_backend_is_read(field: str) -> None:
    assert Desk(naming(field, "open/app", EU)).world.condition() == ("True", "Synced")


@pytest.mark.parametrize("field", ["keysMap", "dataFrom", "inputs", "spec"])
@pytest.mark.parametrize(
    ("path", "backend", "rule"),
    [("app", EU, ""), ("open/hidden/app", EU, ": rule 2 denies it"), ("open/app", "us", "")],
)
def test_a_path_that_the_policy_refuses_in_its_backend_is_never_read(
    field: str, path: str, backend: str, rule: str
) -> None:
    desk = Desk(naming(field, path, backend))

    assert desk.world.condition() == ("False", "PathNotAllowed")
    text = f"the path policy does not allow namespace 'team' to read path {path!r}{rule}"
    assert desk.message() == f"backend {backend}: {text}"
    assert (desk.eu.reads(), desk.us.reads()) == (0, 0)
    assert desk.world.secret() is None


@pytest.mark.parametrize("path", ["app", "open/app", "open/hidden/app", "/app", "a//b", "a/../b", "a\tb"])
@pytest.mark.parametrize("field", ["keysMap", "dataFrom", "inputs", "spec"])
def test_who_may_not_use_a_backend_is_not_told_whether_there_is_one(field: str, path: str) -> None:
    there, gone = Desk(naming(field, path, "us")), Desk(naming(field, path, "gone"))

    assert there.world.condition() == gone.world.condition() == ("False", "PathNotAllowed")
    assert there.message().replace("us", "gone", 1) == gone.message()


def test_an_unknown_backend_is_told_to_who_might_read_the_path_there() -> None:
    desk = Desk(naming("keysMap", "open/app", "gone-eu"))

    assert desk.world.condition() == ("False", "UnknownBackend")
    assert desk.message() == "the settings of the daemon have no backend named 'gone-eu'"


def test_a_path_that_no_backend_takes_is_told_to_who_might_read_it() -> None:
    desk = Desk(naming("keysMap", "open/a//b", EU))

    assert desk.world.condition() == ("False", "InvalidPath")
    assert desk.message().startswith("backend eu: path 'open/a//b' has an empty")


def test_a_version_is_refused_with_the_name_of_its_backend() -> None:
    spec = naming("keysMap", "open/app", EU)
    spec["keysMap"]["k"]["version"] = "newest"
    desk = Desk(spec)

    assert desk.world.condition() == ("False", "InvalidVersion")
    assert desk.message().startswith("backend eu: version 'newest' of path 'open/app'")


def test_patterns_hold_for_the_paths_of_every_backend() -> None:
    world = World(others={EU: MemoryBackend()}, policy=("{namespace}/*",))
    for name in ("eu", "elsewhere"):
        world.define(
            name, spec={"name": name, "backend": name, "keysMap": {"k": {"path": "rivals/a", "key": ""}}}
        )
    world.start()

    assert {world.condition(name) for name in ("eu", "elsewhere")} == {("False", "PathNotAllowed")}
