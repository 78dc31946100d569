"""A Secret that can no longer be decrypted fails every list, and must disturb no other Secret."""

from __future__ import annotations

import secrets as random_source
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.world import World, new_world
from tests.testbed.cluster import TestCluster
from tests.testbed.daemon import DaemonProcess, run_once
from tests.testbed.kube_api import ApiError, definitions, secrets
from tests.testbed.openbao import OpenBao
from tests.testbed.waiting import wait_until

CRD = Path(__file__).parents[2] / "config/crd"
BY_NAME = "secrets_manager_secrets_read_by_name"
READ_ERRORS = "secrets_manager_controller_secret_read_errors_total"
SYNC_ERRORS = "secrets_manager_controller_sync_errors_total"


class LostKey:
    """Encrypts Secrets with a key that no API server has, as if a key of a KMS were lost."""

    def __init__(self, cluster: TestCluster) -> None:
        self._cluster = cluster
        self._before: dict[str, bytes] = {}

    def encrypt(self, namespace: str, name: str) -> None:
        """From now on no client can read or list the Secret."""
        key = f"/registry/secrets/{namespace}/{name}"
        self._before[key] = self._cluster.stored(key)
        self._cluster.store(key, b"k8s:enc:kms:v2:gone:" + random_source.token_bytes(64))

    def find(self) -> None:
        """Bring the key back."""
        while self._before:
            self._cluster.store(*self._before.popitem())


@pytest.fixture(scope="module")
def own_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestCluster]:
    """A control plane of these tests alone, since no list of Secrets works in it."""
    with TestCluster.start(tmp_path_factory.mktemp("cluster"), controllers=False) as cluster:
        cluster.apply(CRD)
        wait_until(lambda: _serves(cluster), 30, "SecretDefinitions served")
        yield cluster


@pytest.fixture
def lost(own_cluster: TestCluster) -> Iterator[LostKey]:
    lost = LostKey(own_cluster)
    yield lost
    lost.find()


@pytest.fixture(scope="module")
def world(
    own_cluster: TestCluster, openbao: OpenBao, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    with new_world(own_cluster, openbao, tmp_path_factory.mktemp("unlistable")) as made:
        yield made


def _serves(cluster: TestCluster) -> bool:
    try:
        cluster.api.list(definitions("default"))
    except ApiError:
        return False
    return True


def can_be_listed(world: World, place: str) -> bool:
    try:
        world.cluster.api.list(secrets(place))
    except ApiError:
        return False
    return True


def put_right(daemon: DaemonProcess, world: World, place: str) -> None:
    wait_until(lambda: daemon.metric(BY_NAME) == 0, 60, "the Secrets listed again")
    for name in ("sick", "well"):
        world.wait_reason(place, name, "Synced")


@pytest.fixture
def place(world: World) -> str:
    """A namespace with the Secret of `sick`, and a source for `well`."""
    name = world.cluster.create_namespace()
    for path in ("sick", "well"):
        world.write(path, a="1")
    with started(world, name):
        world.define(name, "sick", world.keys("a", of="sick"))
        world.wait_reason(name, "sick", "Synced")
    return name


def started(world: World, place: str) -> DaemonProcess:
    return world.daemon(f"-watch-namespaces={place}", "-reconcile-period=1s")


def lose_the_key(world: World, lost: LostKey, place: str) -> None:
    lost.encrypt(place, "sick")
    assert not can_be_listed(world, place)


def test_a_secret_that_cannot_be_decrypted_at_the_start_is_its_own_trouble(
    world: World, lost: LostKey, place: str
) -> None:
    lose_the_key(world, lost, place)
    with started(world, place) as daemon:
        world.define(place, "well", world.keys("a", of="well"))
        world.wait_data(place, "well", {"a": "1"})
        world.wait_reason(place, "well", "Synced")
        told = world.wait_reason(place, "sick", "ClusterUnavailable")
        world.wait_event(place, "sick", "ClusterUnavailable")
        daemon.wait_ready()

        assert f"get secrets 'sick' in namespace '{place}'" in told["message"]
        assert daemon.metric(BY_NAME) == 1
        assert (daemon.metric(READ_ERRORS, namespace=place, name="sick") or 0) >= 1
        assert (daemon.metric(SYNC_ERRORS, namespace=place, name="sick") or 0) >= 1
        assert daemon.metric(SYNC_ERRORS, namespace=place, name="well") is None
        assert len(daemon.logged("no list works; each Secret is read by name")) == 1
        world.write("well", a="2")
        world.wait_data(place, "well", {"a": "2"})
        world.cluster.api.delete(secrets(place, "well"))
        world.wait_data(place, "well", {"a": "2"})
        lost.find()
        put_right(daemon, world, place)


def test_a_secret_that_can_no_longer_be_decrypted_mid_run_is_its_own_trouble(
    world: World, lost: LostKey, place: str
) -> None:
    with started(world, place) as daemon:
        world.define(place, "well", world.keys("a", of="well"))
        world.wait_data(place, "well", {"a": "1"})
        lose_the_key(world, lost, place)
        wait_until(lambda: daemon.metric(BY_NAME) == 1, 60, "reads by name")
        world.write("well", a="2")
        world.wait_data(place, "well", {"a": "2"})
        world.write("sick", a="2")
        world.wait_reason(place, "sick", "ClusterUnavailable")
        lost.find()
        put_right(daemon, world, place)

        world.wait_data(place, "sick", {"a": "2"})


def test_a_run_with_once_reads_secrets_by_name_if_they_cannot_be_listed(
    world: World, lost: LostKey, place: str
) -> None:
    lose_the_key(world, lost, place)
    world.define(place, "well", world.keys("a", of="well"))
    ran = run_once(world.environ, f"-watch-namespaces={place}", cwd=world.folder)

    assert f"{place}/well Secret well: created (Missing)" in ran.stdout
    assert f"{place}/sick Secret sick: ClusterUnavailable" in ran.stdout
    assert ran.returncode == 1
