"""A definition may name a version of a path, which stays what it is while the path changes."""

from __future__ import annotations

from typing import Any

import pytest

from secrets_manager.backends.base import Source
from secrets_manager.backends.memory import MemoryBackend
from secrets_manager.cluster.base import Json
from secrets_manager.domain.definition import Ref
from tests.unit.sync.world import NOTHING, TEAM, World

APP = Ref(TEAM, "app")


def key(version: str = "", **more: Any) -> Json:
    return {"path": "app", "key": "a", **({"version": version} if version else {}), **more}


def start(keys: Json, *values: str, policy: tuple[str, ...] = (), **spec: Any) -> World:
    """A world in which the path has a version for each of the values."""
    world = World(policy=policy)
    for value in values:
        world.backend.put("app", {"a": value})
    world.define(spec={"name": "app", "keysMap": keys, **spec})
    return world.start()


def message(world: World) -> str:
    text: str = world.status()["conditions"][0]["message"]
    return text


def test_a_version_stays_while_the_newest_moves_on() -> None:
    world = start({"old": key("1"), "new": key()}, "first", "second")
    assert world.data() == {"old": "first", "new": "second"}

    world.backend.put("app", {"a": "third"})
    world.pass_time()

    assert world.data() == {"old": "first", "new": "third"}


def test_the_status_lists_a_path_once_with_all_its_versions() -> None:
    world = start({"a": key("2"), "b": key(), "c": key("1"), "d": key("3")}, "1", "2", "3")

    assert world.status()["sources"] == [{"path": "app", "version": "2, 3, 1"}]
    assert world.data() == {"a": "2", "b": "3", "c": "1", "d": "3"}
    with world.spending() as spent:
        world.pass_time(30)
        world.restarted().start()
    assert spent.calls == NOTHING.calls


def test_a_version_is_read_once_a_period_for_all_that_use_it() -> None:
    world = start({"a": key("1"), "b": key("1")}, "1", "2")
    world.define("other", spec={"name": "other", "keysMap": {"c": key("1")}})
    world.settle()
    with world.spending() as spent:
        world.pass_time()

    assert spent.reads == 1


def test_whole_paths_and_inputs_have_versions_too() -> None:
    world = start(
        {},
        "first",
        "second",
        dataFrom=[{"path": "app", "version": "1"}],
        inputs={"one": {"path": "app", "version": "1"}, "two": {"path": "app", "key": "a", "version": "2"}},
        template={"b": "{{ one.a }} {{ two }}"},
    )

    assert world.data() == {"a": "first", "b": "first second"}
    assert world.status()["sources"] == [{"path": "app", "version": "1, 2"}]


def test_a_version_that_is_deleted_leaves_the_secret_and_comes_back_with_it() -> None:
    world = start({"a": key("1"), "b": key()}, "first", "second")
    world.backend.soft_delete("app", "1")
    world.pass_time()
    assert world.condition() == ("False", "SourceDeleted")
    assert "version 1 of path 'app'" in message(world)
    assert world.data() == {"a": "first", "b": "second"}

    world.backend.undelete("app", "1")
    world.pass_time(60)
    assert world.condition() == ("True", "Synced")

    world.backend.destroy("app", "1")
    world.pass_time()
    assert world.condition() == ("False", "SourceDestroyed")


@pytest.mark.parametrize(("more", "data"), [({"optional": True}, {}), ({"default": "d"}, {"a": "d"})])
def test_optional_and_default_hold_for_a_version_that_is_not_there(more: Json, data: dict[str, str]) -> None:
    world = start({"a": key("3", **more), "b": key()}, "first", "second")
    assert world.data() == {**data, "b": "second"}
    assert world.condition() == ("True", "Synced")

    world.backend.put("app", {"a": "third"})
    world.pass_time()
    assert world.data() == {"a": "third", "b": "third"}


def test_a_version_that_never_was_is_not_found() -> None:
    world = start({"a": key("3")}, "first")

    assert world.condition() == ("False", "SourceNotFound")
    assert "version 3 of path 'app' does not exist" in message(world)


@pytest.mark.parametrize("version", ["0", "x", "3?list=true", "v" * 64])
def test_what_is_no_version_is_reported_without_a_read(version: str) -> None:
    world = start({"a": key(version, optional=True)}, "first")

    assert world.condition() == ("False", "InvalidVersion")
    assert world.backend.reads() == 0


def test_a_version_that_is_no_string_or_very_long_is_an_invalid_spec() -> None:
    for wrong, words in ((3, "is a number, not a string"), ("v" * 65, "has 65 characters, more than 64")):
        world = start({"a": {"path": "app", "key": "a", "version": wrong}}, "first")

        assert world.condition() == ("False", "InvalidSpec")
        assert f"spec.keysMap[a].version {words}" in message(world)


def test_no_version_of_a_path_is_read_that_the_policy_forbids() -> None:
    world = start({"a": key("1", optional=True)}, "first", policy=("{namespace}/*",))

    assert world.condition() == ("False", "PathNotAllowed")
    assert world.backend.reads() == 0


class WithoutVersions(MemoryBackend):
    """As a plug-in that was made before there were versions."""

    def locate(self, path: str) -> Source:  # type: ignore[override]
        return super().locate(path)


def test_a_backend_without_versions_refuses_them_and_serves_all_else() -> None:
    world = World(backend=WithoutVersions())
    world.backend.put("app", {"a": "first"})
    world.define("app", spec={"name": "app", "keysMap": {"a": key("1")}})
    world.define("plain", spec={"name": "plain", "keysMap": {"a": key()}})
    world.start()

    assert world.condition("app") == ("False", "InvalidVersion")
    assert world.data("app") is None
    assert world.data("plain") == {"a": "first"}


def test_two_spellings_of_one_version_are_one_source() -> None:
    world = start({"a": key("1"), "b": {"path": "/app", "key": "a", "version": "1"}}, "first", "second")

    assert world.data() == {"a": "first", "b": "first"}
    assert world.status()["sources"] == [
        {"path": "app", "version": "1"},
        {"path": "/app", "version": "1"},
    ]
    assert world.backend.reads() == 1
