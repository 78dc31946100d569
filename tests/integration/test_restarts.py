"""Workloads are restarted for changes of their Secrets, by a daemon with the rights of config/components.

No controller of workloads runs here. A restart is a change of the pod template, which the API server counts
in the generation of the workload: 1 when it was made, and one more for each restart.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.integration.world import (
    CONFIG_RULES,
    LAST_UPDATE,
    LEASES,
    MARK,
    PATIENCE,
    RESTART_RULES,
    World,
    new_world,
)
from tests.testbed.cluster import TestCluster
from tests.testbed.daemon import DaemonProcess, run_once
from tests.testbed.kube_api import ApiError
from tests.testbed.openbao import OpenBao
from tests.testbed.waiting import wait_until

Json = dict[str, Any]

RULES = [*CONFIG_RULES, *RESTART_RULES]
RESTARTED_FOR, PENDING = f"{MARK}restarted-for", f"{MARK}restart-pending"
KINDS = {
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments",
    "StatefulSet": "/apis/apps/v1/namespaces/{}/statefulsets",
    "DaemonSet": "/apis/apps/v1/namespaces/{}/daemonsets",
    "Rollout": "/apis/argoproj.io/v1alpha1/namespaces/{}/rollouts",
}
SHORT, LONG = "-restart.window=1s", "-restart.window=6s"
BY_NAME: Json = {"workloads": [{"kind": "Deployment", "name": "shop"}]}
BY_USE: Json = {"referencing": True}


@pytest.fixture(scope="module")
def world(
    definitions_api: TestCluster, openbao: OpenBao, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """A World whose account may restart workloads, and use any Lease of its namespace."""
    home = definitions_api.create_namespace()
    account = definitions_api.service_account(home, "daemon", rules=LEASES, cluster_rules=RULES)
    with new_world(definitions_api, openbao, tmp_path_factory.mktemp("world")) as made:
        yield replace(made, account=account, environ={**made.environ, "KUBECONFIG": str(account.kubeconfig)})
    definitions_api.delete_namespace(home)


@pytest.fixture
def _rollouts(definitions_api: TestCluster) -> Iterator[None]:
    """The smallest CRD of Rollouts; the other tests have none."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    definitions_api.apply(
        {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": "rollouts.argoproj.io"},
            "spec": {
                "group": "argoproj.io",
                "scope": "Namespaced",
                "names": {"kind": "Rollout", "plural": "rollouts", "singular": "rollout"},
                "versions": [
                    {
                        "name": "v1alpha1",
                        "served": True,
                        "storage": True,
                        "schema": {"openAPIV3Schema": schema},
                    }
                ],
            },
        }
    )

    def served() -> bool:
        try:
            definitions_api.api.list(KINDS["Rollout"].format("default"))
        except ApiError:
            return False
        return True

    wait_until(served, PATIENCE, "Rollouts served")
    yield
    definitions_api.api.delete("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/rollouts.argoproj.io")
    wait_until(lambda: not served(), PATIENCE, "no Rollouts any more")


# ── the words of these tests ─────────────────────────────────────────────────────────────────────────


