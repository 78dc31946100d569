"""What people see of a definition: its Ready condition, Events, and the columns of kubectl."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest

from tests.integration.world import PATIENCE, World
from tests.testbed.daemon import DaemonProcess
from tests.testbed.kube_api import definitions, secrets
from tests.testbed.waiting import wait_until

STORED = {"a": "1"}

RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@pytest.fixture(autouse=True)
def daemon(world: World, namespace: str) -> Iterator[DaemonProcess]:
    """A daemon for each test, since one daemon writes only some Events of success at a time."""
    with world.daemon("-reconcile-period=1s", f"-watch-namespaces={namespace}") as running:
        running.wait_ready()
        yield running


def test_the_status_of_a_definition_in_step_is_complete(world: World, namespace: str) -> None:
    world.define(namespace, "app", world.keys("a"), secret="target")
    condition = world.wait_reason(namespace, "app", "Synced")

    status = world.found(namespace, "app")["status"]

    assert RFC3339.fullmatch(condition.pop("lastTransitionTime"))
    assert condition == {
        "type": "Ready",
        "status": "True",
        "reason": "Synced",
        "message": "Secret target is in sync with its sources",
        "observedGeneration": 1,
    }
    assert status["observedGeneration"] == 1
    assert status["secretName"] == "target"
    assert status["sources"] == [{"path": world.path("app"), "version": "1"}]


def test_a_failure_keeps_the_sources_of_the_last_good_secret_in_the_status(
    world: World, namespace: str, kv_prefix: str
) -> None:
    world.write(kv_prefix, a="1")
    world.define(namespace, "app", world.keys("a", of=kv_prefix))
    world.wait_reason(namespace, "app", "Synced")

    world.write(kv_prefix, other="1")

    condition = world.wait_reason(namespace, "app", "KeyNotFound")
    status = world.found(namespace, "app")["status"]
    assert condition["status"] == "False"
    assert condition["message"] == f"path '{world.path(kv_prefix)}' has no key 'a'"
    assert status["secretName"] == "app"
    assert status["sources"] == [{"path": world.path(kv_prefix), "version": "1"}]


def test_the_transition_time_moves_when_the_status_does_and_only_then(
    world: World, namespace: str, kv_prefix: str
) -> None:
    world.define(namespace, "app", world.keys("a", of=kv_prefix))
    missing = world.wait_reason(namespace, "app", "SourceNotFound")
    _next_second(missing["lastTransitionTime"])

    world.write(kv_prefix, other="1")
    other_reason = world.wait_reason(namespace, "app", "KeyNotFound")
    assert other_reason["lastTransitionTime"] == missing["lastTransitionTime"]

    world.write(kv_prefix, a="1")
    good = world.wait_reason(namespace, "app", "Synced")
    assert good["lastTransitionTime"] > missing["lastTransitionTime"]


def test_the_observed_generation_follows_the_spec(world: World, namespace: str) -> None:
    world.define(namespace, "app", world.keys("a"))
    world.wait_reason(namespace, "app", "Synced")

    world.change(namespace, "app", {"spec": {"keysMap": {"b": world.keys("a")["a"]}}})

    wait_until(lambda: world.condition(namespace, "app")["observedGeneration"] == 2, PATIENCE, "generation 2")
    assert world.found(namespace, "app")["status"]["observedGeneration"] == 2


def test_a_change_of_labels_alone_writes_no_status(world: World, namespace: str) -> None:
    world.define(namespace, "app", world.keys("a"))
    world.wait_reason(namespace, "app", "Synced")

    changed = world.change(namespace, "app", {"metadata": {"labels": {"x": "y"}}})

    wait_until(
        lambda: world.secret(namespace, "app")["metadata"]["labels"].get("x") == "y", PATIENCE, "the label"
    )
    world.wait_polls("app")
    assert world.found(namespace, "app") == changed


def test_a_status_that_somebody_removed_is_written_again(world: World, namespace: str) -> None:
    world.define(namespace, "app", world.keys("a"))
    world.wait_reason(namespace, "app", "Synced")
    path = f"{definitions(namespace, 'app')}/status"

    world.cluster.api.patch(path, {"status": None})
    world.change(namespace, "app", {"metadata": {"labels": {"look": "again"}}})

    world.wait_reason(namespace, "app", "Synced")


def test_a_definition_made_again_at_once_has_its_own_status(world: World, namespace: str) -> None:
    for _ in range(10):
        world.define(namespace, "app", world.keys("a"))
        world.cluster.api.delete(definitions(namespace, "app"))
    world.define(namespace, "app", world.keys("a"))

    world.wait_reason(namespace, "app", "Synced")
    world.wait_data(namespace, "app", {"a": "1"})


def test_each_change_of_a_secret_has_an_event(world: World, namespace: str, kv_prefix: str) -> None:
    world.write(kv_prefix, a="1")
    made = world.define(namespace, "app", world.keys("a", of=kv_prefix))
    created = world.wait_event(namespace, "app", "Created")
    world.write(kv_prefix, a="2")
    replaced = world.wait_event(namespace, "app", "Replaced")
    world.cluster.api.delete(secrets(namespace, "app"))
    restored = world.wait_event(namespace, "app", "Restored")

    assert created["message"] == "Secret app created (keys a)"
    assert replaced["message"] == "Secret app replaced (keys a)"
    assert {event["type"] for event in (created, replaced, restored)} == {"Normal"}
    assert created["involvedObject"]["uid"] == made["metadata"]["uid"]
    assert created["involvedObject"]["kind"] == "SecretDefinition"
    assert created["source"]["component"] == "secrets-manager"


def test_a_changed_spec_name_has_an_event_for_the_secret_that_goes(world: World, namespace: str) -> None:
    world.define(namespace, "app", world.keys("a"), secret="before")
    world.wait_event(namespace, "app", "Created")

    world.change(namespace, "app", {"spec": {"name": "after"}})

    assert world.wait_event(namespace, "app", "Deleted")["message"] == "Secret before deleted"


def test_a_failure_has_one_warning_until_its_reason_changes(
    world: World, namespace: str, kv_prefix: str
) -> None:
    world.define(namespace, "app", world.keys("a", of=kv_prefix))
    world.wait_event(namespace, "app", "SourceNotFound")
    world.wait_polls(kv_prefix, 3)
    world.write(kv_prefix, other="1")
    world.wait_event(namespace, "app", "KeyNotFound")
    world.wait_polls(kv_prefix, 3)

    warnings = [event for event in world.events(namespace, "app") if event["type"] == "Warning"]

    assert sorted(event["reason"] for event in warnings) == ["KeyNotFound", "SourceNotFound"]
    assert {event["count"] for event in warnings} == {1}


def test_a_restart_repeats_no_warning(
    world: World, namespace: str, daemon: DaemonProcess, kv_prefix: str
) -> None:
    world.define(namespace, "app", world.keys("a", of=kv_prefix))
    world.wait_event(namespace, "app", "SourceNotFound")
    # What the next start knows of it stands in the status.
    world.wait_reason(namespace, "app", "SourceNotFound")
    assert daemon.stop() == 0

    with world.daemon("-reconcile-period=1s", f"-watch-namespaces={namespace}") as again:
        again.wait_ready()
        wait_until(
            lambda: again.metric("secrets_manager_controller_last_sync_status", name="app") == 0,
            PATIENCE,
            "the definition reconciled",
        )
        world.wait_polls(kv_prefix)
        assert again.stop() == 0

    assert len(world.events(namespace, "app")) == 1


def test_kubectl_shows_the_secret_whether_it_is_ready_and_why(world: World, namespace: str) -> None:
    world.define(namespace, "good", world.keys("a"), secret="target")
    world.define(namespace, "bad", world.keys("b"), secret="other")
    world.wait_reason(namespace, "good", "Synced")
    world.wait_reason(namespace, "bad", "KeyNotFound")

    head, *rows = world.cluster.kubectl("get", "sd", "-n", namespace).splitlines()

    assert head.split() == ["NAME", "SECRET", "READY", "REASON", "AGE"]
    assert [row.split()[:4] for row in rows] == [
        ["bad", "other", "False", "KeyNotFound"],
        ["good", "target", "True", "Synced"],
    ]


def test_kubectl_can_wait_for_a_definition(world: World, namespace: str) -> None:
    world.define(namespace, "app", world.keys("a"))

    world.cluster.kubectl("wait", "sd/app", "-n", namespace, "--for=condition=Ready", "--timeout=30s")

    assert world.data(namespace, "app") == {"a": "1"}


def test_kubectl_describe_shows_condition_and_events(world: World, namespace: str) -> None:
    world.define(namespace, "app", world.keys("b"))
    world.wait_event(namespace, "app", "KeyNotFound")
    world.wait_reason(namespace, "app", "KeyNotFound")

    shown = world.cluster.kubectl("describe", "sd", "app", "-n", namespace)

    assert f"path '{world.path('app')}' has no key 'b'" in shown
    assert "Warning" in shown


def _next_second(after: str) -> None:
    wait_until(
        lambda: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()) > after, PATIENCE, "the next second"
    )
