"""The command that lists what the Go version does not know, with the real kubectl and API server."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.integration.deployment_support import CONFIG, definition, install
from tests.testbed.cluster import TestCluster
from tests.testbed.kube_api import definitions

TEMPLATE = CONFIG / "way-back/unknown-fields.tmpl"
# What the Go version reads of a spec and of an entry of keysMap.
KNOWN = {"name", "type", "keysMap"}
KNOWN_OF_KEYS = {"path", "key", "encoding"}


@pytest.fixture(scope="module")
def deployed(cluster: TestCluster) -> TestCluster:
    install(cluster)
    return cluster


def listed(cluster: TestCluster, namespace: str, spec: dict[str, Any]) -> list[str]:
    cluster.api.post(definitions(namespace), definition(**spec))
    said = cluster.kubectl("get", "secretdefinitions", "-n", namespace, "-o", f"go-template-file={TEMPLATE}")
    return [line.removeprefix(f"{namespace}/app ") for line in said.splitlines()]


@pytest.mark.parametrize(
    ("spec", "unknown"),
    [
        ({}, []),
        ({"type": "kubernetes.io/basic-auth", "keysMap": {"password": {"path": "p", "key": ""}}}, []),
        ({"keysMap": {"a": {"path": "p", "key": "k", "encoding": "base64"}}}, []),
        ({"dataFrom": [{"path": "p"}], "keysMap": None}, ["spec.dataFrom"]),
        (
            {"inputs": {"a": {"path": "p"}}, "template": {"b": "{{ a.c }}"}},
            ["spec.inputs", "spec.template"],
        ),
        ({"onDelete": "Retain", "suspend": True}, ["spec.onDelete", "spec.suspend"]),
        (
            {
                "keysMap": {
                    "a": {"path": "p", "key": "k", "optional": True},
                    "b": {"path": "p", "key": "k", "default": ""},
                    "c": {"path": "p", "key": "#/k/0"},
                    "d": {"path": "p", "key": "k", "encoding": "json"},
                    "e": {"path": "p", "key": "k", "backend": "eu"},
                }
            },
            [
                "spec.keysMap[a].optional",
                "spec.keysMap[b].default",
                "spec.keysMap[c].key",
                "spec.keysMap[d].encoding",
                "spec.keysMap[e].backend",
            ],
        ),
    ],
)
def test_each_field_that_the_go_version_does_not_know_is_listed(
    deployed: TestCluster, namespace: str, spec: dict[str, Any], unknown: list[str]
) -> None:
    assert listed(deployed, namespace, spec) == unknown


def test_no_field_of_the_schema_is_forgotten() -> None:
    (version,) = yaml.safe_load((CONFIG / "crd/secretdefinitions.yaml").read_text(encoding="utf-8"))["spec"][
        "versions"
    ]
    spec = version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    of_keys = spec["keysMap"]["additionalProperties"]["properties"]
    text = TEMPLATE.read_text(encoding="utf-8")

    assert all(f" .spec.{name} " in text for name in spec.keys() - KNOWN)
    assert all(f"$at }}}}.{name}{{{{" in text for name in of_keys.keys() - KNOWN_OF_KEYS)
