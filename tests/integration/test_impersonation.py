"""A kubeconfig that names somebody else to call for, on a real API server: only their rights count."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.integration.world import CONFIG_RULES, World, new_world
from tests.testbed.cluster import TestCluster
from tests.testbed.daemon import run_once
from tests.testbed.openbao import OpenBao

ROBOT, CREW = "robot@example.test", "example:crew"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
MAY_PRETEND = [
    {"apiGroups": [""], "resources": ["users"], "verbs": ["impersonate"], "resourceNames": [ROBOT]},
    {"apiGroups": [""], "resources": ["groups"], "verbs": ["impersonate"], "resourceNames": [CREW]},
]


@pytest.fixture(scope="module")
def world(
    definitions_api: TestCluster, openbao: OpenBao, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """A World whose account may do nothing but call for a robot, whose group has the rights."""
    folder = tmp_path_factory.mktemp("impersonation")
    with new_world(definitions_api, openbao, folder, rules={}) as made:
        home, name = made.account.namespace, "pretender"
        account = definitions_api.service_account(home, name, cluster_rules=MAY_PRETEND)
        api, crew = definitions_api.api, f"crew-{home}"
        api.post(f"{RBAC}/clusterroles", {"metadata": {"name": crew}, "rules": [*CONFIG_RULES]})
        subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": CREW}
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": crew}
        binding = {"metadata": {"name": crew}, "roleRef": role, "subjects": [subject]}
        api.post(f"{RBAC}/clusterrolebindings", binding)
        made.write("app", a="1")
        yield replace(made, account=account)
        api.delete(f"{RBAC}/clusterrolebindings/{crew}")
        api.delete(f"{RBAC}/clusterroles/{crew}")


def kubeconfig(world: World, **user: object) -> str:
    """The account's kubeconfig with more in the section of its user."""
    config = json.loads(world.account.kubeconfig.read_text())
    config["users"][0]["user"].update(user)
    path = Path(f"{world.account.kubeconfig}-{len(user)}")
    path.write_text(json.dumps(config))
    return str(path)


def test_the_daemon_has_the_rights_of_the_group_that_its_kubeconfig_names(
    world: World, namespace: str
) -> None:
    world.define(namespace, "app", world.keys("a"))
    path = kubeconfig(world, **{"as": ROBOT, "as-groups": [CREW]})
    with world.daemon(f"-watch-namespaces={namespace}", "-reconcile-period=1s", KUBECONFIG=path) as daemon:
        world.wait_data(namespace, "app", {"a": "1"})
        world.wait_reason(namespace, "app", "Synced")
        # Watches are calls as well.
        world.define(namespace, "late", world.keys("a"))
        world.wait_data(namespace, "late", {"a": "1"})
        daemon.wait_ready()
        assert daemon.stop() == 0


@pytest.mark.parametrize(
    "user",
    [{}, {"as": ROBOT}, {"as": ROBOT, "as-groups": ["system:masters", CREW]}],
    ids=["the account", "the robot without its group", "a group that may not be named"],
)
def test_what_the_account_or_the_robot_may_not_do_is_not_done(
    world: World, namespace: str, user: dict[str, object]
) -> None:
    world.define(namespace, "app", world.keys("a"))
    environ = {**world.environ, "KUBECONFIG": kubeconfig(world, **user)}
    done = run_once(environ, f"-watch-namespaces={namespace}", cwd=world.folder)

    assert done.returncode == 1
    assert "Forbidden" in done.stdout
    assert world.data(namespace, "app") is None
