"""The daemon beside tools that find objects by marks: neither touches the other's objects."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.integration.world import LAST_UPDATE, MARK, PATIENCE, World, definition, raw_secret
from tests.testbed.kube_api import definitions, secrets
from tests.testbed.waiting import wait_until

STORED = {"a": "1", "b": "2"}
pytestmark = pytest.mark.usefixtures("polling_daemon")

OUR_LABEL = {"app.kubernetes.io/managed-by": "secrets-manager"}
CONSENT = {f"{MARK}adopt": "true", f"{MARK}recreate": "true"}


def test_an_apply_set_prunes_no_secret_of_its_definitions(
    world: World, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECTL_APPLYSET", "true")
    first, second = (definition(name, world.keys("a")) for name in ("first", "second"))

    apply_set(world, namespace, first, second)
    world.wait_data(namespace, "first", {"a": "1"})
    world.wait_data(namespace, "second", {"a": "1"})
    before = world.secret(namespace, "first")["metadata"]
    apply_set(world, namespace, first)

    world.wait_data(namespace, "second", None)
    after = world.secret(namespace, "first")["metadata"]
    assert "applyset.kubernetes.io/part-of" in world.found(namespace, "first")["metadata"]["labels"]
    assert "applyset.kubernetes.io/part-of" not in after["labels"]
    assert (after["uid"], after["resourceVersion"]) == (before["uid"], before["resourceVersion"])


def apply_set(world: World, namespace: str, *items: dict[str, Any]) -> None:
    """Run `kubectl apply --prune --applyset` with exactly these objects."""
    listed = {"apiVersion": "v1", "kind": "List", "items": list(items)}
    flags = ("--prune", "--applyset=configmaps/all", "-n", namespace, "-f", "-")
    world.cluster.kubectl("apply", *flags, stdin=json.dumps(listed))


def test_wishes_of_the_author_reach_the_secret_and_marks_of_a_tool_do_not(
    world: World, namespace: str
) -> None:
    labels = {"argocd.argoproj.io/secret-type": "cluster", "kapp.k14s.io/app": "1700000000"}

    world.define(namespace, "app", world.keys("a"), labels=labels)

    world.wait_data(namespace, "app", {"a": "1"})
    marked = world.secret(namespace, "app")["metadata"]["labels"]
    assert marked == {**OUR_LABEL, "argocd.argoproj.io/secret-type": "cluster"}


def test_a_mark_that_an_earlier_release_copied_leaves_without_a_change_of_the_data(
    world: World, namespace: str
) -> None:
    world.define(namespace, "app", world.keys("a"), labels={"kapp.k14s.io/app": "17", "team": "b"})
    world.wait_data(namespace, "app", {"a": "1"})
    written = world.secret(namespace, "app")["metadata"]["annotations"][LAST_UPDATE]

    record = {f"{MARK}copied": '{"labels":["kapp.k14s.io/app","team"]}'}
    patch = {"metadata": {"labels": {"kapp.k14s.io/app": "17"}, "annotations": record}}
    world.cluster.api.patch(secrets(namespace, "app"), patch)

    def is_gone() -> bool:
        return "kapp.k14s.io/app" not in world.secret(namespace, "app")["metadata"]["labels"]

    wait_until(is_gone, PATIENCE, "the mark gone")
    after = world.secret(namespace, "app")["metadata"]
    assert after["labels"] == {**OUR_LABEL, "team": "b"}
    assert after["annotations"] == {LAST_UPDATE: written, f"{MARK}copied": '{"labels":["team"]}'}


TRUSTED: dict[str, dict[str, Any]] = {
    "service-account-token": {
        "type": "kubernetes.io/service-account-token",
        "annotations": {"kubernetes.io/service-account.name": "keeper"},
    },
    "bootstrap-token": {"type": "bootstrap.kubernetes.io/token"},
    "helm-release": {"type": "helm.sh/release.v1"},
    "plan-of-a-node": {"type": "rke.cattle.io/machine-plan"},
}


@pytest.mark.parametrize("kind", TRUSTED)
def test_a_secret_that_others_trust_stays_though_it_carries_our_marks(
    world: World, namespace: str, kind: str
) -> None:
    annotations = {LAST_UPDATE: "2020-01-02T03.04.05Z", **TRUSTED[kind].get("annotations", {})}
    marked = {"labels": OUR_LABEL, "annotations": annotations}
    theirs = raw_secret("app", {"x": "theirs"}, metadata=marked, type=TRUSTED[kind]["type"])
    # The control plane deletes a token without an account.
    world.cluster.service_account(namespace, "keeper")
    before = world.cluster.api.post(secrets(namespace), theirs)

    world.define(namespace, "app", world.keys("a"), annotations=CONSENT)
    refused = world.wait_reason(namespace, "app", "NotOwned")
    world.cluster.api.delete(definitions(namespace, "app"))
    world.define(namespace, "later", world.keys("a"))
    world.wait_data(namespace, "later", {"a": "1"})

    assert "never taken over, replaced or deleted" in refused["message"]
    after = world.secret(namespace, "app")
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert after["type"] == before["type"]
    # The control plane fills in the token of the account.
    assert before["data"].items() <= after["data"].items()


def test_the_daemon_refuses_a_type_that_the_schema_accepts_and_a_program_trusts(
    world: World, namespace: str
) -> None:
    by_type = definition("by-type", world.keys("a"), secret_type="rke.cattle.io/machine-plan")
    world.cluster.api.post(definitions(namespace), by_type)

    world.wait_reason(namespace, "by-type", "TypeNotAllowed")
    assert world.data(namespace, "by-type") is None
