"""The backend changes, and the Secrets follow within a reconcile period; or it fails, and
they stay.
"""

from __future__ import annotations

import time

import pytest

from tests.integration.world import LAST_UPDATE, PATIENCE, World, source
from tests.testbed.kube_api import secrets
from tests.testbed.waiting import wait_until

pytestmark = pytest.mark.usefixtures("polling_daemon")


def test_a_change_in_the_backend_arrives_with_its_version(
    world: World, namespace: str, kv_prefix: str
) -> None:
    world.write(kv_prefix, password="first", old="value")
    keys = world.keys("password", of=kv_prefix)
    world.define(namespace, "app", keys)
    world.wait_data(namespace, "app", {"password": "first"})
    world.wait_reason(namespace, "app", "Synced")
    assert world.found(namespace, "app")["status"]["sources"] == [
        {"path": world.path(kv_prefix), "version": "1"}
    ]

    world.write(kv_prefix, password="second")

    world.wait_data(namespace, "app", {"password": "second"})
    wait_until(
        lambda: world.found(namespace, "app")["status"]["sources"][0]["version"] == "2",
        PATIENCE,
        "the version in the status",
    )


def test_the_time_of_the_last_update_moves_with_the_data_and_only_then(
    world: World, namespace: str, kv_prefix: str
) -> None:
    world.write(kv_prefix, password="first")
    world.define(namespace, "app", world.keys("password", of=kv_prefix))
    world.wait_data(namespace, "app", {"password": "first"})
    before = _updated(world, namespace)
    wait_until(lambda: _now() > before, PATIENCE, "the next second")

    world.change(namespace, "app", {"metadata": {"labels": {"a": "b"}}})
    wait_until(
        lambda: world.secret(namespace, "app")["metadata"]["labels"].get("a") == "b", PATIENCE, "the label"
    )
    world.write(kv_prefix, password="first", unused="new version, same key")
    world.wait_polls(kv_prefix, 3)
    assert _updated(world, namespace) == before

    world.write(kv_prefix, password="second")
    world.wait_data(namespace, "app", {"password": "second"})
    assert _updated(world, namespace) > before


def test_a_new_version_with_the_same_value_writes_no_secret(
    world: World, namespace: str, kv_prefix: str
) -> None:
    world.write(kv_prefix, password="first")
    world.define(namespace, "app", world.keys("password", of=kv_prefix))
    world.wait_data(namespace, "app", {"password": "first"})
    version = world.secret(namespace, "app")["metadata"]["resourceVersion"]

    world.write(kv_prefix, password="first")

    wait_until(
        lambda: world.found(namespace, "app").get("status", {}).get("sources", [{}])[0].get("version") == "2",
        PATIENCE,
        "the version in the status",
    )
    assert world.secret(namespace, "app")["metadata"]["resourceVersion"] == version


def test_a_path_that_many_use_is_read_as_often_as_one_that_few_use(
    world: World, namespace: str, kv_prefix: str
) -> None:
    shared, single = f"{kv_prefix}-shared", f"{kv_prefix}-single"
    world.write(shared, a="1")
    world.write(single, a="1")
    for number in range(12):
        world.define(namespace, f"shared-{number}", world.keys("a", of=shared))
    world.define(namespace, "single", world.keys("a", of=single))
    for name in (*(f"shared-{number}" for number in range(12)), "single"):
        world.wait_reason(namespace, name, "Synced")

    before = world.openbao.reads_of_each()
    made = wait_until(
        lambda: made if (made := world.openbao.reads_of_each() - before)[world.path(single)] >= 4 else None,
        PATIENCE,
        "4 more polls",
    )

    assert 2 <= made[world.path(shared)] <= 6


def test_all_definitions_that_use_a_path_follow_it(world: World, namespace: str, kv_prefix: str) -> None:
    world.write(kv_prefix, a="1")
    names = [f"app-{number}" for number in range(5)]
    for name in names:
        world.define(namespace, name, world.keys("a", of=kv_prefix))
        world.wait_data(namespace, name, {"a": "1"})

    world.write(kv_prefix, a="2")

    for name in names:
        world.wait_data(namespace, name, {"a": "2"})


