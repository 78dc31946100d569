"""Every bad input ends in its own object's condition and metric, and nowhere else.

Each object began good, and has a Secret. Then its values in OpenBao, its spec or its Secret went bad while no
daemon ran; specs that today's CRD refuses were stored under the original's. One daemon then meets all of
them at once, together with a healthy neighbour.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.integration.deployment_support import install, original_crd, wait_served
from tests.integration.world import (
    FINALIZER,
    PATIENCE,
    World,
    definition,
    new_world,
    raw_secret,
    source,
)
from tests.testbed.cluster import TestCluster
from tests.testbed.daemon import DaemonProcess
from tests.testbed.kube_api import ApiError, definitions, secrets
from tests.testbed.openbao import OpenBao
from tests.testbed.waiting import wait_until

CRD_FOLDER = Path(__file__).parents[2] / "config" / "crd"
NAMESPACE = "team-a"
BIG = "x" * 600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One kind of bad input: how it comes about, and the reason that reports it.

    `value` is what the key then holds; `spec` is merged into the spec; `spoil` does anything else.
    """

    reason: str
    value: Any = None
    spec: dict[str, Any] | None = None
    spoil: Callable[[World, str], object] | None = None
    message: str = ""


def _path(world: World, name: str) -> str:
    return f"{world.prefix}/{name}"


def _grow(world: World, name: str) -> None:
    world.write(f"{name}-more", value=BIG)
    world.write(name, value=BIG)
    more = {"more": source(world.path(f"{name}-more"), "value")}
    world.change(NAMESPACE, name, {"spec": {"keysMap": more}})


def _without_spec(world: World, name: str) -> None:
    stored = world.found(NAMESPACE, name)
    del stored["spec"]
    world.cluster.api.put(definitions(NAMESPACE, name), stored)


def _make_foreign(world: World, name: str) -> None:
    world.cluster.api.delete(secrets(NAMESPACE, name))
    world.cluster.api.post(secrets(NAMESPACE), raw_secret(name, {"value": "theirs"}))


def _freeze(world: World, name: str) -> None:
    world.cluster.api.patch(secrets(NAMESPACE, name), {"immutable": True})


VALUES = {
    "number": Case(reason="NotAString", value=771177, message="is a number"),
    "fraction": Case(reason="NotAString", value=77.1177, message="is a number"),
    "bool": Case(reason="NotAString", value=True, message="is a bool"),
    "list": Case(reason="NotAString", value=["771177"], message="is a list"),
    "map": Case(reason="NotAString", value={"k": "771177"}, message="is a map"),
}
SOURCES = {
    "null": Case(reason="KeyNotFound", spoil=lambda w, n: w.write(n, value=None)),
    "missing-key": Case(reason="KeyNotFound", spoil=lambda w, n: w.write(n, other="x")),
    "missing-path": Case(reason="SourceNotFound", spoil=lambda w, n: w.openbao.purge_kv2(_path(w, n))),
    "soft-deleted": Case(reason="SourceDeleted", spoil=lambda w, n: w.openbao.delete_kv2(_path(w, n))),
    "destroyed": Case(reason="SourceDestroyed", spoil=lambda w, n: w.openbao.destroy_kv2(_path(w, n), [1])),
    "too-large": Case(reason="TooLarge", spoil=_grow, message="bytes in total"),
}
SPECS = {
    "kv1-as-kv2": Case(reason="EngineMismatch", spec={"keysMap": {"value": {"path": "kv1/{prefix}/old"}}}),
    "bad-base64": Case(reason="DecodeError", spec={"keysMap": {"value": {"encoding": "base64"}}}),
    "no-spec": Case(reason="InvalidSpec", spec=None, spoil=_without_spec),
    "no-name": Case(reason="InvalidSpec", spec={"name": ""}, message="spec.name"),
    "dot-name": Case(reason="InvalidSpec", spec={"name": "."}, message="spec.name"),
    "slash-name": Case(reason="InvalidSpec", spec={"name": "a/b"}, message="spec.name"),
    "long-name": Case(reason="InvalidSpec", spec={"name": "n" * 254}, message="spec.name"),
    "unknown-encoding": Case(
        reason="InvalidSpec", spec={"keysMap": {"value": {"encoding": "rot13"}}}, message="encoding"
    ),
    "dot-dot-path": Case(
        reason="InvalidPath", spec={"keysMap": {"value": {"path": "secret/data/../../sys/mounts"}}}
    ),
    "hidden-dot-dot": Case(
        reason="InvalidPath", spec={"keysMap": {"value": {"path": "secret/data/%2e%2e/x"}}}
    ),
    "control-character": Case(
        reason="InvalidPath", spec={"keysMap": {"value": {"path": "secret/data/a\nb"}}}
    ),
    "letter-that-does-not-show": Case(
        reason="SourceNotFound",
        spec={"keysMap": {"value": {"path": "secret/data/{prefix}/a\u200b"}}},
        message="U+200B",
    ),
    "empty-path": Case(reason="InvalidPath", spec={"keysMap": {"value": {"path": ""}}}),
    "bad-data-key": Case(reason="InvalidKey", spec={"keysMap": {"a b": {"path": "p", "key": "k"}}}),
    "dots-data-key": Case(reason="InvalidKey", spec={"keysMap": {"..a": {"path": "p", "key": "k"}}}),
    "token-type": Case(reason="TypeNotAllowed", spec={"type": "kubernetes.io/service-account-token"}),
    "other-type": Case(reason="TypeConflict", spec={"type": "example.com/other"}),
    "tls-type": Case(reason="InvalidForType", spec={"type": "kubernetes.io/tls"}, message="tls.crt"),
}
TARGETS = {
    "foreign": Case(reason="NotOwned", spoil=_make_foreign),
    "immutable": Case(reason="ImmutableTarget", value="changed", spoil=_freeze),
}
CASES = {**VALUES, **SOURCES, **SPECS, **TARGETS}


