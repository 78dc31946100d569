"""Rules hold for every path of a definition, before anything of it is read."""

from __future__ import annotations

import pytest

from secrets_manager.backends.memory import MemoryBackend
from secrets_manager.cluster.base import Json
from secrets_manager.domain.policy_rules import Effect, Rule
from tests.unit.backends.tables import rows
from tests.unit.sync.world import TEAM, World, wanting

OTHER = "other"
OWN = Rule(namespaces=(TEAM,), paths=("{namespace}/*",), effect=Effect.ALLOW)
RULES = (Rule(namespaces=("t*",), paths=("team/admin", "team/admin/*"), effect=Effect.DENY), OWN)
DENIED = "team/admin/db"
KEYS: Json = {"a": {"path": "team/app", "key": "user"}}


def spec(**more: object) -> Json:
    return {"name": "app", "keysMap": KEYS, **more}


@pytest.mark.parametrize(
    "asked",
    rows(
        {
            "a key": spec(keysMap={**KEYS, "b": {"path": DENIED, "key": "user"}}),
            "an optional key": spec(keysMap={**KEYS, "b": {"path": DENIED, "key": "user", "optional": True}}),
            "a whole path": spec(dataFrom=[{"path": DENIED}]),
            "a whole path that may be absent": spec(dataFrom=[{"path": DENIED, "optional": True}]),
            "an input": spec(inputs={"db": {"path": DENIED}}, template={"t": "{{ db.user }}"}),
            "an input of one key": spec(
                inputs={"db": {"path": DENIED, "key": "user"}}, template={"t": "{{ db }}"}
            ),
        }
    ),
)
def test_nothing_is_read_for_a_definition_with_a_denied_path_in_any_of_its_parts(asked: Json) -> None:
    world = World(rules=RULES)
    world.backend.put("team/app", {"user": "alice"})
    world.backend.put(DENIED, {"user": "canary"})
    world.define(spec=asked)
    world.start().pass_time(20)

    assert world.condition() == ("False", "PathNotAllowed")
    assert world.backend.reads() == 0
    assert world.data("app") is None
    said = [each["message"] for each in world.status()["conditions"] if each["type"] == "Ready"]
    assert "namespace 'team' to read path 'team/admin/db': rule 1 denies it" in "".join(said)


def test_a_definition_whose_paths_are_allowed_is_served() -> None:
    world = World(rules=RULES)
    world.backend.put("team/app", {"user": "alice"})
    world.define(spec=spec())
    world.start()

    assert world.condition() == ("True", "Synced")
    assert world.data("app") == {"a": "alice"}


def test_a_rule_for_one_backend_allows_nothing_of_another() -> None:
    only_other = Rule(namespaces=("*",), backends=(OTHER,), paths=("*",), effect=Effect.ALLOW)
    backend = MemoryBackend()
    backend.put("app", {"user": "alice", "password": "x"})
    world = World(rules=(only_other,), others={OTHER: backend})
    world.backend.put("app", {"user": "alice", "password": "x"})
    world.define("there", spec=wanting("there", "app", backend=OTHER))
    world.define("here", spec=wanting("here", "app"))
    world.start()

    assert world.condition("there") == ("True", "Synced")
    assert world.condition("here") == ("False", "PathNotAllowed")
    assert world.backend.reads() == 0
