"""With `onDelete: Retain` a Secret outlives its definition."""

from __future__ import annotations

from typing import Any

import pytest

from secrets_manager.cluster.base import SECRETS
from secrets_manager.domain.definition import Ref
from tests.unit.sync.world import TEAM, World, wanting

APP = Ref(TEAM, "app")
ON_DELETE = {"onDelete": "Retain"}


@pytest.fixture
def world() -> World:
    world = World()
    world.backend.put("app", {"user": "alice"})
    return world


def owners(world: World, name: str = "app") -> list[str]:
    return [owner["kind"] for owner in world.metadata(name).get("ownerReferences", [])]


def retained(name: str = "app", **rest: Any) -> Any:
    return {**wanting(name), **ON_DELETE, **rest}


def test_it_is_made_without_an_owner_and_stays_when_its_definition_goes(world: World) -> None:
    world.define(spec=retained())
    world.start()
    assert world.data() == {"user": "alice"}
    assert owners(world) == []

    world.delete(APP)
    world.pass_time()
    world.restarted().start()
    assert world.data() == {"user": "alice"}


def test_a_change_of_the_wish_changes_the_owner_and_nothing_else(world: World) -> None:
    world.define(spec=wanting())
    world.start()
    before = world.metadata()
    for spec, expected in ((retained(), []), ({**wanting(), "onDelete": "Delete"}, ["SecretDefinition"])):
        world.respecify(APP, spec)
        world.settle()
        assert owners(world) == expected
        assert world.metadata()["annotations"] == before["annotations"]
        assert world.metadata()["labels"] == before["labels"]
        assert not world.outcomes[-1].restored


def test_owners_that_others_set_stay(world: World) -> None:
    other = {"apiVersion": "v1", "kind": "ConfigMap", "name": "other", "uid": "1"}
    world.define(spec=wanting())
    world.start()
    mine = world.metadata()["ownerReferences"]
    world.cluster.edit(SECRETS, APP, {"metadata": {"ownerReferences": [other, *mine]}})
    world.respecify(APP, retained())
    world.settle()

    assert owners(world) == ["ConfigMap"]


def test_it_stays_when_the_definition_names_another_secret(world: World) -> None:
    world.define(spec=retained("first"))
    world.start()
    world.respecify(APP, retained("second"))
    world.pass_time()
    away = World(cluster=world.cluster, backend=world.backend, clock=world.clock)
    world.respecify(APP, retained("third"))
    away.start()

    assert [world.data(name) for name in ("first", "second", "third")] == [{"user": "alice"}] * 3


def test_a_wish_that_comes_together_with_another_name_keeps_the_old_secret(world: World) -> None:
    world.define(spec=wanting("first"))
    world.start()
    world.respecify(APP, retained("second"))
    world.pass_time()

    assert world.data("first") == {"user": "alice"}


@pytest.mark.parametrize("word", ["retain", "", 3, ["Retain"]])
def test_a_word_that_is_not_known_is_reported_and_nothing_is_deleted(world: World, word: Any) -> None:
    world.define(spec=wanting())
    world.start()
    world.respecify(APP, {**wanting(), "onDelete": word})
    world.settle()
    assert world.condition() == ("False", "InvalidSpec")
    assert "spec.onDelete" in world.status()["conditions"][0]["message"]

    world.delete(APP)
    world.pass_time()
    assert world.data() == {"user": "alice"}


def test_a_definition_of_the_same_name_takes_it_up_again(world: World) -> None:
    world.define(spec=retained())
    world.start()
    world.delete(APP)
    world.pass_time()
    world.define(spec=wanting())
    world.pass_time()

    assert owners(world) == ["SecretDefinition"]
    world.delete(APP)
    world.pass_time()
    assert world.data() is None


def test_the_finalizer_of_the_original_is_released(world: World) -> None:
    world.define(spec=retained(), finalizers=["secret.finalizer.secrets-manager.tuenti.io"])
    world.start()
    world.delete(APP)
    world.pass_time()

    assert world.cluster.snapshot(SECRETS, APP) is not None
    assert world.agenda.view.definitions.get(APP) is None
