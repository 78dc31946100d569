"""Flux, kustomize and all others that go by kstatus see each state of a definition for what it is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.gitops_states import STATES
from tests.integration.world import PATIENCE, World, definition
from tests.testbed.daemon import DaemonProcess
from tests.testbed.gitops_judge import Verdict, kstatus
from tests.testbed.kube_api import definitions
from tests.testbed.waiting import wait_until

STORED = {"a": "1"}


@pytest.fixture
def daemon(world: World, namespace: str) -> Iterator[DaemonProcess]:
    with world.daemon("-reconcile-period=1s", f"-watch-namespaces={namespace}") as running:
        running.wait_ready()
        yield running


def verdict(world: World, namespace: str, name: str = "app") -> Verdict:
    return kstatus([world.found(namespace, name)])[0]


def wait_verdict(world: World, namespace: str, status: str) -> Verdict:
    return wait_until(
        lambda: found if (found := verdict(world, namespace)).status == status else None, PATIENCE, status
    )


def test_every_state_has_the_verdict_that_is_written_beside_it() -> None:
    found = kstatus([state.make() for state in STATES.values()])

    assert {name: each.status for name, each in zip(STATES, found, strict=True)} == {
        name: state.kstatus for name, state in STATES.items()
    }


def test_a_failure_has_the_sentence_that_ready_has() -> None:
    made = STATES["path missing"].make()
    ready, stalled = made["status"]["conditions"]

    assert (ready["type"], stalled["type"]) == ("Ready", "Stalled")
    assert kstatus([made]) == [Verdict("Failed", ready["message"])]


def test_a_definition_that_no_daemon_has_seen_is_in_progress(world: World) -> None:
    made = world.cluster.api.post(
        f"{definitions(world.account.namespace)}?dryRun=All", definition("app", world.keys("a"))
    )

    assert made["status"] == {"observedGeneration": -1}
    assert kstatus([made])[0].status == "InProgress"


@pytest.mark.usefixtures("daemon")
def test_one_definition_goes_through_its_life(world: World, namespace: str, kv_prefix: str) -> None:
    world.define(namespace, "app", world.keys("a", of=kv_prefix))
    missing = wait_verdict(world, namespace, "Failed")
    assert missing.message == f"path '{world.path(kv_prefix)}' does not exist in the backend"

    world.write(kv_prefix, a="1")
    wait_verdict(world, namespace, "Current")
    assert [each["type"] for each in world.found(namespace, "app")["status"]["conditions"]] == ["Ready"]

    changed = world.change(namespace, "app", {"spec": {"keysMap": {"a": {"key": "b"}}}})
    assert kstatus([changed])[0].status == "InProgress"
    wait_verdict(world, namespace, "Failed")

    world.change(namespace, "app", {"spec": {"suspend": True}})
    world.wait_reason(namespace, "app", "Suspended")
    assert verdict(world, namespace).status == "Failed"
    world.write(kv_prefix, b="2")
    world.change(namespace, "app", {"spec": {"suspend": None}})
    wait_verdict(world, namespace, "Current")
    world.change(namespace, "app", {"spec": {"suspend": True}})
    world.wait_reason(namespace, "app", "Suspended")
    assert verdict(world, namespace).status == "Current"


def test_a_definition_whose_first_work_a_dead_backend_keeps_back_is_in_progress(
    world: World, namespace: str
) -> None:
    away = {"VAULT_ADDR": "https://127.0.0.1:1"}
    with world.daemon("-reconcile-period=1s", f"-watch-namespaces={namespace}", **away):
        world.define(namespace, "app", world.keys("a"))
        world.wait_reason(namespace, "app", "BackendUnavailable")
        waiting = world.found(namespace, "app")

    assert [each["type"] for each in waiting["status"]["conditions"]] == ["Ready", "Reconciling"]
    assert kstatus([waiting])[0].status == "InProgress"
