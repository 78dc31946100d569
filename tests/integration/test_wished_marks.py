"""spec.metadata on a real API server: what reaches the Secret, what is refused, what leaves again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from secrets_manager.domain.errors import InvalidSpec
from secrets_manager.domain.wished_marks import MAX_ANNOTATIONS, MAX_ENTRIES, OUR_SHARE, WishedMarks
from tests.integration.deployment_support import original_crd
from tests.integration.world import CONFIG_RULES, LAST_UPDATE, MARK, PATIENCE, World, definition, new_world
from tests.testbed.cluster import TestCluster
from tests.testbed.kube_api import ApiError, definitions, secrets
from tests.testbed.openbao import OpenBao
from tests.testbed.waiting import wait_until

STORED = {"a": "1"}
OUR_LABEL = {"app.kubernetes.io/managed-by": "secrets-manager"}
CLUSTER = {"argocd.argoproj.io/secret-type": "cluster"}
INSTANCE = {"app.kubernetes.io/instance": "shop"}


@pytest.fixture
def daemon(world: World, namespace: str) -> Iterator[None]:
    with world.daemon("-reconcile-period=1s", f"-watch-namespaces={namespace}") as running:
        running.wait_ready()
        yield


def wishing(world: World, metadata: Any, **fields: Any) -> dict[str, Any]:
    made = definition("app", world.keys("a"), **fields)
    return {**made, "spec": {**made["spec"], "metadata": metadata}}


def wish(world: World, namespace: str, metadata: Any, **fields: Any) -> None:
    """Create the definition, and wait until its Secret is there."""
    world.cluster.api.post(definitions(namespace), wishing(world, metadata, **fields))
    world.wait_reason(namespace, "app", "Synced")


def marks(world: World, namespace: str) -> dict[str, Any]:
    found: dict[str, Any] = world.secret(namespace, "app")["metadata"]
    return found


@pytest.mark.usefixtures("daemon")
def test_wishes_come_and_go_without_a_change_of_the_data(world: World, namespace: str) -> None:
    note = {"argocd.argoproj.io/tracking-id": "shop"}
    wish(world, namespace, {"labels": {**INSTANCE, "team": "c"}, "annotations": note}, labels={"team": "b"})
    made = marks(world, namespace)
    assert made["labels"] == {**OUR_LABEL, **INSTANCE, "team": "c"}
    assert made["annotations"].items() >= note.items()

    world.change(namespace, "app", {"spec": {"metadata": None}})

    wait_until(lambda: marks(world, namespace)["labels"].get("team") == "b", PATIENCE, "the wishes gone")
    after = marks(world, namespace)
    assert after["labels"] == {**OUR_LABEL, "team": "b"}
    assert after["annotations"] == {
        LAST_UPDATE: made["annotations"][LAST_UPDATE],
        f"{MARK}copied": '{"labels":["team"]}',
    }


@pytest.mark.usefixtures("daemon")
def test_argo_cd_finds_the_repository_that_the_docs_show(world: World, namespace: str) -> None:
    page = (Path(__file__).parents[2] / "docs/definitions.md").read_text(encoding="utf-8")
    blocks = [block.split("```")[0] for block in page.split("```yaml\n")[1:]]
    (shown,) = (yaml.safe_load(block) for block in blocks if "secret-type: repository" in block)
    world.write("repository", type="git", url="https://git.example.test/shop", username="u", password="p")
    shown["spec"]["dataFrom"][0]["path"] = world.path("repository")

    world.cluster.api.post(definitions(namespace), shown)
    world.wait_reason(namespace, "shop-repository", "Synced")

    selector = "argocd.argoproj.io/secret-type=repository"
    found = world.cluster.kubectl("get", "secret", "-n", namespace, "-l", selector, "-o", "name")
    assert found.split() == ["secret/shop-repository"]
    assert world.data(namespace, "shop-repository") == {
        "type": "git",
        "url": "https://git.example.test/shop",
        "username": "u",
        "password": "p",
    }


@pytest.mark.usefixtures("daemon")
def test_a_definition_that_is_applied_again_has_no_difference(world: World, namespace: str) -> None:
    made = {**wishing(world, {"labels": CLUSTER, "annotations": {"note": ""}}), "metadata": {"name": "app"}}
    body = json.dumps(made)
    flags = ("--server-side", "-n", namespace, "-f", "-")
    world.cluster.kubectl("apply", *flags, stdin=body)
    world.wait_reason(namespace, "app", "Synced")
    before = world.found(namespace, "app")

    world.cluster.kubectl("apply", *flags, stdin=body)

    assert world.found(namespace, "app") == before


@pytest.mark.usefixtures("daemon")
def test_as_many_annotations_as_are_taken_fit_beside_our_own(world: World, namespace: str) -> None:
    entries = {f"{'d' * 200}.example.com/n{number}": "x" for number in range(MAX_ENTRIES - 1)}
    # Each name stands in front of its value, and for both kinds in the record.
    room = MAX_ANNOTATIONS - OUR_SHARE - sum(3 * len(name) + 7 for name in entries) - 2 * len("note") - 3
    full = {"labels": entries, "annotations": {**entries, "note": "x" * room}}
    with pytest.raises(InvalidSpec, match="more than"):
        WishedMarks(labels=entries, annotations={**entries, "note": "x" * (room + 1)})

    wish(world, namespace, full)

    assert len(marks(world, namespace)["annotations"]["note"]) == room


# ── what is refused ──────────────────────────────────────────────────────────────────────────────────

TOO_MUCH: dict[str, Any] = {
    "our label": {"labels": OUR_LABEL},
    "our annotation": {"annotations": {f"{MARK}adopt": "true"}},
    "a label of 1.x": {"labels": {"managedBy": "x"}},
    "a token": {"annotations": {"kubernetes.io/service-account.name": "admin"}},
    "a release of Helm": {"labels": {"owner": "helm"}},
    "a state of Terraform": {"labels": {"tfstate": "true"}},
    "a bad name": {"labels": {"a/b/c": "x"}},
    "a long name": {"annotations": {"x" * 64: "x"}},
    "a bad value": {"labels": {"team": "a b"}},
    "a long value": {"labels": {"team": "x" * 64}},
    "a number": {"annotations": {"port": 5432}},
    "too many": {"labels": {f"n{number}": "" for number in range(257)}},
}


@pytest.mark.parametrize("kind", TOO_MUCH)
def test_the_schema_refuses_what_can_never_be_on_a_secret(world: World, namespace: str, kind: str) -> None:
    with pytest.raises(ApiError) as refused:
        world.cluster.api.post(definitions(namespace), wishing(world, TOO_MUCH[kind]))

    assert refused.value.status == 422
    assert "spec.metadata" in refused.value.message


def test_a_mark_that_is_refused_reaches_no_secret_whatever_the_schema(
    openbao: OpenBao, tmp_path: Path
) -> None:
    with TestCluster.start(tmp_path / "cluster", controllers=False) as cluster:
        crd = original_crd()
        cluster.apply(_unbounded(crd))
        wait_until(lambda: _serves(cluster), PATIENCE, "the schema served")
        namespace = cluster.create_namespace()
        with new_world(cluster, openbao, tmp_path, cluster_rules=CONFIG_RULES) as world:
            world.write("app", **STORED)
            for number, metadata in enumerate(TOO_MUCH.values()):
                made = wishing(world, metadata)
                made["metadata"]["name"] = made["spec"]["name"] = f"app-{number}"
                cluster.api.post(definitions(namespace), made)
            world.define(namespace, "good", world.keys("a"))
            with world.daemon("-reconcile-period=1s") as running:
                running.wait_ready()
                world.wait_data(namespace, "good", {"a": "1"})
                wait_until(
                    lambda: len(running.logged("Secret is out of sync")) >= len(TOO_MUCH),
                    PATIENCE,
                    "refusals",
                )
                reasons = running.logged("Secret is out of sync")
            assert {line["reason"] for line in reasons} == {"InvalidSpec"}
            assert [each["metadata"]["name"] for each in cluster.api.list(secrets(namespace))] == ["good"]


def _unbounded(crd: dict[str, Any]) -> dict[str, Any]:
    """The CRD with a schema that keeps any field."""
    for version in crd["spec"]["versions"]:
        version["schema"]["openAPIV3Schema"] = {
            "type": "object",
            "x-kubernetes-preserve-unknown-fields": True,
        }
    return crd


def _serves(cluster: TestCluster) -> bool:
    try:
        cluster.api.list(definitions("default"))
    except ApiError:
        return False
    return True


@pytest.mark.usefixtures("daemon")
def test_an_edited_record_takes_no_mark_of_ours_or_of_a_token_off(world: World, namespace: str) -> None:
    wish(world, namespace, {"labels": CLUSTER})
    names = [*OUR_LABEL, LAST_UPDATE, "kubernetes.io/service-account.name", "free"]
    listed = {"labels": names, "annotations": names}
    record = json.dumps({**listed, "wished": listed})
    theirs = {"kubernetes.io/service-account.name": "x", "free": "x", f"{MARK}copied": record}

    world.cluster.api.patch(
        secrets(namespace, "app"), {"metadata": {"annotations": theirs, "labels": {"free": "x"}}}
    )

    wait_until(lambda: "free" not in marks(world, namespace)["labels"], PATIENCE, "the record heeded")
    after = marks(world, namespace)
    assert after["labels"] == {**OUR_LABEL, **CLUSTER}
    assert {LAST_UPDATE, "kubernetes.io/service-account.name"} < set(after["annotations"])
    assert world.data(namespace, "app") == {"a": "1"}
