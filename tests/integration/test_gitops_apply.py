"""Tools that apply definitions again and again find no difference, and take no Secret for their own."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.integration.world import PATIENCE, World, definition
from tests.testbed.kube_api import secrets
from tests.testbed.waiting import wait_until

STORED = {"a": "1", "b": "x"}
pytestmark = pytest.mark.usefixtures("polling_daemon")

ARGO_CD = {
    "labels": {"app.kubernetes.io/instance": "shop", "argocd.argoproj.io/instance": "shop"},
    "annotations": {
        "argocd.argoproj.io/tracking-id": "shop:secrets-manager.tuenti.io/SecretDefinition:shop/app",
        "argocd.argoproj.io/installation-id": "one",
        "argocd.argoproj.io/sync-wave": "-1",
        "argocd.argoproj.io/sync-options": "Prune=false",
        "argocd.argoproj.io/hook": "PreSync",
    },
}
FLUX = {
    "labels": {
        "kustomize.toolkit.fluxcd.io/name": "shop",
        "kustomize.toolkit.fluxcd.io/namespace": "flux-system",
        "helm.toolkit.fluxcd.io/name": "shop",
        "helm.toolkit.fluxcd.io/namespace": "flux-system",
    },
    "annotations": {
        "kustomize.toolkit.fluxcd.io/prune": "disabled",
        "kustomize.toolkit.fluxcd.io/ssa": "merge",
        "reconcile.fluxcd.io/requestedAt": "2026-01-01T00:00:00Z",
    },
}


def whole(world: World) -> dict[str, Any]:
    """A definition with many fields, as Git has it."""
    made = definition("app", world.keys("a"), labels={"team": "b"}, annotations={"note": "x"})
    del made["metadata"]["finalizers"]
    path = world.path("app")
    made["spec"]["keysMap"]["b"] = {"path": path, "key": "b", "encoding": "text", "optional": True}
    made["spec"]["keysMap"]["c"] = {"path": path, "key": "c", "default": ""}
    return {
        **made,
        "spec": {**made["spec"], "type": "Opaque", "onDelete": "Delete", "checks": {"a": "nonEmpty"}},
    }


def apply(world: World, namespace: str, body: dict[str, Any], *flags: str) -> dict[str, Any]:
    """Apply it as a tool does; returns it as it is stored."""
    world.cluster.kubectl("apply", "-n", namespace, "-f", "-", *flags, stdin=json.dumps(body))
    return world.found(namespace, "app")


def wait_written(world: World, namespace: str) -> dict[str, Any]:
    world.wait_reason(namespace, "app", "Synced")
    return world.found(namespace, "app")


@pytest.mark.parametrize(
    "flags", [("--server-side", "--field-manager=argocd-controller"), ()], ids=["server", "client"]
)
def test_what_was_applied_is_stored_as_it_is_and_applied_again_it_changes_nothing(
    world: World, namespace: str, flags: tuple[str, ...]
) -> None:
    body = whole(world)
    assert apply(world, namespace, body, *flags)["spec"] == body["spec"]

    written = wait_written(world, namespace)
    again = apply(world, namespace, body, *flags)
    world.cluster.kubectl("diff", "-n", namespace, "-f", "-", *flags, stdin=json.dumps(body))

    assert again == written


def test_the_daemon_changes_nothing_of_a_definition_but_its_status(world: World, namespace: str) -> None:
    body = whole(world)
    made = world.cluster.api.post(
        f"/apis/{body['apiVersion']}/namespaces/{namespace}/secretdefinitions", body
    )
    written = wait_written(world, namespace)

    def settled(of: dict[str, Any]) -> dict[str, Any]:
        kept = {name: value for name, value in of["metadata"].items() if name not in VERSIONS}
        return {**of, "metadata": kept, "status": None}

    assert settled(written) == settled(made)


VERSIONS = ("resourceVersion", "managedFields")


@pytest.mark.parametrize("marks", [ARGO_CD, FLUX], ids=["Argo CD", "Flux"])
def test_the_secret_of_a_definition_that_a_tool_tracks_is_not_the_tools(
    world: World, namespace: str, marks: dict[str, dict[str, str]]
) -> None:
    made = world.define(namespace, "app", world.keys("a"), **marks)
    world.wait_data(namespace, "app", {"a": "1"})

    metadata = world.secret(namespace, "app")["metadata"]

    assert metadata["labels"] == {"app.kubernetes.io/managed-by": "secrets-manager"}
    assert set(metadata["annotations"]) == {"secrets-manager.tuenti.io/lastUpdateTime"}
    assert [owner["uid"] for owner in metadata["ownerReferences"]] == [made["metadata"]["uid"]]


def test_a_mark_that_a_tool_puts_on_a_definition_later_writes_no_secret(world: World, namespace: str) -> None:
    world.define(namespace, "app", world.keys("a"))
    world.wait_data(namespace, "app", {"a": "1"})
    before = world.secret(namespace, "app")

    world.change(namespace, "app", {"metadata": {**ARGO_CD, "labels": {**FLUX["labels"], "seen": "yes"}}})

    wait_until(
        lambda: world.secret(namespace, "app")["metadata"]["labels"].get("seen"), PATIENCE, "the other label"
    )
    after = world.cluster.api.get(secrets(namespace, "app"))
    assert set(after["metadata"]["labels"]) == {"app.kubernetes.io/managed-by", "seen"}
    assert after["data"] == before["data"]
