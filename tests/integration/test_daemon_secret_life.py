"""A Secret's life under a daemon whose reconcile period is an hour: everything here is driven by events."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.world import LAST_UPDATE, MARK, PATIENCE, World, source
from tests.testbed.daemon import DaemonProcess
from tests.testbed.kube_api import definitions, secrets
from tests.testbed.waiting import wait_until

STORED = {"user": "ada", "password": "first"}

MANAGED_BY = "app.kubernetes.io/managed-by"
LAYOUT = re.compile(r"\d{4}-\d\d-\d\dT\d\d\.\d\d\.\d\dZ")


@pytest.fixture(scope="module", autouse=True)
def daemon(world: World) -> Iterator[DaemonProcess]:
    with world.daemon("-reconcile-period=1h") as running:
        running.wait_ready()
        yield running


@pytest.fixture
def app(world: World, namespace: str) -> str:
    """A namespace with the definition `app` and its Secret."""
    world.define(namespace, "app", world.keys("user", "password"))
    world.wait_data(namespace, "app", {"user": "ada", "password": "first"})
    return namespace


def test_a_definition_becomes_a_secret_with_the_marks_of_the_original(world: World, app: str) -> None:
    secret = world.secret(app, "app")

    assert secret["type"] == "Opaque"
    assert secret["metadata"]["labels"] == {MANAGED_BY: "secrets-manager"}
    assert set(secret["metadata"]["annotations"]) == {LAST_UPDATE}
    assert LAYOUT.fullmatch(secret["metadata"]["annotations"][LAST_UPDATE])


def test_the_secret_is_owned_by_its_definition_without_blocking_its_deletion(world: World, app: str) -> None:
    (owner,) = world.secret(app, "app")["metadata"]["ownerReferences"]

    assert owner["kind"] == "SecretDefinition"
    assert owner["uid"] == world.found(app, "app")["metadata"]["uid"]
    assert not owner.get("blockOwnerDeletion")
    assert not owner.get("controller")
    assert "finalizers" not in world.found(app, "app")["metadata"]


def test_a_key_that_leaves_the_definition_leaves_the_secret(world: World, app: str) -> None:
    world.change(app, "app", {"spec": {"keysMap": {"password": None}}})

    world.wait_data(app, "app", {"user": "ada"})


def test_a_key_that_joins_the_definition_joins_the_secret(world: World, app: str) -> None:
    world.change(app, "app", {"spec": {"keysMap": {"second": source(world.path("app"), "password")}}})

    world.wait_data(app, "app", {"user": "ada", "password": "first", "second": "first"})


def test_a_value_changed_by_hand_is_repaired(world: World, app: str) -> None:
    world.cluster.api.patch(secrets(app, "app"), {"data": {"password": base64.b64encode(b"x").decode()}})

    world.wait_data(app, "app", {"user": "ada", "password": "first"})


def test_a_key_added_by_hand_is_removed(world: World, app: str) -> None:
    world.cluster.api.patch(secrets(app, "app"), {"data": {"mine": base64.b64encode(b"x").decode()}})

    world.wait_data(app, "app", {"user": "ada", "password": "first"})


def test_a_secret_deleted_by_hand_is_made_again(world: World, app: str) -> None:
    before = world.secret(app, "app")["metadata"]["uid"]

    world.cluster.api.delete(secrets(app, "app"))

    world.wait_data(app, "app", {"user": "ada", "password": "first"})
    assert world.secret(app, "app")["metadata"]["uid"] != before


def test_our_mark_taken_away_by_hand_comes_back(world: World, app: str) -> None:
    world.cluster.api.patch(secrets(app, "app"), {"metadata": {"labels": {MANAGED_BY: "somebody"}}})

    wait_until(
        lambda: world.secret(app, "app")["metadata"]["labels"] == {MANAGED_BY: "secrets-manager"},
        PATIENCE,
        "our label back",
    )


def test_labels_and_annotations_that_others_put_on_the_secret_stay(world: World, app: str) -> None:
    theirs = {"labels": {"team": "blue"}, "annotations": {"reloader/seen": "7"}}
    world.cluster.api.patch(secrets(app, "app"), {"metadata": theirs})

    world.change(app, "app", {"spec": {"keysMap": {"password": None}}})
    world.wait_data(app, "app", {"user": "ada"})

    metadata = world.secret(app, "app")["metadata"]
    assert metadata["labels"] == {MANAGED_BY: "secrets-manager", "team": "blue"}
    assert metadata["annotations"]["reloader/seen"] == "7"


def test_deleting_the_definition_deletes_the_secret(world: World, app: str) -> None:
    world.cluster.api.delete(definitions(app, "app"))

    world.wait_data(app, "app", None)
    assert world.cluster.api.find(definitions(app, "app")) is None


def test_a_definition_that_is_deleted_with_orphans_leaves_its_secret(world: World, app: str) -> None:
    cluster = world.cluster
    cluster.kubectl("delete", "secretdefinition", "app", f"-n={app}", "--cascade=orphan", "--wait=false")
    # The garbage collector learns of a new kind within half a minute.
    wait_until(lambda: cluster.api.find(definitions(app, "app")) is None, 120, "the definition gone")
    _handled(world, app)

    assert world.data(app, "app") == {"user": "ada", "password": "first"}
    assert world.secret(app, "app")["metadata"].get("ownerReferences") is None


def test_a_definition_that_retains_its_secret_leaves_it_without_an_owner(world: World, app: str) -> None:
    world.change(app, "app", {"spec": {"onDelete": "Retain"}})
    wait_until(
        lambda: world.secret(app, "app")["metadata"].get("ownerReferences") is None, PATIENCE, "no owner"
    )
    world.cluster.api.delete(definitions(app, "app"))
    _handled(world, app)

    assert world.cluster.api.find(definitions(app, "app")) is None
    assert world.data(app, "app") == {"user": "ada", "password": "first"}


def test_a_definition_can_be_deleted_when_its_secret_is_gone_already(
    world: World, namespace: str, daemon: DaemonProcess
) -> None:
    world.define(namespace, "app", {"user": source(world.path("missing"), "user")})
    world.wait_reason(namespace, "app", "SourceNotFound")

    world.cluster.api.delete(definitions(namespace, "app"))

    status = "secrets_manager_controller_last_sync_status"
    wait_until(lambda: daemon.metric(status, namespace=namespace) is None, PATIENCE, "the series gone")
    assert daemon.logged("Secret is out of sync", namespace=namespace, reason="SourceNotFound")


def test_a_definition_made_again_under_its_name_gets_its_secret(world: World, app: str) -> None:
    world.cluster.api.delete(definitions(app, "app"))
    made = world.define(app, "app", world.keys("user"))

    world.wait_data(app, "app", {"user": "ada"})
    (owner,) = world.secret(app, "app")["metadata"]["ownerReferences"]
    assert owner["uid"] == made["metadata"]["uid"]


def test_labels_and_annotations_follow_the_definition(world: World, namespace: str) -> None:
    world.define(
        namespace,
        "app",
        world.keys("user"),
        labels={"app": "shop", "tier": "web"},
        annotations={"note": "one", "owner": "team-a"},
    )
    world.wait_data(namespace, "app", {"user": "ada"})
    before = world.secret(namespace, "app")["metadata"]
    assert {"app": "shop", "tier": "web"}.items() <= before["labels"].items()
    assert {"note": "one", "owner": "team-a"}.items() <= before["annotations"].items()

    changed = {"labels": {"app": "cart", "tier": None}, "annotations": {"note": "two", "owner": None}}
    world.change(namespace, "app", {"metadata": changed})

    wait_until(
        lambda: world.secret(namespace, "app")["metadata"]["labels"].get("app") == "cart", PATIENCE, "label"
    )
    after = world.secret(namespace, "app")["metadata"]
    assert after["labels"] == {"app": "cart", MANAGED_BY: "secrets-manager"}
    assert after["annotations"]["note"] == "two"
    assert "owner" not in after["annotations"]
    assert after["annotations"][LAST_UPDATE] == before["annotations"][LAST_UPDATE]


def test_a_copied_label_changed_on_the_secret_is_repaired(world: World, namespace: str) -> None:
    world.define(namespace, "app", world.keys("user"), labels={"app": "shop"})
    world.wait_data(namespace, "app", {"user": "ada"})

    world.cluster.api.patch(secrets(namespace, "app"), {"metadata": {"labels": {"app": "other"}}})

    wait_until(
        lambda: world.secret(namespace, "app")["metadata"]["labels"]["app"] == "shop", PATIENCE, "label back"
    )


def test_marks_of_other_controllers_are_not_copied(world: World, namespace: str) -> None:
    world.define(
        namespace,
        "app",
        world.keys("user"),
        labels={
            "app.kubernetes.io/instance": "argo-app",
            MANAGED_BY: "Helm",
            "helm.sh/chart": "shop-1",
            "kustomize.toolkit.fluxcd.io/name": "shop",
            "kept": "yes",
        },
        annotations={
            "kubectl.kubernetes.io/last-applied-configuration": "{}",
            "argocd.argoproj.io/tracking-id": "shop",
            "meta.helm.sh/release-name": "shop",
            "kubernetes.io/service-account.name": "admin",
            f"{MARK}adopt": "false",
            "kept": "yes",
        },
    )

    world.wait_data(namespace, "app", {"user": "ada"})
    metadata = world.secret(namespace, "app")["metadata"]
    assert metadata["labels"] == {MANAGED_BY: "secrets-manager", "kept": "yes"}
    assert set(metadata["annotations"]) == {LAST_UPDATE, f"{MARK}copied", "kept"}


TYPES: dict[str, dict[str, str]] = {
    "kubernetes.io/tls": {"tls.crt": "certificate", "tls.key": "private"},
    "kubernetes.io/dockerconfigjson": {".dockerconfigjson": '{"auths": {}}'},
    "kubernetes.io/dockercfg": {".dockercfg": "{}"},
    "kubernetes.io/basic-auth": {"username": "ada", "password": "pass"},
    "kubernetes.io/ssh-auth": {"ssh-privatekey": "key"},
    "example.com/own": {"any": "thing"},
}


@pytest.mark.parametrize("secret_type", TYPES)
def test_a_secret_has_the_type_that_the_definition_says(
    world: World, namespace: str, secret_type: str
) -> None:
    values = TYPES[secret_type]
    name = secret_type.rpartition("/")[2]
    world.write(name, **values)

    world.define(namespace, "typed", world.keys(*values, of=name), secret_type=secret_type)

    world.wait_data(namespace, "typed", values)
    assert world.secret(namespace, "typed")["type"] == secret_type


ENCODINGS: list[tuple[str | None, str, bytes]] = [
    (None, "plain é €", "plain é €".encode()),
    ("", "plain", b"plain"),
    ("text", "aGVsbG8=", b"aGVsbG8="),
    ("base64", "aGVsbG8=", b"hello"),
    ("base64", "aGVs\r\nbG8=\n", b"hello"),
    ("base64", base64.b64encode(bytes(range(256))).decode(), bytes(range(256))),
    ("base64", "", b""),
    ("text", "", b""),
    ("text", "nul\0and\nline", b"nul\0and\nline"),
]


def test_each_encoding_gives_the_bytes_that_it_stands_for(world: World, namespace: str) -> None:
    world.write("encoded", **{f"k{number}": text for number, (_, text, _) in enumerate(ENCODINGS)})
    keys = {
        f"k{number}": source(world.path("encoded"), f"k{number}", encoding)
        for number, (encoding, _, _) in enumerate(ENCODINGS)
    }

    world.define(namespace, "encoded", keys)

    expected = {f"k{number}": value for number, (_, _, value) in enumerate(ENCODINGS)}
    wait_until(
        lambda: world.cluster.api.secret_data(namespace, "encoded") == expected, PATIENCE, "the Secret"
    )


def test_an_empty_key_means_the_key_named_data(world: World, namespace: str) -> None:
    world.write("short", data="the data", other="not this")

    world.define(namespace, "short", {"value": source(world.path("short"), "")})

    world.wait_data(namespace, "short", {"value": "the data"})


NAMES = ["with blanks in it", "a+b@c", "naïve/ключ", "what?version=1", "section#2", "50%25", "a&b=c;d"]


@pytest.mark.parametrize("leading", ["", "/"])
def test_a_path_is_taken_as_it_is_written(world: World, namespace: str, leading: str) -> None:
    for number, name in enumerate(NAMES):
        world.write(name, value=f"of {number}")
    keys: dict[str, Any] = {
        f"k{number}": source(leading + world.path(name), "value") for number, name in enumerate(NAMES)
    }

    world.define(namespace, "paths", keys)

    world.wait_data(namespace, "paths", {f"k{number}": f"of {number}" for number in range(len(NAMES))})


def test_one_secret_can_come_from_several_paths(world: World, namespace: str) -> None:
    world.write("one", a="1")
    world.write("two", b="2")

    world.define(namespace, "both", {**world.keys("a", of="one"), **world.keys("b", of="two")})

    world.wait_data(namespace, "both", {"a": "1", "b": "2"})


def test_a_definition_without_keys_makes_an_empty_secret_that_is_written_once(
    world: World, namespace: str
) -> None:
    world.define(namespace, "empty", {})
    world.wait_reason(namespace, "empty", "Synced")
    version = world.secret(namespace, "empty")["metadata"]["resourceVersion"]

    world.define(namespace, "later", world.keys("user"))
    world.wait_data(namespace, "later", {"user": "ada"})

    assert world.data(namespace, "empty") == {}
    assert world.secret(namespace, "empty")["metadata"]["resourceVersion"] == version


def test_a_fresh_namespace_is_served_and_its_deletion_is_not_held_up(world: World) -> None:
    fresh = world.cluster.create_namespace()
    world.define(fresh, "app", world.keys("user"))
    world.wait_data(fresh, "app", {"user": "ada"})

    world.cluster.delete_namespace(fresh, wait=True)


def test_a_definition_can_be_deleted_without_the_backend(world: World, app: str) -> None:
    world.openbao.pause()
    try:
        world.cluster.api.delete(definitions(app, "app"))
        world.wait_data(app, "app", None)
    finally:
        world.openbao.resume()


def _handled(world: World, namespace: str) -> None:
    """Serve one more object to its end: by then everything requested before it is handled."""
    world.define(namespace, "after-all", world.keys("user"))
    world.wait_reason(namespace, "after-all", "Synced")


def test_numbers_and_maps_are_written_as_json_with_each_digit_and_pointers_lead_into_values(
    world: World, namespace: str
) -> None:
    # Version 2 of the engine rounds numbers itself when they are written, and keeps texts.
    text = '{"inside": [0.50, 12345678901234567890123]}'
    world.write("structured", ratio=1.5, db={"users": [{"name": "ada"}], "on": True}, text=text)
    path = world.path("structured")
    keys = {
        "ratio": source(path, "ratio", "json"),
        "db": source(path, "db", "json"),
        "name": source(path, "#/db/users/0/name"),
        "inside": source(path, "#/text/inside", "json"),
    }
    world.define(namespace, "structured", keys)

    world.wait_data(
        namespace,
        "structured",
        {
            "ratio": "1.5",
            "db": '{"on":true,"users":[{"name":"ada"}]}',
            "name": "ada",
            "inside": "[0.50,12345678901234567890123]",
        },
    )


def test_a_pointer_to_what_is_no_string_is_reported(world: World, namespace: str) -> None:
    world.write("typed", db={"port": 5432})
    world.define(namespace, "typed", {"port": source(world.path("typed"), "#/db/port")})

    condition = world.wait_reason(namespace, "typed", "NotAString")
    assert "'#/db/port'" in condition["message"]
    assert "5432" not in condition["message"]