@pytest.mark.parametrize("vanishes", ["deleted", "destroyed", "purged"])
def test_a_source_that_vanishes_leaves_the_secret_and_is_followed_when_it_is_back(
    world: World, namespace: str, kv_prefix: str, vanishes: str
) -> None:
    world.write(kv_prefix, a="1")
    world.define(namespace, "app", world.keys("a", of=kv_prefix))
    world.wait_reason(namespace, "app", "Synced")
    version = world.secret(namespace, "app")["metadata"]["resourceVersion"]
    path = f"{world.prefix}/{kv_prefix}"

    if vanishes == "deleted":
        world.openbao.delete_kv2(path)
    elif vanishes == "destroyed":
        world.openbao.destroy_kv2(path, [1])
    else:
        world.openbao.purge_kv2(path)

    reason = {"deleted": "SourceDeleted", "destroyed": "SourceDestroyed", "purged": "SourceNotFound"}
    world.wait_reason(namespace, "app", reason[vanishes])
    assert world.secret(namespace, "app")["metadata"]["resourceVersion"] == version

    world.write(kv_prefix, a="2")
    world.wait_data(namespace, "app", {"a": "2"})
    world.wait_reason(namespace, "app", "Synced")


def test_a_missing_key_of_two_changes_nothing_in_the_secret(
    world: World, namespace: str, kv_prefix: str
) -> None:
    world.write(kv_prefix, a="1", b="1")
    world.define(namespace, "app", world.keys("a", "b", of=kv_prefix))
    world.wait_data(namespace, "app", {"a": "1", "b": "1"})

    world.write(kv_prefix, a="2")

    world.wait_reason(namespace, "app", "KeyNotFound")
    assert world.data(namespace, "app") == {"a": "1", "b": "1"}


def test_a_failing_source_does_not_hold_up_its_neighbour(
    world: World, namespace: str, kv_prefix: str
) -> None:
    world.write(kv_prefix, a="1")
    world.define(namespace, "broken", world.keys("a", of=f"{kv_prefix}-missing"))
    world.wait_reason(namespace, "broken", "SourceNotFound")
    world.define(namespace, "sound", world.keys("a", of=kv_prefix))
    world.wait_data(namespace, "sound", {"a": "1"})

    world.write(kv_prefix, a="2")

    world.wait_data(namespace, "sound", {"a": "2"})
    assert world.data(namespace, "broken") is None


def test_a_path_that_the_policy_forbids_is_distinguished_from_a_missing_one(
    world: World, namespace: str
) -> None:
    world.define(namespace, "app", {"a": source("secret/data/of-somebody-else", "a")})

    condition = world.wait_reason(namespace, "app", "PermissionDenied")

    assert "secret/data/of-somebody-else" in condition["message"]


def test_a_definition_whose_path_changes_follows_the_new_path(
    world: World, namespace: str, kv_prefix: str
) -> None:
    one, two = f"{kv_prefix}-one", f"{kv_prefix}-two"
    world.write(one, a="one")
    world.write(two, a="two")
    world.define(namespace, "app", world.keys("a", of=one))
    world.wait_data(namespace, "app", {"a": "one"})

    world.change(namespace, "app", {"spec": {"keysMap": world.keys("a", of=two)}})
    world.wait_data(namespace, "app", {"a": "two"})
    world.write(two, a="two again")

    world.wait_data(namespace, "app", {"a": "two again"})
    left = world.reads(one)
    world.wait_polls(two, 3)
    assert world.reads(one) == left


def _updated(world: World, namespace: str) -> str:
    updated: str = world.cluster.api.get(secrets(namespace, "app"))["metadata"]["annotations"][LAST_UPDATE]
    return updated


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H.%M.%SZ", time.gmtime())


def test_what_the_backend_lacks_is_left_out_or_has_its_default(world: World, namespace: str) -> None:
    world.write("kept", user="alice")
    keys = {
        "user": source(world.path("kept"), "user"),
        "banner": {**source(world.path("coming"), "text"), "optional": True},
        "region": {**source(world.path("coming"), "region"), "default": "eu"},
    }
    world.define(namespace, "lacking", keys)
    world.wait_data(namespace, "lacking", {"user": "alice", "region": "eu"})

    world.write("coming", text="open", region="us")
    world.wait_data(namespace, "lacking", {"user": "alice", "banner": "open", "region": "us"})
    world.openbao.delete_kv2(f"{world.prefix}/coming")
    world.wait_data(namespace, "lacking", {"user": "alice", "region": "eu"})
    world.wait_reason(namespace, "lacking", "Synced")
