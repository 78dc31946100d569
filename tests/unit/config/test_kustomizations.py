"""config/ and samples/ hang together: all that is named is there, all that is there is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.config.manifests import (
    CONFIG,
    ROOT,
    SAMPLES,
    files,
    kustomizations,
    load,
    patch_files,
    resources,
)

STARTING_POINTS = {
    CONFIG / "default",
    CONFIG / "namespaced",
    CONFIG / "prometheus",
    CONFIG / "grafana",
    SAMPLES,
    SAMPLES / "several-backends",
    SAMPLES / "kv1",
    SAMPLES / "restart",
    CONFIG / "argocd",
    *(path.parent for path in (CONFIG / "components").glob("*/kustomization.yaml")),
}


def _named_by(kustomization: Path) -> list[Path]:
    (document,) = load(kustomization)
    generated = [name for each in document.get("configMapGenerator", []) for name in each["files"]]
    named = [*document.get("resources", []), *document.get("components", []), *generated]
    return [(kustomization.parent / name).resolve() for name in named] + patch_files(kustomization)


def _id(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("kustomization", kustomizations(), ids=_id)
def test_everything_a_kustomization_names_exists(kustomization: Path) -> None:
    for named in _named_by(kustomization):
        assert named.exists(), named
        assert named.is_file() or (named / "kustomization.yaml").exists(), named


def test_every_file_and_folder_is_part_of_something_that_can_be_applied() -> None:
    named = {path for kustomization in kustomizations() for path in _named_by(kustomization)}
    there = {path for path in files(CONFIG) + files(SAMPLES) if path.name != "kustomization.yaml"}
    folders = {path.parent for path in kustomizations()}

    assert there <= named
    assert folders - named <= STARTING_POINTS


@pytest.mark.parametrize(
    ("folder", "top"),
    [(CONFIG / "default", ROOT), (CONFIG / "namespaced", ROOT)],
    ids=["default", "namespaced"],
)
def test_the_installation_has_no_kind_that_a_cluster_may_lack(folder: Path, top: Path) -> None:
    assert (CONFIG / "prometheus").resolve() not in _named_by(folder / "kustomization.yaml")


def test_every_object_says_which_product_it_belongs_to() -> None:
    for path, document in resources(CONFIG):
        labels = document["metadata"]["labels"]
        assert labels["app.kubernetes.io/name"] == "secrets-manager", path


def test_no_secret_is_shipped_since_applying_it_again_would_replace_the_users_own() -> None:
    assert [path for path, document in resources(CONFIG) if document["kind"] == "Secret"] == []


def test_every_namespaced_object_outside_per_namespace_rights_names_its_namespace() -> None:
    without = {"Namespace", "CustomResourceDefinition", "ClusterRole", "ClusterRoleBinding"}
    without |= {"ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"}
    for path, document in resources(CONFIG):
        if document["kind"] in without or path.parent.name == "per-namespace":
            assert "namespace" not in document["metadata"], path
        else:
            assert document["metadata"]["namespace"] == "secrets-manager", path
