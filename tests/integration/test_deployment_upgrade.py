"""Objects that the original's CRD let in, under the CRD of today: they never get stuck."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.deployment_support import (
    STATUS,
    daemon_client,
    definition,
    from_keys,
    from_source,
    install,
    original_crd,
    try_to_create,
    wait_served,
)
from tests.testbed.cluster import TestCluster
from tests.testbed.kube_api import ApiError, definitions
from tests.testbed.waiting import wait_until

OLD = {
    "no-spec": None,
    "empty-spec-name": {"name": "", "keysMap": {}},
    "bad-name": {"name": "A/b", **from_keys("a")},
    "empty-keysmap": {"name": "app", "keysMap": {}},
    "bad-key": {"name": "app", **from_keys("..a/b")},
    "bad-encoding": {"name": "app", **from_source(encoding="rot13")},
    "bad-path": {"name": "app", **from_source(path="secret/../\tsys")},
    "long-path": {"name": "app", **from_source(path="p" * 3000)},
    "empty-path": {"name": "app", **from_source(path="")},
    "token-type": {"name": "app", "type": "kubernetes.io/service-account-token", **from_keys("a")},
    "tls-without-key": {"name": "app", "type": "kubernetes.io/tls", **from_keys("tls.crt")},
    "many-keys": {"name": "app", **from_keys(*(f"k{number}" for number in range(1100)))},
}


NAMESPACES = ("let-go", "changed")


@pytest.fixture(scope="module")
def upgraded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestCluster]:
    """A cluster of its own: each object of `OLD` was stored under the original's CRD, before today's."""
    with TestCluster.start(tmp_path_factory.mktemp("upgrade"), controllers=False) as cluster:
        cluster.apply(original_crd())
        wait_served(cluster)
        for namespace in NAMESPACES:
            cluster.create_namespace(namespace)
            _store_old_objects(cluster, namespace)
        install(cluster)
        wait_until(lambda: _refuses(cluster, NAMESPACES[0]), what="the new schema in effect")
        yield cluster


def test_objects_that_the_original_let_in_can_still_be_listed_reported_on_and_deleted(
    upgraded: TestCluster,
) -> None:
    cluster, team = upgraded, "let-go"
    daemon = daemon_client(cluster)
    listed = {each["metadata"]["name"]: each for each in daemon.list(definitions(team))}
    assert set(listed) == set(OLD)

    for name, stored in listed.items():
        told = daemon.put(f"{definitions(team, name)}/status", {**stored, "status": STATUS})
        assert told["status"] == STATUS, name

        labelled = cluster.api.patch(definitions(team, name), {"metadata": {"labels": {"a": "b"}}})
        assert labelled["metadata"]["labels"] == {"a": "b"}, name

        cluster.api.delete(definitions(team, name))
        deleting = daemon.get(definitions(team, name))
        assert deleting["metadata"]["deletionTimestamp"], name
        del deleting["metadata"]["finalizers"]
        daemon.put(definitions(team, name), deleting)
        assert daemon.find(definitions(team, name)) is None, name


def test_an_object_that_the_original_let_in_can_be_mended_and_not_made_worse(upgraded: TestCluster) -> None:
    cluster, team = upgraded, "changed"
    path = definitions(team, "bad-encoding")

    with pytest.raises(ApiError) as refused:
        cluster.api.patch(path, {"spec": {"keysMap": {"password": {"encoding": "rot26"}}}})
    assert refused.value.status == 422

    mended = cluster.api.patch(path, {"spec": {"keysMap": {"password": {"encoding": "base64"}}}})
    assert mended["spec"]["keysMap"]["password"]["encoding"] == "base64"


def test_an_object_that_the_original_let_in_can_change_where_it_is_sound(upgraded: TestCluster) -> None:
    cluster, team = upgraded, "changed"

    changed = cluster.api.patch(
        definitions(team, "bad-path"),
        {"spec": {"keysMap": {"more": {"path": "secret/data/more", "key": "a"}}}},
    )

    assert set(changed["spec"]["keysMap"]) == {"password", "more"}


def _store_old_objects(cluster: TestCluster, namespace: str) -> None:
    for name, spec in OLD.items():
        stored = {**definition(name), "spec": spec}
        stored["metadata"]["finalizers"] = ["secret.finalizer.secrets-manager.tuenti.io"]
        if spec is None:
            del stored["spec"]
        cluster.api.post(definitions(namespace), stored)


def _refuses(cluster: TestCluster, team: str) -> bool:
    try:
        try_to_create(cluster.api, team, definition("probe", name="A/b"))
    except ApiError as error:
        return error.status == 422
    return False
