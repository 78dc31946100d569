"""The daemon takes over in place what the original left in a cluster: its CRD, objects, rights and marks.

The estate is made by hand in the forms that its releases 1.x and 2.x wrote. The cluster has no garbage
collector, so every deletion is the daemon's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import pytest

from tests.integration.deployment_support import CONFIG, install, original_crd, wait_served
from tests.integration.world import (
    CONFIG_RULES,
    FINALIZER,
    LAST_UPDATE,
    ORIGINAL_RULES,
    PATIENCE,
    WRITES,
    World,
    grant,
    new_world,
    raw_secret,
)
from tests.testbed.apiserver import AuditEntry
from tests.testbed.cluster import TestCluster
from tests.testbed.kube_api import definitions, secrets
from tests.testbed.openbao import OpenBao
from tests.testbed.waiting import wait_until

Objects = dict[tuple[str, str], Any]

MANAGED_BY = "app.kubernetes.io/managed-by"
WRITTEN = "2020-04-22T14.34.17Z"
NAMESPACE = "team-a"
DATA = {"a": "1", "b": "2"}
# The metadata that each release put on its Secrets; 2.x copied the definition's labels and annotations too.
RELEASE_2 = {"labels": {MANAGED_BY: "secrets-manager"}, "annotations": {LAST_UPDATE: WRITTEN}}
RELEASE_1 = {"labels": {"managedBy": "secrets-manager", "lastUpdatedAt": WRITTEN}}
BY_HELM = {
    "labels": {MANAGED_BY: "Helm", "app": "shop"},
    "annotations": {LAST_UPDATE: WRITTEN, "meta.helm.sh/release-name": "shop"},
}
ARGO = {
    "labels": {MANAGED_BY: "secrets-manager", "app.kubernetes.io/instance": "shop", "app": "shop"},
    "annotations": {LAST_UPDATE: WRITTEN, "argocd.argoproj.io/tracking-id": "shop", "note": "n"},
}
ESTATE: Mapping[str, Mapping[str, Any]] = {
    "plain-2": RELEASE_2,
    "plain-1": RELEASE_1,
    "by-helm": BY_HELM,
    "by-argo": ARGO,
}
LABELS = {
    "by-helm": {MANAGED_BY: "Helm", "app": "shop"},
    "by-argo": {"app.kubernetes.io/instance": "shop", "app": "shop"},
}
ANNOTATIONS = {
    "by-helm": {"meta.helm.sh/release-name": "shop"},
    "by-argo": {"argocd.argoproj.io/tracking-id": "shop", "note": "n"},
}


@pytest.fixture(scope="module")
def own_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestCluster]:
    """A cluster with the CRD of the original: no status subresource, no printer columns."""
    with TestCluster.start(tmp_path_factory.mktemp("own"), controllers=False) as cluster:
        cluster.apply(original_crd())
        wait_served(cluster)
        cluster.create_namespace(NAMESPACE)
        yield cluster


@pytest.fixture(scope="module")
def world(
    own_cluster: TestCluster, openbao: OpenBao, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("estate")
    with new_world(own_cluster, openbao, folder, cluster_rules=ORIGINAL_RULES) as made:
        made.write("app", **DATA)
        _leave_estate(made)
        yield made


@pytest.fixture(scope="module")
def before(world: World) -> Objects:
    """Definitions and Secrets as the original left them, by kind and name."""
    return _objects(world)


@pytest.fixture(scope="module")
def taken_over(world: World, before: Objects) -> World:
    """A daemon has run over the estate, with no more rights than the original had."""
    with world.daemon("-reconcile-period=1s") as daemon:
        daemon.wait_ready()
        for name in ESTATE:
            wait_until(partial(_has_our_marks, world, name), PATIENCE, f"our marks on {name}")
        world.wait_polls("app", 3)
        assert daemon.logged("Secret is out of sync") == []
        assert daemon.stop() == 0
    return world


def test_the_move_writes_each_secret_at_most_once(taken_over: World) -> None:
    done = [entry for entry in taken_over.entries() if entry.resource == "secrets" and entry.status < 300]
    written = [entry for entry in done if entry.verb in WRITES]

    assert {entry.verb for entry in written} == {"update"}
    assert sorted(entry.name for entry in written) == sorted(ESTATE)


@pytest.mark.parametrize("name", ESTATE)
def test_the_move_keeps_the_data_and_the_time_of_the_last_update(
    taken_over: World, before: Objects, name: str
) -> None:
    secret, old = taken_over.secret(NAMESPACE, name), before["secrets", name]

    assert secret["data"] == old["data"]
    assert secret["type"] == old["type"]
    assert secret["metadata"]["uid"] == old["metadata"]["uid"]
    assert secret["metadata"]["annotations"][LAST_UPDATE] == WRITTEN


def test_the_marks_of_1_x_become_those_of_2_x(taken_over: World) -> None:
    metadata = taken_over.secret(NAMESPACE, "plain-1")["metadata"]

    assert metadata["labels"] == {MANAGED_BY: "secrets-manager"}
    assert metadata["annotations"] == {LAST_UPDATE: WRITTEN}


def test_a_secret_whose_label_names_helm_as_its_manager_is_still_ours(taken_over: World) -> None:
    labels = taken_over.secret(NAMESPACE, "by-helm")["metadata"]["labels"]

    assert labels == {MANAGED_BY: "secrets-manager", "app": "shop"}


def test_the_move_writes_no_definition(taken_over: World, before: Objects) -> None:
    for name in ESTATE:
        assert taken_over.found(NAMESPACE, name) == before["definitions", name]
    assert [entry for entry in taken_over.entries() if _changes_a_definition(entry)] == []


def test_a_crd_without_status_is_accepted_and_logged_once(taken_over: World) -> None:
    (log,) = taken_over.folder.glob("daemon-*.log")
    lines = [line for line in log.read_text(encoding="utf-8").splitlines() if "status of definitions" in line]

    assert len(lines) == 1


def test_a_second_start_writes_nothing_at_all(taken_over: World) -> None:
    before, objects = len(taken_over.entries()), _objects(taken_over)

    with taken_over.daemon("-reconcile-period=1s") as daemon:
        daemon.wait_ready()
        taken_over.wait_polls("app", 3)
        assert daemon.stop() == 0

    made = taken_over.entries()[before:]
    assert [entry for entry in made if entry.verb in WRITES and entry.status < 300] == []
    assert _objects(taken_over) == objects


def test_the_finalizer_of_the_original_is_honoured_and_released(taken_over: World) -> None:
    world = taken_over
    with world.daemon("-reconcile-period=1h") as daemon:
        daemon.wait_ready()

        world.cluster.api.delete(definitions(NAMESPACE, "plain-2"))

        _wait_gone(world, "plain-2")
        assert world.data(NAMESPACE, "plain-2") is None
        assert daemon.stop() == 0


def test_a_deletion_that_began_before_the_daemon_started_is_finished(taken_over: World) -> None:
    world = taken_over
    world.cluster.api.delete(definitions(NAMESPACE, "by-argo"))
    assert world.found(NAMESPACE, "by-argo")["metadata"]["deletionTimestamp"]

    with world.daemon("-reconcile-period=1h") as daemon:
        _wait_gone(world, "by-argo")
        assert daemon.stop() == 0

    assert world.data(NAMESPACE, "by-argo") is None


def test_the_secret_of_a_definition_is_deleted_with_it_even_without_our_owner_mark(taken_over: World) -> None:
    """The Secret is as the original wrote it, and the definition goes before the daemon ever wrote to it."""
    world = taken_over
    world.cluster.api.post(secrets(NAMESPACE), raw_secret("untouched", DATA, metadata=RELEASE_2))
    world.define(NAMESPACE, "untouched", world.keys(*DATA), finalizers=[FINALIZER])
    world.cluster.api.delete(definitions(NAMESPACE, "untouched"))

    with world.daemon("-reconcile-period=1h") as daemon:
        _wait_gone(world, "untouched")
        assert daemon.stop() == 0

    assert world.data(NAMESPACE, "untouched") is None


def test_a_new_definition_gets_no_finalizer(taken_over: World) -> None:
    world = taken_over
    with world.daemon("-reconcile-period=1h") as daemon:
        daemon.wait_ready()
        world.define(NAMESPACE, "new", world.keys("a"))
        world.wait_data(NAMESPACE, "new", {"a": "1"})

        assert "finalizers" not in world.found(NAMESPACE, "new")["metadata"]
        assert daemon.stop() == 0


def test_the_same_objects_get_a_status_with_the_crd_and_the_rights_of_today(taken_over: World) -> None:
    world = taken_over
    install(world.cluster, CONFIG / "crd")
    grant(world.cluster, world.account, NAMESPACE, CONFIG_RULES)
    wait_until(lambda: _has_status_subresource(world), PATIENCE, "the CRD of today in effect")
    secret = world.secret(NAMESPACE, "by-helm")

    with world.daemon("-reconcile-period=1h") as daemon:
        for name in ("plain-1", "by-helm"):
            assert world.wait_reason(NAMESPACE, name, "Synced")["status"] == "True"
        assert daemon.stop() == 0

    assert world.secret(NAMESPACE, "by-helm") == secret
    assert world.found(NAMESPACE, "by-helm")["metadata"]["finalizers"] == [FINALIZER]


def _leave_estate(world: World) -> None:
    for name, metadata in ESTATE.items():
        body = raw_secret(name, DATA, metadata=dict(metadata))
        world.cluster.api.post(secrets(NAMESPACE), body)
        world.define(
            NAMESPACE,
            name,
            world.keys(*DATA),
            labels=LABELS.get(name),
            annotations=ANNOTATIONS.get(name),
            finalizers=[FINALIZER],
        )


def _objects(world: World) -> Objects:
    """Definitions and Secrets of the namespace, whole."""
    paths = {"definitions": definitions(NAMESPACE), "secrets": secrets(NAMESPACE)}
    return {
        (kind, each["metadata"]["name"]): world.cluster.api.get(f"{path}/{each['metadata']['name']}")
        for kind, path in paths.items()
        for each in world.cluster.api.list(path)
    }


def _has_our_marks(world: World, name: str) -> bool:
    metadata = world.secret(NAMESPACE, name)["metadata"]
    return metadata["labels"].get(MANAGED_BY) == "secrets-manager" and "ownerReferences" in metadata


def _changes_a_definition(entry: AuditEntry) -> bool:
    return entry.resource == "secretdefinitions" and entry.verb in WRITES and entry.status < 300


def _wait_gone(world: World, name: str) -> None:
    wait_until(
        lambda: world.cluster.api.find(definitions(NAMESPACE, name)) is None, PATIENCE, f"{name} let go"
    )


def _has_status_subresource(world: World) -> bool:
    try:
        return world.cluster.api.find(f"{definitions(NAMESPACE, 'by-helm')}/status") is not None
    except Exception:  # noqa: BLE001 - the CRD is being replaced
        return False
