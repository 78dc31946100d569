"""Lists of heavy Secrets on the real API server: a page is in memory, not the list."""

from __future__ import annotations

import base64
import contextlib
import re
import tracemalloc
from collections.abc import Iterator

import orjson
import pytest

from secrets_manager.cluster.base import SECRETS, Scope
from secrets_manager.cluster.client.api import HttpKubernetesApi
from secrets_manager.cluster.client.credentials import Credentials
from secrets_manager.cluster.client.wire import Limits
from secrets_manager.cluster.view.informer import Informer
from secrets_manager.cluster.view.secret_store import SecretStore
from secrets_manager.cluster.view.sinks import SecretSink
from secrets_manager.domain.secret import Digester
from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.runtime.heartbeat import Heartbeats
from tests.silent import SilentCluster
from tests.testbed.cluster import TestCluster
from tests.testbed.fault_proxy import FaultProxy
from tests.testbed.kube_api import secrets
from tests.testbed.pki import Authority

COUNT = 60
BYTES = 500 * 1024
MIB = 1024 * 1024


@pytest.fixture
def heavy(cluster: TestCluster, namespace: str) -> str:
    """A namespace with 60 Secrets of 500 KiB each, 41 MB of JSON in all."""
    value = base64.b64encode(bytes(BYTES)).decode()
    for number in range(COUNT):
        cluster.api.post(secrets(namespace), {"metadata": {"name": f"heavy-{number}"}, "data": {"a": value}})
    return namespace


def opened(kubeconfig: str) -> HttpKubernetesApi:
    return HttpKubernetesApi(Credentials(kubeconfig), Watchdog(), SilentCluster(), timeout=30)


@pytest.fixture
def behind(
    cluster: TestCluster, authority: Authority, cluster_proxy: FaultProxy
) -> Iterator[HttpKubernetesApi]:
    path = cluster.kubeconfig_for(cluster.admin_token, server=cluster_proxy.url, ca_file=authority.ca_file)
    with contextlib.closing(opened(str(path))) as api:
        yield api


def limits(proxy: FaultProxy) -> list[int]:
    """The limits that lists have requested so far."""
    found = (re.search(r"\blimit=(\d+)", request.query) for request in proxy.requests)
    return [int(each[1]) for each in found if each]


def test_a_list_of_heavy_secrets_comes_in_pages_below_the_cap(
    heavy: str, behind: HttpKubernetesApi, cluster_proxy: FaultProxy
) -> None:
    scope = Scope(resource=SECRETS, namespace=heavy)
    names: set[str] = set()
    for _ in range(2):
        names.clear()
        for page in behind.pages(scope):
            assert len(orjson.dumps(page.items)) <= Limits().reply_bytes
            names |= {item["metadata"]["name"] for item in page.items}
        assert len(names) == COUNT
    asked = limits(cluster_proxy)

    # Three tries show that they are heavy; after that, and in the whole second list, pages are small.
    assert asked[:3] == [100, 25, 6]
    assert all(limit <= 6 for limit in asked[2:])


def test_an_informer_holds_a_page_of_heavy_secrets_and_then_only_digests(
    heavy: str, cluster: TestCluster
) -> None:
    api = opened(str(cluster.kubeconfig))
    store = SecretStore()
    sink = SecretSink(
        store=store,
        digester=Digester(b"0123456789abcdef"),
        changed_secret=lambda _: None,
        tracking_changed=lambda: None,
        namespace=heavy,
    )
    scope = Scope(resource=SECRETS, namespace=heavy)
    informer = Informer(api, scope, sink, Heartbeats().register("informer", limit=600))
    tracemalloc.start()
    try:
        informer.list_once()
        kept, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        api.close()

    assert len(store) == COUNT
    assert kept < 1 * MIB
    # The JSON parser reserves some thirteen times what it parses, hardly touches it, and gives it back. For
    # the whole list, 41 MB, that would be more than 500 MB.
    assert peak < 20 * 4 * MIB
