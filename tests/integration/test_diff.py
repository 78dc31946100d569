"""``diff`` says what a sync would change, and the daemon then does exactly that."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.commands_support import command, write_manifests
from tests.integration.world import (
    CONFIG_RULES,
    LAST_UPDATE,
    MARK,
    RESTART_RULES,
    Json,
    World,
    definition,
    grant,
    new_world,
    raw_secret,
    source,
)
from tests.testbed.cluster import TestCluster
from tests.testbed.daemon import run_once
from tests.testbed.kube_api import secrets
from tests.testbed.openbao import OpenBao
from tests.testbed.waiting import wait_until

CANARY = "canary-3c1f"
TIMES = {LAST_UPDATE, f"{MARK}restart-pending"}


@pytest.fixture(scope="module")
def world(
    definitions_api: TestCluster, openbao: OpenBao, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    rules = [*CONFIG_RULES, *RESTART_RULES]
    with new_world(definitions_api, openbao, tmp_path_factory.mktemp("diff"), cluster_rules=rules) as made:
        yield made


def once(world: World, namespace: str) -> str:
    done = run_once(
        {**world.environ, "SECRETS_MANAGER_WATCH_NAMESPACES": namespace},
        *("-restart.window", "10ms"),
        cwd=world.folder,
    )
    return done.stdout


def diff(world: World, *words: str, **environ: str) -> tuple[int, dict[tuple[str, str], Json]]:
    """The exit code, and the answer by definition and Secret."""
    before = world.calls()
    done = command(world, "diff", *words, "-o", "json", **environ)
    assert world.writes(before) == {}
    assert CANARY not in done.stdout + done.stderr
    assert "Y2FuYXJ5" not in done.stdout
    found = json.loads(done.stdout)["secrets"]
    return done.returncode, {(each["name"], each["secret"]): each for each in found}


def all_secrets(world: World, namespace: str) -> dict[str, Json]:
    return {each["metadata"]["name"]: each for each in world.cluster.api.list(secrets(namespace))}


def names(before: dict[str, Any], after: dict[str, Any]) -> dict[str, list[str]]:
    """What differs between two maps, without the marks that say when a write was."""
    old, new = (
        {name: value for name, value in each.items() if name not in TIMES} for each in (before, after)
    )
    return {
        "added": sorted(new.keys() - old.keys()),
        "changed": sorted(name for name in new.keys() & old.keys() if new[name] != old[name]),
        "removed": sorted(old.keys() - new.keys()),
    }


def what_happened(before: Json | None, after: Json | None) -> Json:
    """What became of a Secret, as `diff` would say it."""
    if after is None:
        return {"operation": "unchanged" if before is None else "deleted"}
    old, new = before or {"metadata": {}}, after
    marks = {
        kind: names(old["metadata"].get(kind, {}), new["metadata"].get(kind, {}))
        for kind in ("labels", "annotations")
    }
    if before is None:
        operation = "created"
    elif before["metadata"]["uid"] != after["metadata"]["uid"]:
        operation = "recreated"
    elif before["metadata"]["resourceVersion"] != after["metadata"]["resourceVersion"]:
        operation = "replaced"
    else:
        operation = "unchanged"
    return {"operation": operation, "keys": names(old.get("data", {}), new.get("data", {})), **marks}


def assert_done(said: dict[tuple[str, str], Json], before: dict[str, Json], after: dict[str, Json]) -> None:
    """What was said of each Secret is what happened to it, and nothing happened to any other."""
    for (_, secret), each in said.items():
        happened = what_happened(before.get(secret), after.get(secret))
        if each["operation"] in {"refused", "failed"}:
            assert happened["operation"] == "unchanged", each
        else:
            assert {word: each[word] for word in happened} == happened, each
    spoken = {secret for _, secret in said}
    strangers = {name: each for name, each in after.items() if name not in spoken}
    assert strangers == {name: each for name, each in before.items() if name not in spoken}


def deployment(name: str, uses: str) -> Json:
    labels = {"app": name}
    container = {
        "name": "c",
        "image": "images.example.test/x",
        "envFrom": [{"secretRef": {"name": uses}}],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


STATES = (
    *("value", "keys", "marked", "edited", "foreign", "typed", "retyped", "renamed", "missing", "senior"),
    *("restarted", "suspended", "same", "retained", "gone", "shrunk"),
)


def bring_about(world: World, place: str) -> None:
    """A state of the cluster in which a sync has something of everything to do."""
    for name in STATES:
        world.write(name, a=f"{CANARY}-a", b=f"{CANARY}-b")
        world.define(place, name, world.keys("a", "b", of=name))
    workloads = [{"kind": "Deployment", "name": "web"}, {"kind": "StatefulSet", "name": "none"}]
    wishes: dict[str, Json] = {
        "gone": {"onSourceGone": "Delete"},
        "restarted": {"restart": {"workloads": workloads}},
        "shrunk": {"onShrink": "Refuse", "keysMap": None, "dataFrom": [{"path": world.path("shrunk")}]},
    }
    for name, spec in wishes.items():
        world.change(place, name, {"spec": spec})
    base = f"/apis/apps/v1/namespaces/{place}/deployments"
    world.cluster.api.post(base, deployment("web", "restarted"))
    assert f"{len(STATES)} created" in once(world, place)
    change_the_backend(world)
    change_secrets(world, place)
    change_definitions(world, place)


def change_the_backend(world: World) -> None:
    for name in ("value", "restarted"):
        world.write(name, a=f"{CANARY}-new", b=f"{CANARY}-b")
    world.write("shrunk", a=f"{CANARY}-a")
    world.write("missing", a=f"{CANARY}-a")
    world.write("suspended", a=f"{CANARY}-other")
    world.openbao.purge_kv2(f"{world.prefix}/gone")


def change_secrets(world: World, place: str) -> None:
    edit = {"data": {"a": "eA==", "z": "eA=="}, "metadata": {"labels": {"mine": "x"}}}
    world.cluster.api.patch(secrets(place, "edited"), edit)
    world.cluster.api.delete(secrets(place, "foreign"))
    world.cluster.api.post(secrets(place), raw_secret("foreign", {"a": CANARY}))


def change_definitions(world: World, place: str) -> None:
    retyped = {"type": "example.test/own"}
    changes: dict[str, Json] = {
        "keys": {"spec": {"keysMap": {"a": None, "c": source(world.path("keys"), "b")}}},
        "marked": {"metadata": {"labels": {"team.test/x": "y"}, "annotations": {"a.test/b": "c"}}},
        "typed": {"spec": retyped},
        "retyped": {"spec": retyped, "metadata": {"annotations": {f"{MARK}recreate": "true"}}},
        "renamed": {"spec": {"name": "renamed-2"}},
        "suspended": {"spec": {"suspend": True}},
        "retained": {"spec": {"onDelete": "Retain"}},
    }
    for name, patch in changes.items():
        world.change(place, name, patch)
    world.define(place, "junior", world.keys("a", of="senior"), secret="senior")
    world.define(place, "new", world.keys("a", of="same"))


def test_the_daemon_does_exactly_what_was_said(world: World, place: str) -> None:
    bring_about(world, place)
    before = all_secrets(world, place)

    code, said = diff(world, "-n", place)
    once(world, place)

    assert code == 1
    after = all_secrets(world, place)
    assert_done(said, before, after)
    told = {key: (each["operation"], each["reason"]) for key, each in said.items()}
    assert told == {
        ("value", "value"): ("replaced", "DataDiffers"),
        ("keys", "keys"): ("replaced", "DataDiffers"),
        ("marked", "marked"): ("replaced", "MetadataDiffers"),
        ("edited", "edited"): ("replaced", "DataDiffers"),
        ("foreign", "foreign"): ("refused", "NotOwned"),
        ("typed", "typed"): ("refused", "TypeConflict"),
        ("retyped", "retyped"): ("recreated", "TypeConflict"),
        ("renamed", "renamed-2"): ("created", "Missing"),
        ("renamed", "renamed"): ("deleted", "DefinitionGone"),
        ("missing", "missing"): ("failed", "KeyNotFound"),
        ("senior", "senior"): ("unchanged", "InStep"),
        ("junior", "senior"): ("refused", "TargetConflict"),
        ("restarted", "restarted"): ("replaced", "DataDiffers"),
        ("suspended", "suspended"): ("unchanged", "Suspended"),
        ("same", "same"): ("unchanged", "InStep"),
        ("retained", "retained"): ("replaced", "MetadataDiffers"),
        ("gone", "gone"): ("failed", "SourceNotFound"),
        ("shrunk", "shrunk"): ("failed", "WouldShrink"),
        ("new", "new"): ("created", "Missing"),
    }
    assert said["retyped", "retyped"]["type"] == {"from": "Opaque", "to": "example.test/own"}
    assert [key for key, each in said.items() if each["ownerChanges"]] == [("retained", "retained")]
    assert said["gone", "gone"]["message"].endswith(
        "; if it stays so the Secret is deleted, as spec.onSourceGone wishes"
    )
    # Restarts.
    assert said["restarted", "restarted"]["restarts"] == ["Deployment/web"]
    assert "StatefulSet 'none' is not there" in said["restarted", "restarted"]["notRestarted"]
    assert [key for key, each in said.items() if each["restarts"]] == [("restarted", "restarted")]
    web = world.cluster.api.get(f"/apis/apps/v1/namespaces/{place}/deployments/web")
    assert f"{MARK}restarted-for" in web["spec"]["template"]["metadata"]["annotations"]


def test_afterwards_only_what_is_refused_is_left(world: World, place: str) -> None:
    code, said = diff(world, "-n", place)

    left = {name for (name, _), each in said.items() if each["operation"] != "unchanged"}
    assert left == {"foreign", "typed", "missing", "junior", "gone", "shrunk"}
    assert code == 1
    assert diff(world, "-n", place, "same", f"{place}/value")[0] == 0
    text = command(world, "diff", "-n", place, "same").stdout
    assert text == "1 unchanged\n"


def test_what_an_apply_would_change_is_told_before_it(world: World, namespace: str, tmp_path: Path) -> None:
    world.write("app", a=f"{CANARY}-a", b=f"{CANARY}-b")
    world.write("other", a=f"{CANARY}-o")
    there = definition("there", world.keys("a", "b"), labels={"kept": "x", "dropped": "x"})
    file = write_manifests(tmp_path, namespace, there, definition("same", world.keys("a")))
    world.cluster.kubectl("apply", "-f", file)
    world.change(namespace, "there", {"metadata": {"labels": {"of-another": "x"}}})
    assert "2 created" in once(world, namespace)
    changed = definition(
        "there", {"a": source(world.path("other"), "a")}, labels={"kept": "y"}, secret="moved"
    )
    file = write_manifests(
        tmp_path,
        namespace,
        changed,
        definition("same", world.keys("a")),
        definition("new", world.keys("b")),
        definition("late", world.keys("b"), secret="same"),
    )
    before = all_secrets(world, namespace)

    code, said = diff(world, "-f", file)
    world.cluster.kubectl("apply", "-f", file)
    once(world, namespace)

    assert code == 1
    assert_done(said, before, all_secrets(world, namespace))
    assert {key: each["operation"] for key, each in said.items()} == {
        ("there", "moved"): "created",
        ("there", "there"): "deleted",
        ("same", "same"): "unchanged",
        ("new", "new"): "created",
        ("late", "same"): "refused",
    }
    assert diff(world, "-f", file, "-n", namespace)[0] == 1


def test_text_shows_names_with_signs(world: World, namespace: str) -> None:
    world.write("app", a=f"{CANARY}-a", b=f"{CANARY}-b")
    world.define(namespace, "app", world.keys("a"))
    once(world, namespace)
    world.change(namespace, "app", {"spec": {"keysMap": {"a": None, **world.keys("b")}}})

    done = command(world, "diff", "-n", namespace)

    assert done.stdout.splitlines() == [
        f"{namespace}/app Secret app: replaced (DataDiffers)",
        "  + key b",
        "  - key a",
        "1 replaced, 0 unchanged",
    ]
    assert done.returncode == 1


def test_servers_that_do_not_answer_and_missing_rights_are_exit_code_3(world: World, namespace: str) -> None:
    world.write("app", a=f"{CANARY}-a")
    world.define(namespace, "app", world.keys("a"))
    account = world.cluster.service_account(namespace, "reader")
    grant(
        world.cluster,
        account,
        namespace,
        [{"apiGroups": ["secrets-manager.tuenti.io"], "resources": ["*"], "verbs": ["get", "list"]}],
    )

    code, said = diff(world, "-n", namespace, VAULT_ADDR="http://127.0.0.1:9")
    assert (code, said["app", "app"]["reason"]) == (3, "BackendUnavailable")
    code, said = diff(world, "-n", namespace, KUBECONFIG=str(account.kubeconfig))
    assert (code, said["app", "app"]["reason"]) == (3, "Forbidden")
    assert "does not grant you the verb 'get'" in said["app", "app"]["message"]
    assert command(world, "diff", "-n", namespace, "nobody").returncode == 2
    assert command(world, "diff", "-n", namespace, "app", "-f", "x").returncode == 2
    assert command(world, "diff", "-f", "nowhere.yaml").returncode == 2


def test_who_may_not_list_definitions_sees_those_that_are_named(world: World, namespace: str) -> None:
    world.write("app", a=f"{CANARY}-a")
    world.define(namespace, "app", world.keys("a"))
    account = world.cluster.service_account(namespace, "getter")
    rules = [
        {"apiGroups": ["secrets-manager.tuenti.io"], "resources": ["*"], "verbs": ["get"]},
        {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]},
    ]
    world.cluster.api.post(
        f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/roles",
        {"metadata": {"name": "getter"}, "rules": rules},
    )
    world.cluster.api.post(
        f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/rolebindings",
        {
            "metadata": {"name": "getter"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "getter"},
            "subjects": [{"kind": "ServiceAccount", "namespace": namespace, "name": "getter"}],
        },
    )

    def named() -> Json | None:
        done = command(
            world, "diff", "-n", namespace, "app", "-o", "json", KUBECONFIG=str(account.kubeconfig)
        )
        return json.loads(done.stdout) if done.returncode == 1 else None

    found = wait_until(named, 30, "the rights in effect")
    assert found["secrets"][0]["operation"] == "created"