@pytest.fixture(scope="module")
def own_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestCluster]:
    """A cluster that starts with the CRD of the original; its controllers delete namespaces."""
    with TestCluster.start(tmp_path_factory.mktemp("own")) as cluster:
        cluster.apply(original_crd())
        wait_served(cluster)
        cluster.create_namespace(NAMESPACE)
        yield cluster


@pytest.fixture(scope="module")
def world(
    own_cluster: TestCluster, openbao: OpenBao, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """Every object of `CASES` is bad here, and its Secret is as it was while it was good."""
    with new_world(own_cluster, openbao, tmp_path_factory.mktemp("bad-input")) as made:
        openbao.write_kv1(f"{made.prefix}/old", {"value": "good"})
        for name in (*CASES, "neighbour"):
            made.write(name, value="good-value!")
            made.define(NAMESPACE, name, made.keys("value", of=name), finalizers=[FINALIZER])
        with made.daemon() as daemon:
            for name in (*CASES, "neighbour"):
                made.wait_data(NAMESPACE, name, {"value": "good-value!"})
            assert daemon.stop() == 0
        for name, case in CASES.items():
            _go_bad(made, name, case)
        install(own_cluster, CRD_FOLDER)
        wait_until(lambda: _refuses_bad_names(made), PATIENCE, "the CRD of today in effect")
        yield made


@pytest.fixture(scope="module")
def before(world: World) -> dict[str, Any]:
    """The Secrets before the daemon meets the bad input."""
    return {name: world.secret(NAMESPACE, name) for name in CASES}


@pytest.fixture(scope="module")
def daemon(world: World, before: dict[str, Any]) -> Iterator[DaemonProcess]:
    with world.daemon("-reconcile-period=1s") as running:
        running.wait_ready()
        yield running


@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_reported_in_its_own_condition_and_leaves_the_last_good_secret(
    world: World, daemon: DaemonProcess, before: dict[str, Any], name: str
) -> None:
    case = CASES[name]

    condition = world.wait_reason(NAMESPACE, name, case.reason)

    assert condition["status"] == "False"
    assert case.message in condition["message"]
    assert "771177" not in condition["message"]
    assert world.secret(NAMESPACE, name) == before[name]


@pytest.mark.parametrize("name", CASES)
def test_bad_input_shows_in_the_metrics_of_its_own_secret(
    world: World, daemon: DaemonProcess, name: str
) -> None:
    world.wait_reason(NAMESPACE, name, CASES[name].reason)
    # A spec without a usable name is reported under the definition's own name.
    status, errors = (
        daemon.metric(f"secrets_manager_controller_{metric}", namespace=NAMESPACE, name=name)
        for metric in ("last_sync_status", "sync_errors_total")
    )

    assert status == 0
    assert (errors or 0) >= 1


def test_bad_input_does_not_disturb_a_healthy_neighbour(world: World, daemon: DaemonProcess) -> None:
    world.wait_reason(NAMESPACE, "neighbour", "Synced")

    world.write("neighbour", value="changed")

    world.wait_data(NAMESPACE, "neighbour", {"value": "changed"})
    assert daemon.fetch("/healthz") == (200, "ok\n")
    assert daemon.fetch("/readyz") == (200, "ok\n")


def test_a_new_definition_is_served_among_bad_ones(world: World, daemon: DaemonProcess) -> None:
    world.define(NAMESPACE, "new", world.keys("value", of="neighbour"))

    world.wait_reason(NAMESPACE, "new", "Synced")


def test_no_bad_input_is_an_error_of_the_program_itself(world: World, daemon: DaemonProcess) -> None:
    for name, case in CASES.items():
        world.wait_reason(NAMESPACE, name, case.reason)

    assert "InternalError" not in daemon.output()
    assert "unexpected" not in daemon.output()
    assert "Traceback" not in daemon.output()


def test_each_failure_of_bad_input_is_logged_once(world: World, daemon: DaemonProcess) -> None:
    for name, case in CASES.items():
        world.wait_reason(NAMESPACE, name, case.reason)
    world.wait_polls("neighbour", 2)

    logged = [line["name"] for line in daemon.logged("Secret is out of sync")]

    assert sorted(logged) == sorted(CASES)


MENDED = {
    "number": lambda w: w.write("number", value="mended"),
    "missing-path": lambda w: w.write("missing-path", value="mended"),
    "soft-deleted": lambda w: w.write("soft-deleted", value="mended"),
    "slash-name": lambda w: w.change(NAMESPACE, "slash-name", {"spec": {"name": "slash-name"}}),
    "bad-base64": lambda w: w.write("bad-base64", value="bWVuZGVk"),
}


@pytest.mark.parametrize("name", MENDED)
def test_a_definition_that_is_mended_is_in_step_by_itself(
    world: World, daemon: DaemonProcess, name: str
) -> None:
    world.wait_reason(NAMESPACE, name, CASES[name].reason)

    MENDED[name](world)

    world.wait_reason(NAMESPACE, name, "Synced")
    assert world.data(NAMESPACE, name) in ({"value": "mended"}, {"value": "good-value!"})


# These tests are last: they delete the objects.


@pytest.mark.parametrize("finalizers", [[], [FINALIZER]], ids=["plain", "with-finalizer"])
def test_bad_definitions_do_not_hold_up_their_namespace(
    world: World, daemon: DaemonProcess, finalizers: list[str]
) -> None:
    namespace = world.cluster.create_namespace()
    world.cluster.api.post(secrets(namespace), raw_secret("foreign", {"x": "theirs"}))
    world.define(namespace, "good", world.keys("value", of="neighbour"), finalizers=finalizers)
    world.define(namespace, "foreign", world.keys("value", of="neighbour"), finalizers=finalizers)
    world.define(namespace, "missing", world.keys("value", of="nowhere"), finalizers=finalizers)
    world.wait_reason(namespace, "good", "Synced")
    world.wait_reason(namespace, "foreign", "NotOwned")
    world.wait_reason(namespace, "missing", "SourceNotFound")

    world.cluster.delete_namespace(namespace, wait=True)


@pytest.mark.parametrize("name", CASES)
def test_a_bad_definition_can_be_deleted_while_the_daemon_runs(
    world: World, daemon: DaemonProcess, before: dict[str, Any], name: str
) -> None:
    world.cluster.api.delete(definitions(NAMESPACE, name))

    wait_until(lambda: world.cluster.api.find(definitions(NAMESPACE, name)) is None, PATIENCE, "let go")
    if name == "foreign":
        assert world.secret(NAMESPACE, name) == before[name]
        return
    # Where the spec names no Secret any more, the garbage collector goes by the owner mark.
    wait_until(lambda: world.data(NAMESPACE, name) is None, 2 * PATIENCE, "the Secret gone")


def test_a_namespace_can_be_deleted_while_the_daemon_is_away(world: World, daemon: DaemonProcess) -> None:
    namespace = world.cluster.create_namespace()
    world.define(namespace, "good", world.keys("value", of="neighbour"))
    world.define(namespace, "missing", world.keys("value", of="nowhere"))
    world.wait_reason(namespace, "good", "Synced")
    world.wait_reason(namespace, "missing", "SourceNotFound")
    assert daemon.stop() == 0

    world.cluster.delete_namespace(namespace, wait=True)


def _go_bad(world: World, name: str, case: Case) -> None:
    if case.value is not None:
        world.write(name, value=case.value)
    if case.spec is not None:
        text = json.dumps(case.spec).replace("{prefix}", world.prefix)
        world.change(NAMESPACE, name, {"spec": json.loads(text)})
    if case.spoil is not None:
        case.spoil(world, name)


def _refuses_bad_names(world: World) -> bool:
    body = definition("probe", {}, secret="a/b")
    try:
        world.cluster.api.post(f"{definitions(NAMESPACE)}?dryRun=All", body)
    except ApiError as error:
        return error.status == 422
    return False
