"""Installs the product from config/ into a test cluster, and becomes its service account.

It also builds SecretDefinitions as a user would write them. It knows the names in the manifests. It must not
know the daemon: the caller decides what runs with these rights.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import yaml

from tests.testbed.cluster import TestCluster
from tests.testbed.kube_api import ApiError, KubeApi, definitions
from tests.testbed.waiting import wait_until

CONFIG = Path(__file__).parents[2] / "config"
SAMPLES = CONFIG.parent / "samples"
NAMESPACE = "secrets-manager"
SERVICE_ACCOUNT = "secrets-manager"
CRD = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/secretdefinitions.secrets-manager.tuenti.io"

CONDITION: dict[str, Any] = {
    "type": "Ready",
    "status": "False",
    "reason": "KeyNotFound",
    "message": "path secret/data/app has no key password",
    "observedGeneration": 1,
    "lastTransitionTime": "2026-01-02T03:04:05Z",
}
STATUS: dict[str, Any] = {
    "observedGeneration": 1,
    "secretName": "app",
    "conditions": [CONDITION],
    "sources": [{"path": "secret/data/app", "version": "7"}],
}


def install(cluster: TestCluster, folder: Path = CONFIG / "default") -> None:
    """`kubectl apply -k` of a folder; returns once the API of the definitions is served."""
    cluster.apply(folder)
    wait_served(cluster)


def render(cluster: TestCluster, folder: Path) -> list[dict[str, Any]]:
    """The objects that `kubectl kustomize` makes of a folder."""
    return [
        document for document in yaml.safe_load_all(cluster.kubectl("kustomize", str(folder))) if document
    ]


def wait_served(cluster: TestCluster) -> None:
    """Wait until definitions can be listed.

    An established CRD is not enough: for a moment the API server answers 404, or, while it exchanges the
    storage of a changed CRD, 429.
    """
    wait_until(lambda: _can_be_listed(cluster), 30, "SecretDefinitions served")


def _can_be_listed(cluster: TestCluster) -> bool:
    try:
        cluster.api.list(definitions("default"))
    except ApiError as error:
        if error.status in {404, 429}:
            return False
        raise
    return True


def daemon_token(cluster: TestCluster) -> str:
    """A token of the account that config/manager runs the daemon as."""
    return cluster.token(NAMESPACE, SERVICE_ACCOUNT)


def daemon_kubeconfig(cluster: TestCluster) -> Path:
    """A kubeconfig with the rights of `daemon_client`."""
    daemon_client(cluster)
    return cluster.kubeconfig_for(daemon_token(cluster), namespace=NAMESPACE)


def daemon_client(cluster: TestCluster, place: str = "") -> KubeApi:
    """A client with exactly the rights that were installed, once these are in effect.

    `place` is the namespace that they were installed for, or all of them.
    """
    client = cluster.client(daemon_token(cluster))
    # Each of these comes by a watch of its own.
    for where, verb, resource in (
        (NAMESPACE, "create", "coordination.k8s.io:leases"),
        (place, "delete", "secrets"),
        (place, "update", "secrets-manager.tuenti.io:secretdefinitions/status"),
    ):
        wait_until(partial(allowed, client, where, verb, resource), what=f"the right to {verb} {resource}")
    return client


def allowed(client: KubeApi, namespace: str, verb: str, resource: str, name: str = "") -> bool:
    """Whether the client's user has a right; `resource` is like `secrets` or `group:plural/subresource`."""
    group, _, rest = resource.rpartition(":")
    plain, _, subresource = rest.partition("/")
    attributes = {"group": group, "resource": plain, "subresource": subresource, "verb": verb, "name": name}
    review = client.post(
        "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
        {"spec": {"resourceAttributes": {**attributes, "namespace": namespace}}},
    )
    return bool(review["status"]["allowed"])


def definition(called: str = "app", **spec: Any) -> dict[str, Any]:
    """A good SecretDefinition, except where `spec` says otherwise."""
    return {
        "apiVersion": "secrets-manager.tuenti.io/v1alpha1",
        "kind": "SecretDefinition",
        "metadata": {"name": called},
        "spec": {"name": "app", **from_keys("password"), **spec},
    }


def from_source(**fields: Any) -> dict[str, Any]:
    """The part of a spec that takes one key from a source with these fields."""
    return {"keysMap": {"password": {"path": "secret/data/app", "key": "password", **fields}}}


def from_whole(**fields: Any) -> dict[str, Any]:
    """The part of a spec that takes a whole path with these fields, None for one to leave out."""
    entry = {"path": "secret/data/app", **fields}
    return {"dataFrom": [{name: value for name, value in entry.items() if value is not None}]}


def from_keys(*keys: str) -> dict[str, Any]:
    """The part of a spec that has these keys, all from one good source."""
    return {"keysMap": {key: {"path": "secret/data/app", "key": "password"} for key in keys}}


def try_to_create(api: KubeApi, namespace: str, body: dict[str, Any]) -> None:
    """Ask the API server whether it would take a definition; ApiError if not."""
    api.post(f"{definitions(namespace)}?dryRun=All", body)


def original_crd() -> dict[str, Any]:
    """The CRD as the original declares it: it accepts nearly anything, and there is no status subresource."""
    text = {"type": "string"}
    source = {
        "type": "object",
        "required": ["key", "path"],
        "properties": {"encoding": text, "key": text, "path": text},
    }
    spec = {
        "type": "object",
        "required": ["keysMap", "name"],
        "properties": {
            "keysMap": {"type": "object", "additionalProperties": source},
            "name": text,
            "type": text,
        },
    }
    schema = {
        "type": "object",
        "properties": {
            "apiVersion": text,
            "kind": text,
            "metadata": {"type": "object"},
            "spec": spec,
            "status": {"type": "object"},
        },
    }
    version = {
        "name": "v1alpha1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
    }
    names = {
        "kind": "SecretDefinition",
        "listKind": "SecretDefinitionList",
        "plural": "secretdefinitions",
        "singular": "secretdefinition",
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": CRD.rpartition("/")[2]},
        "spec": {
            "group": "secrets-manager.tuenti.io",
            "scope": "Namespaced",
            "names": names,
            "versions": [version],
        },
    }
