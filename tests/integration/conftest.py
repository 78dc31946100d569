"""Every test in this folder runs on the real servers, and is marked with that."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.cloud_benches import Make
from tests.integration.world import World, electable_world, new_world
from tests.testbed.cluster import TestCluster
from tests.testbed.daemon import DaemonProcess
from tests.testbed.fault_proxy import FaultProxy
from tests.testbed.helm_cli import Helm
from tests.testbed.openbao import OpenBao
from tests.testbed.pki import Authority

_HERE = Path(__file__).parent
# A file is the work of one process of several: the longest begin first, so that none is left over.
_LONGEST = (
    "test_memory_attacks.py",
    "test_informer_faults.py",
    "test_backend_faults.py",
    "test_high_availability.py",
    "test_alert_faults.py",
    "test_bench_estates.py",
    "test_sick_mounts.py",
    "test_azure_faults.py",
    "test_daemon_backend.py",
    "test_api_server_faults.py",
    "test_identity.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """`-m 'not servers'` leaves these tests out; they come before all others, the long ones first."""
    for item in items:
        if item.path.is_relative_to(_HERE):
            item.add_marker(pytest.mark.servers)
    items.sort(key=_place)


def _place(item: pytest.Item) -> int:
    if not item.path.is_relative_to(_HERE):
        return len(_LONGEST) + 1
    return _LONGEST.index(item.path.name) if item.path.name in _LONGEST else len(_LONGEST)


@pytest.fixture(scope="module")
def world(
    request: pytest.FixtureRequest,
    definitions_api: TestCluster,
    openbao: OpenBao,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[World]:
    """A World of the module; its KV2 secret `app` holds the module's STORED. It is `proxied_world` where the
    module says PROXIED.
    """
    if getattr(request.module, "PROXIED", False):
        yield request.getfixturevalue("proxied_world")
        return
    with new_world(definitions_api, openbao, tmp_path_factory.mktemp("world")) as made:
        stored = getattr(request.module, "STORED", {})
        if stored:
            made.write("app", **stored)
        yield made


@pytest.fixture(scope="module")
def place(definitions_api: TestCluster) -> Iterator[str]:
    """The namespace that the module's daemon works in."""
    name = definitions_api.create_namespace()
    yield name
    definitions_api.delete_namespace(name)


@pytest.fixture(scope="module")
def polling_daemon(world: World) -> Iterator[DaemonProcess]:
    """A daemon of the module that polls each second."""
    with world.daemon("-reconcile-period=1s") as running:
        running.wait_ready()
        yield running


@pytest.fixture(scope="module")
def api_proxy(definitions_api: TestCluster, authority: Authority) -> Iterator[FaultProxy]:
    """A proxy between the module's daemons and the API server."""
    tls = authority.issue("127.0.0.1", "localhost")
    with FaultProxy(definitions_api.url, upstream_ca=definitions_api.ca_file, tls=tls) as made:
        yield made


@pytest.fixture(scope="module")
def bao_proxy(openbao: OpenBao) -> Iterator[FaultProxy]:
    """A proxy between the module's daemons and OpenBao."""
    with FaultProxy(openbao.url) as made:
        yield made


@pytest.fixture(scope="module")
def proxied_world(
    definitions_api: TestCluster,
    openbao: OpenBao,
    authority: Authority,
    api_proxy: FaultProxy,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[World]:
    """A World whose account goes through `api_proxy` and may use any Lease in its own namespace."""
    proxied = (api_proxy.url, authority.ca_file)
    with electable_world(definitions_api, openbao, tmp_path_factory.mktemp("world"), proxied=proxied) as made:
        yield made


@pytest.fixture
def faults(api_proxy: FaultProxy, daemon: DaemonProcess) -> Iterator[FaultProxy]:
    """The proxy between the module's daemon and the API server; healthy again afterwards."""
    assert daemon.process.poll() is None
    yield api_proxy
    api_proxy.clear()


@pytest.fixture
def made(
    openbao: OpenBao,
    openbao_proxy: FaultProxy,
    fault_proxy: Callable[..., FaultProxy],
    kv_prefix: str,
    tmp_path: Path,
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Make]:
    """Makes ways to log in to the shared OpenBao by a cloud; the system trusts `authority`."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca_file))
    policy = openbao.read_policy(kv_prefix, f"secret/data/{kv_prefix}/*")
    mount = f"{kv_prefix}/mount"
    make = Make(openbao, openbao_proxy, fault_proxy, mount, policy, tmp_path, authority, monkeypatch)
    yield make
    make.stop()


@pytest.fixture(scope="session")
def helm(tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """Helm without a cluster, which renders and lints."""
    return Helm(folder=tmp_path_factory.mktemp("helm"))
