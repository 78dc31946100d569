"""``migrate plan --from-cluster`` reads the objects of a cluster, and nothing else of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from secrets_manager.cluster.base import Resource
from secrets_manager.cluster.memory import MemoryCluster
from secrets_manager.domain.errors import Forbidden
from tests.unit.commands.conftest import Desk
from tests.unit.migrate.objects import external_secret, vault_store

STORES = Resource("apis/external-secrets.io/v1", "clustersecretstores", namespaced=False)
SECRETS_OF_ESO = Resource("apis/external-secrets.io/v1", "externalsecrets")


@pytest.fixture
def full(desk: Desk) -> Desk:
    """A cluster with a store, and an ExternalSecret in two namespaces."""
    desk.api.create(STORES, "", vault_store())
    desk.api.create(SECRETS_OF_ESO, "shop", external_secret())
    desk.api.create(SECRETS_OF_ESO, "store", external_secret("other", "store"))
    return desk


def test_the_objects_of_the_namespace_are_planned_and_the_stores_of_all(full: Desk, tmp_path: Path) -> None:
    code = full.run("migrate", "plan", "--from-cluster", "--out", str(tmp_path / "new"))

    assert code == 0
    assert full.out.endswith("2 converted\n")
    assert "ExternalSecret shop/db (in the cluster)" in full.out
    assert (tmp_path / "new/definitions/shop/db.yaml").is_file()


def test_those_of_all_namespaces_are_planned_with_a(full: Desk) -> None:
    report = full.json("migrate", "plan", "--from-cluster", "-A")

    assert report["counts"]["converted"] == 3


def test_what_the_api_server_writes_into_objects_is_no_matter(full: Desk) -> None:
    status = {"refreshTime": "2026-01-01T00:00:00Z", "conditions": [{"type": "Ready", "status": "True"}]}
    managed = [{"manager": "m", "operation": "Update", "fieldsV1": {"f:spec": {}}}]
    body = external_secret("third", "shop")
    body["status"] = status
    body["metadata"] |= {"managedFields": managed, "finalizers": ["a/b"], "generation": 2}
    full.api.create(SECRETS_OF_ESO, "shop", body)

    assert full.json("migrate", "plan", "--from-cluster")["counts"]["converted"] == 3


def test_a_cluster_without_other_operators_has_nothing_to_plan(desk: Desk) -> None:
    assert desk.run("migrate", "plan", "--from-cluster", "-A") == 0
    assert desk.out == "no object of another operator\n"


def test_secrets_are_not_read(full: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    pages = MemoryCluster.pages

    def watched(self: MemoryCluster, scope: Any) -> Any:
        asked.append(scope.resource.plural)
        return pages(self, scope)

    monkeypatch.setattr(MemoryCluster, "pages", watched)

    full.run("migrate", "plan", "--from-cluster", "-A")

    assert "externalsecrets" in asked
    assert "secrets" not in asked


def test_a_kind_that_may_not_be_listed_is_named(full: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_self: MemoryCluster, scope: Any) -> Any:
        raise Forbidden(f"may not list {scope}")

    monkeypatch.setattr(MemoryCluster, "pages", refused)

    assert full.run("migrate", "plan", "--from-cluster") == 3
    assert "secretstores" in full.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--from-cluster", "-f", "a.yaml"), "name the files with -f"),
        ((), "name the files with -f"),
        (("-f", "a.yaml", "-A"), "add --from-cluster"),
        (("-f", "a.yaml", "--context", "x"), "add --from-cluster"),
    ],
)
def test_files_and_a_cluster_are_not_mixed(desk: Desk, words: tuple[str, ...], says: str) -> None:
    assert desk.run("migrate", "plan", *words) == 2
    assert says in desk.err
