"""Reads the files of config/ and samples/ as plain data, for the tests beside this file.

It knows files only. What kubectl makes of them is the matter of the integration tests.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[3]
CONFIG = ROOT / "config"
SAMPLES = ROOT / "samples"

# Scripts and their tests in the form that Argo CD has for them, and templates in that of Helm.
_OF_OTHERS = (CONFIG / "argocd/secrets-manager.tuenti.io", CONFIG / "chart")

Manifest = dict[str, Any]


def load(path: Path) -> list[Manifest]:
    """The documents of one file."""
    with path.open(encoding="utf-8") as stream:
        return [document for document in yaml.safe_load_all(stream) if document]


def one(name: str) -> Manifest:
    """The only document of a file, by its path below the top of the repository."""
    (document,) = load(ROOT / name)
    return document


def files(folder: Path) -> list[Path]:
    """Every YAML file below a folder that is for Kubernetes or kustomize."""
    return sorted(path for path in folder.rglob("*.yaml") if not any(map(path.is_relative_to, _OF_OTHERS)))


def kustomizations() -> list[Path]:
    """Every kustomization and component of the repository."""
    return [path for path in files(CONFIG) + files(SAMPLES) if path.name == "kustomization.yaml"]


def resources(folder: Path) -> Iterator[tuple[Path, Manifest]]:
    """The objects below a folder, each with its file; kustomizations and patches are no objects."""
    patches = {patch for path in kustomizations() for patch in patch_files(path)}
    for path in files(folder):
        if path.name == "kustomization.yaml" or path in patches:
            continue
        for document in load(path):
            yield path, document


def patch_files(kustomization: Path) -> list[Path]:
    """The files that a kustomization names as patches."""
    (document,) = load(kustomization)
    return [kustomization.parent / patch["path"] for patch in document.get("patches", []) if "path" in patch]


def pod_spec() -> Manifest:
    """The pod of the Deployment."""
    spec: Manifest = one("config/manager/deployment.yaml")["spec"]["template"]["spec"]
    return spec


def container() -> Manifest:
    """The only container of the Deployment."""
    (found,) = pod_spec()["containers"]
    assert isinstance(found, dict)
    return found