def body_of(name: str = "shop", kind: str = "Deployment", *, uses: str = "app") -> Json:
    """A workload whose pods take their environment from a Secret."""
    labels = {"app": name}
    container = {"name": "c", "image": "i", "envFrom": [{"secretRef": {"name": uses}}]}
    return {
        "apiVersion": "argoproj.io/v1alpha1" if kind == "Rollout" else "apps/v1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


def make(
    world: World, namespace: str, name: str = "shop", kind: str = "Deployment", *, uses: str = "app"
) -> None:
    """Create such a workload."""
    world.cluster.api.post(KINDS[kind].format(namespace), body_of(name, kind, uses=uses))


def workload(world: World, namespace: str, name: str = "shop", kind: str = "Deployment") -> Json:
    return world.cluster.api.get(f"{KINDS[kind].format(namespace)}/{name}")


def mark(found: Json) -> str | None:
    marked: str | None = found["spec"]["template"]["metadata"].get("annotations", {}).get(RESTARTED_FOR)
    return marked


def restarts(world: World, namespace: str, name: str = "shop", kind: str = "Deployment") -> int:
    count: int = workload(world, namespace, name, kind)["metadata"]["generation"] - 1
    return count


def marks_of(world: World, namespace: str, name: str = "app") -> dict[str, str]:
    found: dict[str, str] = world.secret(namespace, name)["metadata"]["annotations"]
    return found


def define(world: World, namespace: str, of: str, restart: Json, name: str = "app") -> None:
    """Create a definition of one key, and wait for its Secret."""
    world.write(of, password="first")
    world.define(namespace, name, world.keys("password", of=of))
    world.change(namespace, name, {"spec": {"restart": restart}})
    world.wait_data(namespace, name, {"password": "first"})


def change(world: World, namespace: str, of: str, value: str = "second", name: str = "app") -> None:
    """Change the value in OpenBao, and wait for the Secret."""
    world.write(of, password=value)
    world.wait_data(namespace, name, {"password": value})


def wait_restarted(world: World, namespace: str, name: str = "shop", kind: str = "Deployment") -> None:
    """Wait until a workload is marked with the last change of the Secret, and nothing is pending."""

    def done() -> bool:
        marks = marks_of(world, namespace)
        return PENDING not in marks and mark(workload(world, namespace, name, kind)) == marks[LAST_UPDATE]

    wait_until(done, PATIENCE, f"{kind} {name} restarted")


def daemon(world: World, namespace: str, *flags: str) -> DaemonProcess:
    running = world.daemon("-reconcile-period=1s", f"-watch-namespaces={namespace}", *flags)
    running.wait_ready()
    return running


def wait_nothing_more(world: World, of: str) -> None:
    """Wait until a daemon with a short window had occasion to restart something."""
    world.wait_polls(of, 4)


# ── a change restarts once ───────────────────────────────────────────────────────────────────────────


@pytest.mark.usefixtures("_rollouts")
@pytest.mark.parametrize("by", ["name", "use"])
def test_a_change_of_the_data_restarts_each_kind_of_workload_once(
    world: World, namespace: str, kv_prefix: str, by: str
) -> None:
    for kind in KINDS:
        make(world, namespace, kind=kind)
        make(world, namespace, "bystander", kind=kind, uses="other")
    named = {"workloads": [{"kind": kind, "name": "shop"} for kind in KINDS]}
    with daemon(world, namespace, SHORT) as running:
        define(world, namespace, kv_prefix, named if by == "name" else BY_USE)
        change(world, namespace, kv_prefix)
        for kind in KINDS:
            wait_restarted(world, namespace, kind=kind)
        wait_nothing_more(world, kv_prefix)

        event = world.wait_event(namespace, "app", "Restarted")
        assert "Deployment 'shop'" in event["message"]
        assert running.metric("secrets_manager_restarts_total", kind="Rollout", result="success") == 1
        assert len(running.logged("workload restarted", workload="shop", kind="StatefulSet")) == 1
    for kind in KINDS:
        assert restarts(world, namespace, kind=kind) == 1
        assert restarts(world, namespace, "bystander", kind) == 0
        managers = workload(world, namespace, kind=kind)["metadata"]["managedFields"]
        ours = [each["fieldsV1"] for each in managers if each["manager"] == "secrets-manager"]
        assert RESTARTED_FOR in str(ours)


def test_changes_of_two_secrets_within_the_window_restart_once(
    world: World, namespace: str, kv_prefix: str
) -> None:
    make(world, namespace)
    one, two = f"{kv_prefix}-one", f"{kv_prefix}-two"
    with daemon(world, namespace, LONG):
        define(world, namespace, one, BY_NAME)
        define(world, namespace, two, BY_NAME, name="tls")
        change(world, namespace, one)
        change(world, namespace, two, name="tls")
        wait_until(lambda: mark(workload(world, namespace)), PATIENCE, "the restart")
        wait_until(lambda: PENDING not in marks_of(world, namespace, "tls"), PATIENCE, "nothing pending")

        assert mark(workload(world, namespace)) == marks_of(world, namespace, "tls")[LAST_UPDATE]
        world.wait_polls(one, 8)
    assert restarts(world, namespace) == 1


def test_what_is_no_change_restarts_nothing(world: World, namespace: str, kv_prefix: str) -> None:
    make(world, namespace)
    with daemon(world, namespace, SHORT):
        define(world, namespace, kv_prefix, BY_NAME)
        wait_nothing_more(world, kv_prefix)
        path = f"/api/v1/namespaces/{namespace}/secrets/app"
        world.cluster.api.patch(path, {"metadata": {"labels": {"app.kubernetes.io/managed-by": "x"}}})
        world.cluster.api.patch(path, {"data": {"password": "bWFsbG9yeQ=="}})
        world.wait_data(namespace, "app", {"password": "first"})
        world.cluster.api.delete(path)
        world.wait_data(namespace, "app", {"password": "first"})
        world.write(kv_prefix, password="first", more="of it")
        wait_nothing_more(world, kv_prefix)
    with daemon(world, namespace, SHORT):
        wait_nothing_more(world, kv_prefix)
        assert restarts(world, namespace) == 0

        change(world, namespace, kv_prefix)
        wait_restarted(world, namespace)
        wait_nothing_more(world, kv_prefix)
    assert restarts(world, namespace) == 1


def test_a_workload_that_was_made_after_the_change_is_left_alone(
    world: World, namespace: str, kv_prefix: str
) -> None:
    with daemon(world, namespace, LONG):
        make(world, namespace, "before")
        define(world, namespace, kv_prefix, BY_USE)
        change(world, namespace, kv_prefix)
        written = marks_of(world, namespace)[LAST_UPDATE].replace(".", ":")

        def is_later() -> bool:
            probe = world.cluster.create_namespace()
            made: str = world.cluster.api.get(f"/api/v1/namespaces/{probe}")["metadata"]["creationTimestamp"]
            world.cluster.delete_namespace(probe)
            return made > written

        wait_until(is_later, PATIENCE, "the next second")
        make(world, namespace, "after")
        wait_restarted(world, namespace, "before")
    assert restarts(world, namespace, "after") == 0


@pytest.mark.parametrize(
    "how",
    [(), ("--server-side",), ("--server-side", "--force-conflicts", "--field-manager=argocd-controller")],
)
def test_tools_that_apply_the_workload_again_leave_the_mark_alone(
    world: World, namespace: str, kv_prefix: str, how: tuple[str, ...]
) -> None:
    def apply(replicas: int) -> None:
        body = body_of()
        body["spec"]["replicas"] = replicas
        world.cluster.kubectl("apply", *how, "-n", namespace, "-f", "-", stdin=json.dumps(body))

    apply(1)
    with daemon(world, namespace, SHORT):
        define(world, namespace, kv_prefix, BY_USE)
        change(world, namespace, kv_prefix)
        wait_restarted(world, namespace)
        before = workload(world, namespace)
        apply(1)
        assert workload(world, namespace)["metadata"]["generation"] == before["metadata"]["generation"]
        apply(2)
        wait_nothing_more(world, kv_prefix)

    after = workload(world, namespace)
    assert after["spec"]["replicas"] == 2
    assert mark(after) == mark(before) is not None
    assert restarts(world, namespace) == 2, "the restart, and the change of the replicas"


# ── crashes and hand-overs ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "stopped"])
def test_a_daemon_that_ends_in_the_window_leaves_the_restart_to_the_next(
    world: World, namespace: str, kv_prefix: str, number: int
) -> None:
    make(world, namespace)
    with daemon(world, namespace, "-restart.window=10m") as first:
        define(world, namespace, kv_prefix, BY_NAME)
        change(world, namespace, kv_prefix)
        assert marks_of(world, namespace)[PENDING] == marks_of(world, namespace)[LAST_UPDATE]
        if number == signal.SIGTERM:
            assert first.stop() == 0
        else:
            os.kill(first.pid, number)
            first.wait()
    assert restarts(world, namespace) == 0
    with daemon(world, namespace, SHORT):
        wait_restarted(world, namespace)
        wait_nothing_more(world, kv_prefix)
    with daemon(world, namespace, SHORT):
        wait_nothing_more(world, kv_prefix)
    assert restarts(world, namespace) == 1


def test_a_standby_takes_up_what_a_killed_leader_left(world: World, namespace: str, kv_prefix: str) -> None:
    make(world, namespace)
    election = (
        *("-enable-leader-election", f"-election.lease-namespace={world.account.namespace}"),
        f"-election.lease-name={namespace}",
    )
    with daemon(world, namespace, "-restart.window=8s", *election) as leader:
        wait_until(lambda: leader.metric("secrets_manager_leader") == 1, PATIENCE, "a leader")
        with daemon(world, namespace, "-restart.window=8s", *election) as standby:
            define(world, namespace, kv_prefix, BY_NAME)
            change(world, namespace, kv_prefix)
            leader.kill()
            assert restarts(world, namespace) == 0
            wait_restarted(world, namespace)
            assert standby.metric("secrets_manager_restarts_total", kind="Deployment", result="success") == 1
    assert restarts(world, namespace) == 1


def test_a_single_run_restarts_at_its_end(world: World, namespace: str, kv_prefix: str) -> None:
    make(world, namespace)
    world.write(kv_prefix, password="first")
    world.define(namespace, "app", world.keys("password", of=kv_prefix))
    world.change(namespace, "app", {"spec": {"restart": BY_NAME}})
    for value in ("first", "second", "second"):
        world.write(kv_prefix, password=value)
        ended = run_once(world.environ, f"-watch-namespaces={namespace}", cwd=world.folder)
        assert ended.returncode == 0, ended.stdout

    assert mark(workload(world, namespace)) == marks_of(world, namespace)[LAST_UPDATE]
    assert restarts(world, namespace) == 1
    assert PENDING not in marks_of(world, namespace)


# ── what cannot be done ──────────────────────────────────────────────────────────────────────────────


def test_a_workload_that_does_not_exist_is_named(world: World, namespace: str, kv_prefix: str) -> None:
    missing = {"workloads": [*BY_NAME["workloads"], {"kind": "Rollout", "name": "blue"}]}
    make(world, namespace)
    with daemon(world, namespace, SHORT):
        define(world, namespace, kv_prefix, missing)
        condition = world.wait_reason(namespace, "app", "NotRestarted")
        assert condition["status"] == "True"
        assert condition["message"].endswith("Rollout 'blue' is not there")
        world.wait_event(namespace, "app", "NotRestarted")

        change(world, namespace, kv_prefix)
        wait_restarted(world, namespace)


@pytest.mark.parametrize("restart", [BY_NAME, BY_USE], ids=["by name", "by use"])
def test_without_the_rights_the_condition_says_so_and_the_secret_is_written(
    definitions_api: TestCluster,
    openbao: OpenBao,
    namespace: str,
    kv_prefix: str,
    tmp_path: Path,
    restart: Json,
) -> None:
    with new_world(definitions_api, openbao, tmp_path) as world:
        make(world, namespace)
        with daemon(world, namespace, SHORT):
            define(world, namespace, kv_prefix, restart)
            condition = world.wait_reason(namespace, "app", "NotRestarted")
            change(world, namespace, kv_prefix)
            before = world.calls()
            world.wait_polls(kv_prefix, 6)
            made = world.calls(before)

        verb = "get" if restart is BY_NAME else "list"
        assert condition["status"] == "True"
        assert f"verb '{verb}' on 'deployments'" in condition["message"]
        assert made[verb, "deployments"] <= 2
        assert restarts(world, namespace) == 0
        assert marks_of(world, namespace)[PENDING] == marks_of(world, namespace)[LAST_UPDATE]


def test_nothing_is_asked_about_workloads_where_nobody_wants_restarts(
    world: World, namespace: str, kv_prefix: str
) -> None:
    before = world.calls()
    with daemon(world, namespace, SHORT):
        world.write(kv_prefix, password="first")
        world.define(namespace, "app", world.keys("password", of=kv_prefix))
        world.wait_data(namespace, "app", {"password": "first"})
        change(world, namespace, kv_prefix)
        wait_nothing_more(world, kv_prefix)

    asked = {resource for _, resource in world.calls(before)}
    assert asked <= {"secrets", "secretdefinitions", "secretdefinitions/status", "events"}
