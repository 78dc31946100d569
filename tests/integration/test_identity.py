"""What belongs to which object, with a real API server: replies that come late or are about something else,
definitions that are made again, another writer of the same Secret, and a definition that costs much.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.integration.world import PATIENCE, World, source
from tests.testbed.cluster import TestCluster
from tests.testbed.daemon import DaemonProcess
from tests.testbed.fault_proxy import FaultProxy
from tests.testbed.kube_api import ApiError, definitions, secrets
from tests.testbed.waiting import wait_until

PROXIED = True
DEFINITIONS = "secrets_manager_definitions"


@pytest.fixture(scope="module")
def elsewhere(definitions_api: TestCluster) -> Iterator[str]:
    """Another namespace of the same daemon."""
    name = definitions_api.create_namespace()
    yield name
    definitions_api.delete_namespace(name)


@pytest.fixture(scope="module")
def daemon(world: World, place: str, elsewhere: str) -> Iterator[DaemonProcess]:
    with world.daemon(
        f"-watch-namespaces={place},{elsewhere}",
        "-reconcile-period=1s",
        f"-policy.paths=secret/data/{world.prefix}/{{namespace}}/*",
        SECRETS_MANAGER_CONFIG__KUBERNETES_TIMEOUT="25s",
    ) as running:
        running.wait_ready()
        yield running


def keys(world: World, namespace: str, name: str, *wanted: str) -> dict[str, Any]:
    return world.keys(*wanted, of=f"{namespace}/{name}")


def made(world: World, namespace: str, name: str, **labels: str) -> None:
    """A definition in step, with a path of its own."""
    world.write(f"{namespace}/{name}", a="1")
    world.define(namespace, name, keys(world, namespace, name, "a"), labels=labels)
    world.wait_reason(namespace, name, "Synced")


def acted_since(world: World, namespace: str) -> None:
    """Return when the daemon did something that it does only after everything that was due."""
    made(world, namespace, "canary")
    world.cluster.api.delete(definitions(namespace, "canary"))
    world.wait_data(namespace, "canary", None)


# ── late replies ─────────────────────────────────────────────────────────────────────────────────────


def test_a_status_write_that_hung_while_its_definition_was_deleted_brings_no_secret_back(
    world: World, place: str, daemon: DaemonProcess, faults: FaultProxy
) -> None:
    others = [f"other-{number}" for number in range(300)]
    for name in others:
        world.define(place, name, {"a": source(world.path(f"{place}/nothing"), "a")})
    made(world, place, "victim")
    for name in others:
        world.wait_reason(place, name, "SourceNotFound")
    hung = faults.on("PUT", r".*/secretdefinitions/victim/status").times(1).hang_reply()
    world.write(f"{place}/victim", a="2")
    hung.wait_hit(timeout=PATIENCE)

    for name in ("victim", *others):
        world.cluster.api.delete(definitions(place, name))
    wait_until(lambda: daemon.metric(DEFINITIONS) == 0, PATIENCE, "all deletions were heard of")
    hung.release()
    world.wait_data(place, "victim", None)
    before = world.calls()
    acted_since(world, place)
    world.write(f"{place}/victim", a="3")
    acted_since(world, place)

    assert daemon.metric(DEFINITIONS) == 0
    assert world.data(place, "victim") is None
    canaries = 2
    assert world.calls(before)["create", "secrets"] == canaries


# ── definitions that are recreated ────────────────────────────────────────────────────────────────────


def test_a_definition_that_was_replaced_by_force_is_ready_only_once_its_own_secret_exists(
    world: World, place: str, daemon: DaemonProcess
) -> None:
    assert daemon.process.poll() is None
    made(world, place, "forced")
    for number in range(15):
        world.write(f"{place}/forced", a="1", **{f"k{number}": str(number)})
        world.cluster.api.delete(definitions(place, "forced"))
        key = f"k{number}"
        found = world.define(place, "forced", keys(world, place, "forced", key), secret=f"forced-{number}")
        seen: dict[str, Any] = {}

        def is_reported(seen: dict[str, Any] = seen) -> bool:
            seen.update(world.condition(place, "forced"))
            return bool(seen)

        wait_until(is_reported, PATIENCE, "a condition", 0.01)
        # The state at that moment, without any wait.
        assert (seen["status"], seen["reason"]) == ("True", "Synced")
        secret = world.secret(place, f"forced-{number}")
        assert [owner["uid"] for owner in secret["metadata"]["ownerReferences"]] == [found["metadata"]["uid"]]
        assert world.data(place, f"forced-{number}") == {key: str(number)}


# ── replies about something else ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("which", ["another Secret", "another kind", "another namespace"])
def test_a_write_that_gets_the_answer_to_another_call_is_not_taken_for_done(
    world: World, place: str, elsewhere: str, faults: FaultProxy, which: str
) -> None:
    name = f"mixed-{which.replace(' ', '-').lower()}"
    made(world, place, name)
    made(world, place, "bystander")
    made(world, elsewhere, name)
    answer = {
        "another Secret": world.secret(place, "bystander"),
        "another kind": world.found(place, name),
        "another namespace": world.secret(elsewhere, name),
    }[which]
    mixed = faults.on("PUT", rf".*/namespaces/{place}/secrets/{name}").times(1).reply(200, answer)
    world.write(f"{place}/{name}", a="2")

    world.wait_data(place, name, {"a": "2"})
    assert mixed.hits == 1
    warned = world.wait_event(place, name, "ClusterUnavailable")
    assert "about another object" in warned["message"]
    for namespace, other in ((place, "bystander"), (elsewhere, name)):
        assert world.data(namespace, other) == {"a": "1"}
        world.cluster.api.delete(definitions(namespace, other))
        world.wait_data(namespace, other, None)


def test_a_deletion_that_gets_the_answer_to_another_call_is_done_again(
    world: World, place: str, faults: FaultProxy
) -> None:
    made(world, place, "goes")
    details = {"name": "other", "kind": "secrets", "uid": "another"}
    success = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
    mixed = faults.on("DELETE", r".*/secrets/goes").times(1).reply(200, success)
    # The garbage collector may be faster than the daemon, because of the owner mark.
    with world.cluster.without_controllers():
        world.cluster.api.delete(definitions(place, "goes"))
        world.wait_data(place, "goes", None)
    assert mixed.hits == 1


# ── another writer ───────────────────────────────────────────────────────────────────────────────────


@contextmanager
def fighting(world: World, place: str, name: str, change: dict[str, Any]) -> Iterator[list[int]]:
    """Merge ``change`` into the Secret whenever it is undone; the list holds how often."""
    stop, acts = threading.Event(), [0]
    path = f"{secrets(place, name)}?fieldManager=the-fighter"

    def fight() -> None:
        while not stop.is_set():
            try:
                before = world.secret(place, name)["metadata"]["resourceVersion"]
                after = world.cluster.api.patch(path, change)["metadata"]["resourceVersion"]
            except ApiError:
                continue
            acts[0] += before != after
            stop.wait(0.02)

    thread = threading.Thread(target=fight)
    thread.start()
    try:
        yield acts
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize(
    ("field", "change", "ready"),
    [
        ("label 'tier'", {"metadata": {"labels": {"tier": "theirs"}}}, "True"),
        ("data key 'a'", {"data": {"a": "bWFsbG9yeQ=="}}, "False"),
    ],
    ids=["a label", "a value"],
)
def test_a_writer_that_undoes_each_repair_is_named_and_repairs_slow_down(
    world: World, place: str, daemon: DaemonProcess, field: str, change: dict[str, Any], ready: str
) -> None:
    name = f"fought-{ready.lower()}"
    made(world, place, name, tier="gold")
    writes = len([e for e in world.entries() if e.resource == "secrets" and e.name == name])
    with fighting(world, place, name, change) as acts:
        condition = world.wait_reason(place, name, "Contested")
        world.wait_event(place, name, "Contested")
        wait_until(lambda: acts[0] >= 11, PATIENCE, "a repair that was slow")
        made_by_us = [e for e in world.entries() if e.resource == "secrets" and e.name == name]

    assert condition["status"] == ready
    assert field in condition["message"]
    assert "'the-fighter'" in condition["message"]
    assert len([e for e in made_by_us[writes:] if e.verb == "update"]) <= 13
    assert len(daemon.logged("another writer undoes each repair of the Secret", name=name)) == 1
    # A writer that gives up loses.
    world.wait_data(place, name, {"a": "1"})
    wait_until(
        lambda: world.secret(place, name)["metadata"]["labels"]["tier"] == "gold", 2 * PATIENCE, "repaired"
    )


# ── what costs much, and what is refused ─────────────────────────────────────────────────────────────


def test_a_new_definition_elsewhere_is_served_while_a_costly_one_is_annotated_without_end(
    world: World, place: str, elsewhere: str, daemon: DaemonProcess
) -> None:
    deep = "%" + "25" * 400
    costly = {f"k{number}": source(f"secret/data/{number}/{deep}", "a") for number in range(1000)}
    world.define(place, "costly", costly)
    stop, annotated = threading.Event(), [0]

    def annotate() -> None:
        while not stop.is_set():
            annotated[0] += 1
            world.change(place, "costly", {"metadata": {"annotations": {"n": str(annotated[0])}}})

    flood = threading.Thread(target=annotate)
    flood.start()
    try:
        for number in range(5):
            wait_until(lambda: annotated[0] >= 10 * (number + 1), PATIENCE, "the flood")  # noqa: B023
            made(world, elsewhere, f"prompt-{number}")
        assert flood.is_alive()
    finally:
        stop.set()
        flood.join()
    assert daemon.process.poll() is None
    world.cluster.api.delete(definitions(place, "costly"))


def test_a_path_that_the_policy_refuses_is_never_read_and_a_shared_path_wakes_only_its_readers(
    world: World, place: str, elsewhere: str, daemon: DaemonProcess
) -> None:
    assert daemon.process.poll() is None
    made(world, place, "own")
    world.write("nobodys", a="secret")
    for name, path in (("spy", f"{place}/own"), ("stray", "nobodys")):
        world.define(elsewhere, name, world.keys("a", of=path))
        world.wait_reason(elsewhere, name, "PathNotAllowed")
    world.wait_polls(f"{place}/own", 3)
    world.write(f"{place}/own", a="2")
    world.wait_data(place, "own", {"a": "2"})

    assert world.reads("nobodys") == 0
    assert world.data(elsewhere, "spy") is None
