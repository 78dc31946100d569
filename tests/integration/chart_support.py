"""Renders the chart and the kustomizations, and brings both to a form that can be compared.

It knows the names in the manifests and what differs on purpose. It must not know what a test expects.
"""

from __future__ import annotations

import copy
import os
import re
import subprocess
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.integration.deployment_support import CONFIG
from tests.testbed.binaries import program
from tests.testbed.helm_cli import Helm, HelmError

CHART = CONFIG / "chart"
NAME = "secrets-manager"

Object = dict[str, Any]

# Labels that the chart adds: whose object it is, and what made it.
_OWN_LABELS = {
    "app.kubernetes.io/instance",
    "app.kubernetes.io/version",
    "app.kubernetes.io/managed-by",
    "helm.sh/chart",
}
_SETTINGS = re.compile(r"(secrets-manager-settings)-[a-z0-9]+")


def chart(
    helm: Helm, values: Mapping[str, Any] | None = None, *, release: str = NAME, namespace: str = NAME
) -> list[Object]:
    """The objects that the chart makes of these values."""
    return helm.template(CHART, values, release=release, namespace=namespace)


def chart_or_refusal(helm: Helm, values: Mapping[str, Any]) -> tuple[list[Object], str]:
    """The objects that the chart makes of these values, or what Helm says where it refuses them."""
    try:
        return chart(helm, values), ""
    except HelmError as refused:
        return [], refused.stderr


def kustomize(folder: Path, base: str, components: Sequence[str] = ()) -> list[Object]:
    """The objects that kustomize makes of a base and components of config/; ``folder`` is there and empty."""
    folder.mkdir()
    lines = [f"- {os.path.relpath(CONFIG / 'components' / each, folder.resolve())}" for each in components]
    content = [f"resources: [{os.path.relpath(CONFIG / base, folder.resolve())}]", "components:", *lines]
    (folder / "kustomization.yaml").write_text("\n".join(content if lines else content[:1]), encoding="utf-8")
    done = subprocess.run(
        [program("kubectl"), "kustomize", folder], capture_output=True, text=True, check=True, timeout=60
    )
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def comparable(objects: Iterable[Object]) -> dict[tuple[str, str, str], Object]:
    """The objects by kind, namespace and name, without what differs on purpose.

    Helm makes the namespace, not the chart. The chart's own labels are left out, and so is the hash in the
    name of the settings, which the two make in ways of their own; settings are compared as what they mean.
    """
    found = {}
    for each in objects:
        if each["kind"] != "Namespace":
            one = _without_own_labels(copy.deepcopy(each))
            _bare_annotations(one["metadata"])
            if each["kind"] == "ConfigMap":
                one["data"] = {name: _meaning(name, text) for name, text in one["data"].items()}
            found[each["kind"], one["metadata"].get("namespace", ""), one["metadata"]["name"]] = one
    return found


def one_of(objects: Iterable[Object], kind: str, name: str | None = None) -> Object:
    """The only object of this kind, and of this name if one is given."""
    (found,) = [each for each in objects if each["kind"] == kind and name in {None, each["metadata"]["name"]}]
    return found


def pod_of(objects: Iterable[Object]) -> Object:
    """The spec of the pod."""
    spec: Object = one_of(objects, "Deployment")["spec"]["template"]["spec"]
    return spec


def container_of(objects: Iterable[Object]) -> Object:
    """The only container of the pod."""
    (found,) = pod_of(objects)["containers"]
    assert isinstance(found, dict)
    return found


def settings_of(objects: Iterable[Object]) -> str:
    """The text of settings.toml."""
    (text,) = (each["data"]["settings.toml"] for each in objects if "settings.toml" in each.get("data", {}))
    assert isinstance(text, str)
    return text


def _meaning(name: str, text: str) -> Object | str:
    return tomllib.loads(text) if name.endswith(".toml") else text


def _bare_annotations(metadata: Object) -> None:
    annotations = metadata.get("annotations", {})
    annotations.pop("helm.sh/resource-policy", None)
    if not annotations:
        metadata.pop("annotations", None)


def _without_own_labels(value: Any) -> Any:
    """The value without the chart's labels, with plain names of settings, and named items in one order."""
    if isinstance(value, dict):
        kept = {key: item for key, item in value.items() if key not in _OWN_LABELS}
        return {key: _without_own_labels(item) for key, item in kept.items()}
    if isinstance(value, list):
        items = [_without_own_labels(item) for item in value]
        named = bool(items) and all(isinstance(item, dict) and "name" in item for item in items)
        return sorted(items, key=lambda item: str(item["name"])) if named else items
    return _SETTINGS.sub(r"\1", value) if isinstance(value, str) else value
