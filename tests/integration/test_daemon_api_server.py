"""The API server goes and comes back while the daemon runs: no change is lost."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.integration.deployment_support import install
from tests.integration.world import PATIENCE, World, new_world
from tests.testbed.cluster import TestCluster
from tests.testbed.daemon import DaemonProcess
from tests.testbed.kube_api import secrets
from tests.testbed.openbao import OpenBao
from tests.testbed.waiting import wait_until

CRD_FOLDER = Path(__file__).parents[2] / "config" / "crd"
# Connections are tried again after pauses that grow to half a minute.
RECOVERY = 60.0


@pytest.fixture(scope="module")
def own_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestCluster]:
    """A cluster whose API server this module may stop; no garbage collector helps the daemon."""
    with TestCluster.start(tmp_path_factory.mktemp("own"), controllers=False) as cluster:
        install(cluster, CRD_FOLDER)
        yield cluster


@pytest.fixture(scope="module")
def world(
    own_cluster: TestCluster, openbao: OpenBao, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    with new_world(own_cluster, openbao, tmp_path_factory.mktemp("api-server")) as made:
        made.write("app", a="1")
        yield made


@pytest.fixture
def place(own_cluster: TestCluster) -> str:
    return own_cluster.create_namespace()


@pytest.fixture
def stopped(own_cluster: TestCluster) -> Iterator[TestCluster]:
    """The cluster with its API server stopped; the server runs again afterwards whatever happened."""
    own_cluster.stop_apiserver()
    yield own_cluster
    if not _answers(own_cluster):
        own_cluster.start_apiserver()


def run(world: World, place: str) -> DaemonProcess:
    return world.daemon("-reconcile-period=1s", f"-watch-namespaces={place}")


def test_a_daemon_started_before_the_api_server_waits_alive_and_then_works(
    world: World, place: str, stopped: TestCluster
) -> None:
    with run(world, place) as daemon:
        cause = f"no connection: list secrets in namespace '{place}'"
        wait_until(lambda: cause in daemon.fetch("/readyz")[1], PATIENCE, "the cause in /readyz")
        assert daemon.fetch("/readyz")[0] == 503
        assert daemon.fetch("/healthz") == (200, "ok\n")

        stopped.start_apiserver()
        daemon.wait_ready(RECOVERY)
        world.define(place, "app", world.keys("a"))
        world.wait_data(place, "app", {"a": "1"})
        assert len(daemon.logged("cannot list or watch")) <= 4
        assert daemon.stop() == 0


def test_the_daemon_survives_an_outage_of_the_api_server_and_makes_up_for_it(
    world: World, own_cluster: TestCluster, place: str, kv_prefix: str
) -> None:
    world.write(kv_prefix, a="1")
    for name in ("app", "other"):
        world.define(place, name, world.keys("a", of=kv_prefix))
    with run(world, place) as daemon:
        for name in ("app", "other"):
            world.wait_reason(place, name, "Synced")
        before = world.secret(place, "other")["metadata"]["uid"]

        own_cluster.stop_apiserver()
        world.write(kv_prefix, a="2")
        wait_until(lambda: daemon.logged("cannot list or watch"), PATIENCE, "the outage noticed")
        wait_until(
            lambda: daemon.logged("Secret is out of sync", reason="ClusterUnavailable"),
            PATIENCE,
            "a write tried",
        )
        assert daemon.fetch("/healthz")[0] == 200

        own_cluster.start_apiserver()
        own_cluster.api.delete(secrets(place, "other"))
        for name in ("app", "other"):
            wait_until(partial(_has, world, place, name, {"a": "2"}), RECOVERY, f"{name} followed")
        world.define(place, "new", world.keys("a"))
        world.wait_data(place, "new", {"a": "1"})
        world.wait_reason(place, "app", "Synced")
        assert world.secret(place, "other")["metadata"]["uid"] != before
        assert daemon.fetch("/readyz")[0] == 200
        assert daemon.stop() == 0


def test_the_end_of_an_outage_in_which_nothing_changed_writes_no_secret(
    world: World, own_cluster: TestCluster, place: str, kv_prefix: str
) -> None:
    world.write(kv_prefix, a="1")
    for number in range(5):
        world.define(place, f"app-{number}", world.keys("a", of=kv_prefix))
    with run(world, place) as daemon:
        for number in range(5):
            world.wait_reason(place, f"app-{number}", "Synced")
            world.wait_event(place, f"app-{number}", "Created")
        before = world.calls()

        own_cluster.stop_apiserver()
        # Both have to notice: one that did not would have nothing to say of the end.
        wait_until(partial(_both_say, daemon, "cannot list or watch"), PATIENCE, "the outage noticed")
        own_cluster.start_apiserver()
        wait_until(partial(_both_say, daemon, "list and watch work again"), RECOVERY, "watching again")
        world.wait_polls(kv_prefix, 3)

        assert [call for call in world.writes(before) if call[1] == "secrets"] == []
        assert daemon.stop() == 0


def test_the_daemon_waits_for_a_frozen_api_server_and_then_works(
    world: World, own_cluster: TestCluster, place: str
) -> None:
    world.write("frozen", a="1")
    world.define(place, "app", world.keys("a", of="frozen"))
    with run(world, place) as daemon:
        world.wait_reason(place, "app", "Synced")

        own_cluster.pause_apiserver()
        try:
            world.write("frozen", a="2")
            wait_until(
                lambda: daemon.logged("Secret is out of sync", name="app"), PATIENCE, "the write given up"
            )
            assert daemon.fetch("/healthz")[0] == 200
        finally:
            own_cluster.resume_apiserver()

        wait_until(lambda: world.data(place, "app") == {"a": "2"}, RECOVERY, "the Secret")
        assert daemon.stop() == 0


def test_a_daemon_started_before_its_crd_waits_alive_and_says_so(
    world: World, own_cluster: TestCluster, place: str
) -> None:
    own_cluster.kubectl("delete", "crd", "secretdefinitions.secrets-manager.tuenti.io")
    try:
        with run(world, place) as daemon:
            cause = "not found: list secretdefinitions"
            wait_until(lambda: cause in daemon.fetch("/readyz")[1], PATIENCE, "the cause in /readyz")
            assert daemon.fetch("/readyz")[0] == 503
            assert daemon.fetch("/healthz") == (200, "ok\n")

            install(own_cluster, CRD_FOLDER)
            daemon.wait_ready(RECOVERY)
            world.define(place, "app", world.keys("a"))
            world.wait_data(place, "app", {"a": "1"})
            assert daemon.stop() == 0
    finally:
        install(own_cluster, CRD_FOLDER)


def test_the_crd_may_go_and_come_back_while_the_daemon_runs(
    world: World, own_cluster: TestCluster, place: str
) -> None:
    world.define(place, "app", world.keys("a"))
    with run(world, place) as daemon:
        world.wait_reason(place, "app", "Synced")

        # The API server deletes the definitions with their CRD: a deletion like any other.
        own_cluster.kubectl("delete", "crd", "secretdefinitions.secrets-manager.tuenti.io")
        world.wait_data(place, "app", None)
        install(own_cluster, CRD_FOLDER)
        world.define(place, "app", world.keys("a"))

        wait_until(lambda: world.data(place, "app") == {"a": "1"}, RECOVERY, "the Secret made again")
        assert daemon.process.poll() is None
        assert daemon.stop() == 0


def _both_say(daemon: DaemonProcess, message: str) -> bool:
    """Whether the watch of Secrets and that of definitions have logged this."""
    return len({line["scope"] for line in daemon.logged(message)}) == 2


def _has(world: World, place: str, name: str, data: dict[str, str]) -> bool:
    return world.data(place, name) == data


def _answers(cluster: TestCluster) -> bool:
    try:
        cluster.api.get("/readyz/ping")
    except ValueError:
        return True
    except Exception:  # noqa: BLE001 - any error means that there is no answer
        return False
    return True
