"""The daemon under the rights that people grant: it works without missing rights, and makes no call that was
not granted.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.world import (
    CONFIG_RULES,
    LAST_UPDATE,
    NO_SECRET_LIST,
    ORIGINAL_RULES,
    PATIENCE,
    Rules,
    World,
    new_world,
    raw_secret,
)
from tests.testbed.cluster import TestCluster
from tests.testbed.kube_api import definitions, events, secrets
from tests.testbed.openbao import OpenBao
from tests.testbed.waiting import wait_until


def without(*resources: str) -> Rules:
    """The rules of config/rbac without these resources."""
    return [rule for rule in CONFIG_RULES if not set(resources) & set(rule["resources"])]


@pytest.fixture
def here(definitions_api: TestCluster) -> Iterator[str]:
    name = definitions_api.create_namespace()
    yield name
    definitions_api.delete_namespace(name)


# ── less than the whole ──────────────────────────────────────────────────────────────────────────────


def test_without_list_and_watch_on_secrets_each_is_read_by_name_and_that_is_logged_once(
    definitions_api: TestCluster, openbao: OpenBao, tmp_path: Path, here: str
) -> None:
    with new_world(definitions_api, openbao, tmp_path, rules={here: NO_SECRET_LIST}) as world:
        world.write("app", a="1")
        for number in range(3):
            world.define(here, f"app-{number}", world.keys("a"))
        with world.daemon("-reconcile-period=1s", f"-watch-namespaces={here}") as daemon:
            daemon.wait_ready()
            for number in range(3):
                world.wait_data(here, f"app-{number}", {"a": "1"})
            said = [line for line in daemon.log_lines() if "'list' on 'secrets'" in str(line.get("error"))]
            assert len(said) == 1

            # Drift is found by a reconcile once a period.
            patch = {"data": {"a": base64.b64encode(b"edited").decode()}}
            world.cluster.api.patch(secrets(here, "app-0"), patch)
            world.wait_data(here, "app-0", {"a": "1"})
            world.cluster.api.delete(secrets(here, "app-1"))
            world.wait_data(here, "app-1", {"a": "1"})
            world.write("app", a="2")
            for number in range(3):
                world.wait_data(here, f"app-{number}", {"a": "2"})
            world.cluster.api.delete(definitions(here, "app-2"))
            world.wait_data(here, "app-2", None)

            assert daemon.logged("Secret is out of sync") == []
            assert daemon.stop() == 0
        asked = world.calls()
        assert asked["get", "secrets"] > 3
        assert asked["watch", "secrets"] == 0


def test_without_rights_on_status_and_events_the_secrets_are_kept_all_the_same(
    definitions_api: TestCluster, openbao: OpenBao, tmp_path: Path, here: str
) -> None:
    rules = without("events", "secretdefinitions/status")
    with new_world(definitions_api, openbao, tmp_path, rules={here: rules}) as world:
        world.write("app", a="1")
        for number in range(5):
            world.define(here, f"app-{number}", world.keys("a"))
        world.define(here, "broken", world.keys("missing"))
        with world.daemon("-reconcile-period=1s", f"-watch-namespaces={here}") as daemon:
            for number in range(5):
                world.wait_data(here, f"app-{number}", {"a": "1"})
            wait_until(
                lambda: daemon.logged("Secret is out of sync", name="broken"), PATIENCE, "the failure logged"
            )
            world.write("app", a="2")
            for number in range(5):
                world.wait_data(here, f"app-{number}", {"a": "2"})

            assert len(daemon.logged("the status of definitions is not written")) == 1
            assert len(daemon.logged("Events are not written")) == 1
            assert {line["reason"] for line in daemon.logged("Secret is out of sync")} == {"KeyNotFound"}
            assert daemon.stop() == 0
        assert world.cluster.api.list(events(here)) == []
        assert world.condition(here, "app-0") == {}
        # Each busy worker may have tried once.
        assert world.calls()["update", "secretdefinitions/status"] <= 16


def test_a_right_that_is_missing_in_one_namespace_stops_no_definition_in_another(
    definitions_api: TestCluster, openbao: OpenBao, tmp_path: Path, here: str, namespace: str
) -> None:
    read_only: Rules = [*without("secrets"), {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]
    rules = {here: read_only, namespace: CONFIG_RULES}
    with new_world(definitions_api, openbao, tmp_path, rules=rules) as world:
        world.write("app", a="1")
        world.define(here, "app", world.keys("a"))
        world.define(namespace, "app", world.keys("a"))
        with world.daemon(f"-watch-namespaces={here},{namespace}") as daemon:
            world.wait_data(namespace, "app", {"a": "1"})
            condition = world.wait_reason(here, "app", "Forbidden")

            assert f"verb 'create' on 'secrets' in namespace '{here}'" in condition["message"]
            world.wait_reason(namespace, "app", "Synced")
            assert daemon.fetch("/readyz")[0] == 200
            assert daemon.stop() == 0


def test_a_right_that_is_granted_later_is_used(
    definitions_api: TestCluster, openbao: OpenBao, tmp_path: Path, here: str
) -> None:
    group = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{here}"
    with new_world(definitions_api, openbao, tmp_path, rules={here: without("secrets")}) as world:
        world.write("app", a="1")
        world.define(here, "app", world.keys("a"))
        with world.daemon("-reconcile-period=1s", f"-watch-namespaces={here}") as daemon:
            world.wait_reason(here, "app", "Forbidden")
            unread = "secrets_manager_controller_secret_read_errors_total"
            assert (daemon.metric(unread, namespace=here, name="app") or 0) >= 1

            rules = {"rules": [dict(rule) for rule in CONFIG_RULES]}
            world.cluster.api.patch(f"{group}/roles/{world.account.name}", rules)

            world.wait_data(here, "app", {"a": "1"})
            world.wait_reason(here, "app", "Synced")
            assert daemon.stop() == 0


def test_the_rights_of_the_original_are_enough(
    definitions_api: TestCluster, openbao: OpenBao, tmp_path: Path, here: str
) -> None:
    with new_world(definitions_api, openbao, tmp_path, cluster_rules=ORIGINAL_RULES) as world:
        world.write("app", a="1")
        world.define(here, "app", world.keys("a"))
        with world.daemon("-reconcile-period=1s") as daemon:
            daemon.wait_ready()
            world.wait_data(here, "app", {"a": "1"})
            world.write("app", a="2")
            world.wait_data(here, "app", {"a": "2"})
            world.change(here, "app", {"spec": {"name": "renamed"}})
            world.wait_data(here, "renamed", {"a": "2"})
            world.wait_data(here, "app", None)
            world.cluster.api.delete(definitions(here, "app"))
            world.wait_data(here, "renamed", None)
            assert daemon.stop() == 0


def test_the_daemon_never_patches(world_of_two: tuple[World, str, str]) -> None:
    world, one, _ = world_of_two

    world.define(one, "app", world.keys("a"))
    world.wait_data(one, "app", {"a": "1"})
    world.change(one, "app", {"metadata": {"labels": {"a": "b"}}})
    wait_until(lambda: world.secret(one, "app")["metadata"]["labels"].get("a") == "b", PATIENCE, "the label")

    assert not [call for call in world.calls() if call[0] in {"patch", "deletecollection"}]


# ── only here, and not there ─────────────────────────────────────────────────────────────────────────


@pytest.fixture
def world_of_two(
    definitions_api: TestCluster, openbao: OpenBao, tmp_path: Path, here: str, namespace: str
) -> Iterator[tuple[World, str, str]]:
    """Rights in two namespaces and nowhere else, and a daemon whose list of namespaces has blanks."""
    rules = {here: CONFIG_RULES, namespace: CONFIG_RULES}
    with new_world(definitions_api, openbao, tmp_path, rules=rules) as world:
        world.write("app", a="1")
        with world.daemon("-reconcile-period=1s", f"-watch-namespaces= {here} , {namespace},") as daemon:
            daemon.wait_ready()
            yield world, here, namespace
            assert daemon.stop() == 0


def test_rights_in_the_watched_namespaces_are_enough(world_of_two: tuple[World, str, str]) -> None:
    world, *places = world_of_two

    for place in places:
        world.define(place, "app", world.keys("a"))
    for place in places:
        world.wait_data(place, "app", {"a": "1"})
        world.wait_reason(place, "app", "Synced")

    # There is no call for the whole cluster, none for another namespace, none that was refused.
    entries = world.entries()
    assert {entry.namespace for entry in entries} == set(places)
    assert {entry.status for entry in entries} <= {200, 201}


def test_namespaces_that_are_not_watched_are_not_touched(world_of_two: tuple[World, str, str]) -> None:
    world, one, _ = world_of_two
    elsewhere = world.cluster.create_namespace()
    theirs = world.define(elsewhere, "app", world.keys("a"))

    world.define(one, "app", world.keys("a"))
    world.wait_data(one, "app", {"a": "1"})

    assert world.found(elsewhere, "app") == theirs
    assert world.data(elsewhere, "app") is None
    world.cluster.delete_namespace(elsewhere)


def test_an_excluded_namespace_is_not_touched_however_much_happens_there(
    definitions_api: TestCluster, openbao: OpenBao, tmp_path: Path, here: str, namespace: str
) -> None:
    with new_world(definitions_api, openbao, tmp_path) as world:
        world.write("app", a="1")
        ours = {
            "labels": {"app.kubernetes.io/managed-by": "secrets-manager"},
            "annotations": {LAST_UPDATE: "x"},
        }
        world.cluster.api.post(secrets(here), raw_secret("app", {"a": "old"}, metadata=ours))
        before = world.define(here, "app", world.keys("a"))
        with world.daemon("-reconcile-period=1s", f"-exclude-namespaces=other, {here}") as daemon:
            daemon.wait_ready()
            world.define(namespace, "app", world.keys("a"))
            world.wait_data(namespace, "app", {"a": "1"})
            world.cluster.api.delete(definitions(here, "app"))
            world.define(namespace, "later", world.keys("a"))
            world.wait_data(namespace, "later", {"a": "1"})

            assert "conditions" not in before["status"]
            assert world.data(here, "app") == {"a": "old"}
            assert daemon.metric("secrets_manager_controller_last_sync_status", namespace=here) is None
            assert daemon.stop() == 0
        assert [entry for entry in world.entries() if entry.namespace == here] == []


def test_exclusion_wins_over_watching(
    definitions_api: TestCluster, openbao: OpenBao, tmp_path: Path, here: str, namespace: str
) -> None:
    with new_world(definitions_api, openbao, tmp_path, rules={namespace: CONFIG_RULES}) as world:
        world.write("app", a="1")
        world.define(here, "app", world.keys("a"))
        world.define(namespace, "app", world.keys("a"))
        flags = (f"-watch-namespaces={here},{namespace}", f"-exclude-namespaces={here}")
        with world.daemon(*flags) as daemon:
            daemon.wait_ready()
            world.wait_data(namespace, "app", {"a": "1"})
            assert daemon.stop() == 0
        assert {entry.namespace for entry in world.entries()} == {namespace}
        assert world.data(here, "app") is None
