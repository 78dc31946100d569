"""What the daemon costs the API server, counted in the server's audit log by the daemon's own user."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.world import PATIENCE, Calls, World, new_world, source
from tests.testbed.cluster import TestCluster
from tests.testbed.kube_api import definitions, events, secrets
from tests.testbed.openbao import OpenBao
from tests.testbed.waiting import wait_until

CREATE = ("create", "secrets")
STATUS = ("update", "secretdefinitions/status")
EVENT = ("create", "events")
GARBAGE = 120.0
PASSIVE = {"watch", "list"}


@pytest.fixture
def world(definitions_api: TestCluster, openbao: OpenBao, tmp_path: Path) -> Iterator[World]:
    with new_world(definitions_api, openbao, tmp_path) as made:
        made.write("app", a="1", b="2")
        yield made


def test_many_new_objects_cost_one_post_and_one_status_each_and_one_read_of_their_path(
    world: World, namespace: str
) -> None:
    for number in range(20):
        world.define(namespace, f"app-{number}", world.keys("a", "b"))

    with world.daemon("-reconcile-period=1h", f"-watch-namespaces={namespace}") as daemon:
        daemon.wait_ready()
        for number in range(20):
            world.wait_reason(namespace, f"app-{number}", "Synced")
        _let_echoes_arrive(world, namespace)
        reads = world.reads("app")
        assert daemon.stop() == 0

    calls = world.wait_calls(*[STATUS] * 21)
    assert _without_events(calls) == {
        ("list", "secrets"): 1,
        ("list", "secretdefinitions"): 1,
        ("watch", "secrets"): 1,
        ("watch", "secretdefinitions"): 1,
        CREATE: 21,
        STATUS: 21,
    }
    assert calls[EVENT] <= 21
    # A reconcile that asks while a read is under way shares the next one with all that wait.
    assert reads <= 10


def test_an_object_made_later_costs_one_post_and_one_status(world: World, namespace: str) -> None:
    with world.daemon("-reconcile-period=1s", f"-watch-namespaces={namespace}") as daemon:
        daemon.wait_ready()
        before = world.calls()

        world.define(namespace, "app", world.keys("a"))
        world.wait_reason(namespace, "app", "Synced")
        world.wait_event(namespace, "app", "Created")
        world.wait_polls("app", 3)

        assert _active(world.wait_calls(EVENT, since=before)) == {CREATE: 1, STATUS: 1, EVENT: 1}


def test_a_change_in_the_backend_costs_one_put_and_one_status(world: World, namespace: str) -> None:
    with world.daemon("-reconcile-period=1s", f"-watch-namespaces={namespace}") as daemon:
        daemon.wait_ready()
        world.define(namespace, "app", world.keys("a"))
        world.wait_event(namespace, "app", "Created")
        world.wait_reason(namespace, "app", "Synced")
        before = world.wait_calls(STATUS, EVENT)

        world.write("app", a="changed")
        world.wait_data(namespace, "app", {"a": "changed"})
        world.wait_event(namespace, "app", "Replaced")
        world.wait_polls("app", 3)

        made = world.wait_calls(STATUS, EVENT, since=before)
        assert _active(made) == {("update", "secrets"): 1, STATUS: 1, EVENT: 1}


def test_a_deletion_costs_one_delete(world: World, namespace: str) -> None:
    with world.daemon("-reconcile-period=1s", f"-watch-namespaces={namespace}") as daemon:
        daemon.wait_ready()
        world.define(namespace, "app", world.keys("a"))
        world.wait_reason(namespace, "app", "Synced")
        world.wait_event(namespace, "app", "Created")
        before = world.wait_calls(STATUS, EVENT)

        world.cluster.api.delete(definitions(namespace, "app"))
        world.wait_data(namespace, "app", None)
        _let_echoes_arrive(world, namespace)

        made = world.wait_calls(STATUS, since=before)
        # The garbage collector may have been faster, because of the owner mark.
        assert made["delete", "secrets"] <= 1
        assert made[STATUS] == 1


def test_a_quiet_stretch_costs_one_read_per_path_and_nothing_else(world: World, namespace: str) -> None:
    world.write("other", a="1")
    with world.daemon("-reconcile-period=1s", f"-watch-namespaces={namespace}") as daemon:
        daemon.wait_ready()
        for number in range(5):
            world.define(namespace, f"app-{number}", world.keys("a"))
        world.define(namespace, "other", world.keys("a", of="other"))
        world.define(namespace, "broken", {"a": source(world.path("missing"), "a")})
        for name, reason in {**dict.fromkeys((f"app-{n}" for n in range(5)), "Synced")}.items():
            world.wait_reason(namespace, name, reason)
        world.wait_reason(namespace, "other", "Synced")
        world.wait_reason(namespace, "broken", "SourceNotFound")
        world.wait_event(namespace, "broken", "SourceNotFound")
        wait_until(
            lambda: (
                len(world.cluster.api.list(f"/api/v1/namespaces/{namespace}/events"))
                == world.calls()[EVENT]
                == 7
            ),
            PATIENCE,
            "the Events of the beginning",
        )
        before = world.wait_calls(*[STATUS] * 7)

        world.wait_polls("other", 6)

        assert _active(world.calls(before)) == {}
        assert daemon.metric("secrets_manager_definitions") == 7


def test_a_restart_with_nothing_changed_writes_nothing(world: World, namespace: str) -> None:
    for number in range(5):
        world.define(
            namespace, f"app-{number}", world.keys("a", "b"), labels={"a": "b"}, annotations={"c": "d"}
        )
    world.define(namespace, "empty", {})
    world.define(namespace, "broken", {"a": source(world.path("missing"), "a")})
    flags = ("-reconcile-period=1s", f"-watch-namespaces={namespace}")
    with world.daemon(*flags) as daemon:
        for number in range(5):
            world.wait_reason(namespace, f"app-{number}", "Synced")
        world.wait_reason(namespace, "empty", "Synced")
        world.wait_reason(namespace, "broken", "SourceNotFound")
        # What an end cuts short is made up for by the next start, and that start is to have nothing to do.
        world.wait_calls(*[STATUS] * 7, *[EVENT] * 7)
        assert daemon.stop() == 0
    before, versions = world.calls(), _versions(world, namespace)

    with world.daemon(*flags) as daemon:
        daemon.wait_ready()
        wait_until(
            lambda: (
                (daemon.metric("secrets_manager_controller_operations_total") or 0) >= 1
                and len(_series(daemon.metrics(), "secrets_manager_controller_last_sync_status")) == 7
            ),
            PATIENCE,
            "every definition reconciled",
        )
        world.wait_polls("app", 3)
        assert daemon.stop() == 0

    assert world.writes(before) == {}
    assert _versions(world, namespace) == versions
    assert {call for call in world.calls(before) if call[0] not in PASSIVE} <= {("get", "secrets")}


def test_a_restart_makes_up_for_what_happened_meanwhile(world: World, namespace: str) -> None:
    for name in ("changed", "edited", "removed", "renamed", "kept"):
        world.write(name, a="1")
        world.define(namespace, name, world.keys("a", of=name))
    flags = ("-reconcile-period=1h", f"-watch-namespaces={namespace}")
    with world.daemon(*flags) as daemon:
        for name in ("changed", "edited", "removed", "renamed", "kept"):
            world.wait_reason(namespace, name, "Synced")
        assert daemon.stop() == 0
    kept = world.secret(namespace, "kept")["metadata"]["resourceVersion"]

    world.write("changed", a="2")
    world.cluster.api.patch(secrets(namespace, "edited"), {"data": {"a": "eA=="}})
    world.cluster.api.delete(definitions(namespace, "removed"))
    world.change(namespace, "renamed", {"spec": {"name": "new-name"}})

    with world.daemon(*flags) as daemon:
        world.wait_data(namespace, "changed", {"a": "2"})
        world.wait_data(namespace, "edited", {"a": "1"})
        # Absence is not evidence for the daemon: the garbage collector deletes this one. It learns within
        # half a minute of a kind that is new to its cluster.
        wait_until(lambda: world.data(namespace, "removed") is None, GARBAGE, "the Secret collected")
        world.wait_data(namespace, "new-name", {"a": "1"})
        world.wait_data(namespace, "renamed", None)
        assert daemon.stop() == 0
    assert world.secret(namespace, "kept")["metadata"]["resourceVersion"] == kept


def _let_echoes_arrive(world: World, namespace: str) -> None:
    """Serve one more object to its end: by then all consequences of the writes before it are handled."""
    world.write("echo", a="1")
    world.define(namespace, "echo", world.keys("a", of="echo"))
    world.wait_reason(namespace, "echo", "Synced")


def _active(calls: Calls) -> Calls:
    """The calls without watches, which end and begin again each minute."""
    return Calls({call: count for call, count in calls.items() if call[0] != "watch"})


def _without_events(calls: Calls) -> Calls:
    return Calls({call: count for call, count in calls.items() if call != EVENT})


def _versions(world: World, namespace: str) -> dict[str, str]:
    """The resourceVersion of every Secret, definition and Event."""
    objects: list[dict[str, Any]] = [
        each
        for path in (secrets(namespace), definitions(namespace), events(namespace))
        for each in world.cluster.api.list(path)
    ]
    return {each["metadata"]["uid"]: each["metadata"]["resourceVersion"] for each in objects}


def _series(metrics: str, name: str) -> list[str]:
    return [line for line in metrics.splitlines() if line.startswith(f"{name}{{")]
