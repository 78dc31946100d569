"""The real servers as fixtures: each starts when the first test asks for it.

They live here, not in tests/integration, since the contract suites and the tests of the docs use them too.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.effort import choose_examples
from tests.testbed.azure.cloud import AzureDouble
from tests.testbed.bed import start_openbao
from tests.testbed.chromium import Browser, browser
from tests.testbed.cluster import TestCluster
from tests.testbed.fault_proxy import FaultProxy
from tests.testbed.kube_api import ApiError, definitions, namespaces
from tests.testbed.left_running import left_running
from tests.testbed.module_programs import every_program
from tests.testbed.openbao import OpenBao
from tests.testbed.pki import Authority, KeyPair
from tests.testbed.vault_program import VAULT_BINARY, VaultProgramError, vault_program
from tests.testbed.waiting import wait_until

_ROOT = Path(__file__).parents[1]

choose_examples()

_SERVERS = {"cluster", "openbao", "openbao_server"}


def pytest_configure() -> None:
    """A shell that runs the tests in the background has them ignore Ctrl-C, and all that they start, too."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_report_header() -> list[str]:
    """Say so when another server stands in OpenBao's place; refuse a program that cannot, before any test."""
    if not os.environ.get(VAULT_BINARY):
        return []
    try:
        return [f"backend: {vault_program()}, as {VAULT_BINARY} says"]
    except VaultProgramError as error:
        raise pytest.UsageError(str(error)) from error


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs servers, so that `-m 'not servers'` leaves it out wherever it lives."""
    for item in items:
        if _SERVERS & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.servers)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Get the programs before the first test: a build takes longer than a test may, and should be seen."""
    if session.config.option.collectonly or not any(map(_needs_servers, session.items)):
        return
    capture = session.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled() if capture else contextlib.nullcontext():
        every_program()


def _needs_servers(item: pytest.Item) -> bool:
    return item.get_closest_marker("servers") is not None


@pytest.fixture(autouse=True)
def _nothing_is_left_running() -> Iterator[None]:
    """Fails the test that leaves a thread behind: it would work on, and log, under the tests after it."""
    before = frozenset(threading.enumerate())
    yield
    if left := left_running(before):
        pytest.fail(f"left running: {', '.join(left)}", pytrace=False)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestCluster]:
    """A control plane, shared by the session: work in a `namespace` of your own."""
    with TestCluster.start(tmp_path_factory.mktemp("cluster")) as running:
        yield running


@pytest.fixture(scope="session")
def definitions_api(cluster: TestCluster) -> TestCluster:
    """The control plane with SecretDefinitions installed and served."""
    cluster.apply(_ROOT / "config" / "crd")
    wait_until(lambda: _serves_definitions(cluster), 30, "SecretDefinitions served")
    return cluster


def _serves_definitions(cluster: TestCluster) -> bool:
    """A kind that is just established answers 404, then 429 while its storage opens, then lists."""
    try:
        cluster.api.list(definitions("default"))
    except ApiError:
        return False
    return True


@pytest.fixture(scope="session")
def chromium() -> Browser:
    """A real browser; tests that need one are left out where there is none."""
    found = browser()
    if found is None:
        pytest.skip("no Chromium on PATH: scripts/chromium installs one on Debian, for root")
    return found


@pytest.fixture(scope="session")
def openbao(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenBao]:
    """The backend in memory, shared by the session: keep below your own `kv_prefix`."""
    running = start_openbao(tmp_path_factory.mktemp("openbao"))
    yield running
    running.stop()


@pytest.fixture(scope="session")
def vault_namespaces(openbao: OpenBao) -> None:
    """Skips a test that works in a namespace of the backend on a server that has none."""
    if not openbao.program.has_namespaces:
        pytest.skip(f"{openbao.program} has no namespaces: only Vault Enterprise and OpenBao have")


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A certificate authority that nothing trusts unless told to."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def namespace(cluster: TestCluster) -> Iterator[str]:
    """A fresh namespace; its deletion is begun, not awaited."""
    name = cluster.create_namespace()
    yield name
    if cluster.api.find(namespaces(name)) is not None:
        cluster.delete_namespace(name)


@pytest.fixture
def azure(authority: Authority) -> Iterator[AzureDouble]:
    """A key vault with its Entra ID and a machine's IMDS, fresh and empty; no server of the bed is needed."""
    with AzureDouble(authority) as double:
        yield double


@pytest.fixture
def kv_prefix() -> str:
    """A first path element that no other test uses."""
    return f"t-{secrets.token_hex(4)}"


@pytest.fixture
def openbao_server(tmp_path: Path) -> Iterator[Callable[..., OpenBao]]:
    """Makes private durable servers (keywords of `OpenBao.durable`), for tests that seal, stop or pause."""
    made: list[OpenBao] = []

    def make(*, tls: KeyPair | None = None, ca_file: Path | None = None) -> OpenBao:
        server = OpenBao.durable(tmp_path / f"openbao-{len(made)}", tls=tls, ca_file=ca_file)
        made.append(server)
        return server

    yield make
    for server in made:
        server.kill()


@pytest.fixture
def fault_proxy() -> Iterator[Callable[..., FaultProxy]]:
    """Makes fault proxies (the arguments of `FaultProxy`), already serving."""
    made: list[FaultProxy] = []

    def make(upstream: str, *, upstream_ca: Path | None = None, tls: KeyPair | None = None) -> FaultProxy:
        proxy = FaultProxy(upstream, upstream_ca=upstream_ca, tls=tls)
        made.append(proxy)
        return proxy

    yield make
    for proxy in made:
        proxy.stop()


@pytest.fixture
def cluster_proxy(
    cluster: TestCluster, authority: Authority, fault_proxy: Callable[..., FaultProxy]
) -> FaultProxy:
    """A proxy in front of the API server; its clients trust `authority.ca_file`."""
    tls = authority.issue("127.0.0.1", "localhost")
    return fault_proxy(cluster.url, upstream_ca=cluster.ca_file, tls=tls)


@pytest.fixture
def openbao_proxy(openbao: OpenBao, fault_proxy: Callable[..., FaultProxy]) -> FaultProxy:
    """A proxy in front of the shared OpenBao, plain HTTP."""
    return fault_proxy(openbao.url)
