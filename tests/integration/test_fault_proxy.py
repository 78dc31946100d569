"""Each fault of the proxy in front of a real server: what the client sees and what the server saw."""

from __future__ import annotations

import gzip
import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest
import urllib3

from tests.testbed.cluster import TestCluster
from tests.testbed.fault_proxy import FaultProxy
from tests.testbed.kube_api import KubeApi, secrets
from tests.testbed.openbao import OpenBao
from tests.testbed.pki import Authority
from tests.testbed.waiting import wait_until

PATIENCE = 30.0
# For what is never answered.
SHORT = 0.5


class Client:
    """Plain requests through the proxy in front of OpenBao, as root."""

    def __init__(self, proxy: FaultProxy, openbao: OpenBao) -> None:
        self._url = f"{proxy.url}/v1"
        self._headers = {"X-Vault-Token": openbao.root_token}
        self.http = urllib3.PoolManager(retries=False, timeout=PATIENCE)

    def get(self, path: str, **options: Any) -> urllib3.BaseHTTPResponse:
        return self.http.request(
            "GET", f"{self._url}/{path}", headers=self._headers, redirect=False, **options
        )

    def write(self, path: str, value: str, **options: Any) -> urllib3.BaseHTTPResponse:
        body = {"data": {"value": value}}
        return self.http.request("POST", f"{self._url}/{path}", headers=self._headers, json=body, **options)


@pytest.fixture
def client(openbao_proxy: FaultProxy, openbao: OpenBao) -> Iterator[Client]:
    made = Client(openbao_proxy, openbao)
    yield made
    made.http.clear()


@pytest.fixture
def path(openbao: OpenBao, kv_prefix: str) -> str:
    openbao.write_kv2(kv_prefix, {"value": "old"})
    return f"secret/data/{kv_prefix}"


@pytest.fixture
def api(cluster: TestCluster, cluster_proxy: FaultProxy, authority: Authority) -> Iterator[KubeApi]:
    through_proxy = KubeApi(cluster_proxy.url, authority.ca_file, cluster.admin_token)
    yield through_proxy
    through_proxy.close()


def stored(openbao: OpenBao, path: str) -> str:
    value: str = openbao.request("GET", path)["data"]["data"]["value"]
    return value


def test_a_proxy_without_rules_passes_on_and_records(
    client: Client, openbao_proxy: FaultProxy, path: str
) -> None:
    answer = client.get(f"{path}?version=1")

    assert answer.json()["data"]["data"] == {"value": "old"}
    (request,) = openbao_proxy.requests
    assert (request.method, request.path, request.query) == ("GET", f"/v1/{path}", "version=1")
    assert "x-vault-token" in request.header_names
    assert request.headers["x-vault-token"] not in repr(request)


def test_connections_are_kept_alive(client: Client, path: str) -> None:
    for _ in range(3):
        client.get(path)

    pool = client.http.connection_from_url(client._url)
    assert pool.num_connections == 1


def test_a_rule_applies_to_as_many_requests_as_it_says(
    client: Client, openbao_proxy: FaultProxy, path: str
) -> None:
    rule = openbao_proxy.on("GET", r"/v1/secret/.*").after(1).times(2).reply(503, retry_after=7)

    answers = [client.get(path) for _ in range(4)]

    assert [answer.status for answer in answers] == [200, 503, 503, 200]
    assert answers[1].headers["Retry-After"] == "7"
    assert rule.hits == 2


def test_the_first_rule_that_matches_wins(client: Client, openbao_proxy: FaultProxy, path: str) -> None:
    openbao_proxy.on("GET", rf"/v1/{path}").passthrough()
    openbao_proxy.on(".*", ".*").vault_error(400, "no")

    assert client.get(path).status == 200
    refused = client.get("sys/health")
    assert (refused.status, refused.json()) == (400, {"errors": ["no"]})


def test_cleared_rules_apply_no_longer(client: Client, openbao_proxy: FaultProxy, path: str) -> None:
    openbao_proxy.on("GET", ".*").reply(500)
    openbao_proxy.clear()

    assert client.get(path).status == 200


def test_a_hanging_request_waits_until_it_is_released(
    client: Client, openbao_proxy: FaultProxy, path: str
) -> None:
    rule = openbao_proxy.on("GET", ".*").hang()
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(client.get, path)
        rule.wait_hit()
        assert not answer.done()

        rule.release()

        assert answer.result().status == 200


def test_a_hanging_write_whose_client_gave_up_never_reaches_the_server(
    client: Client, openbao_proxy: FaultProxy, openbao: OpenBao, path: str
) -> None:
    openbao_proxy.on("POST", ".*").hang()
    with pytest.raises(urllib3.exceptions.ReadTimeoutError):
        client.write(path, "new", timeout=SHORT)

    openbao_proxy.stop()

    assert stored(openbao, path) == "old"


def test_a_reply_that_is_held_back_leaves_the_write_applied(
    client: Client, openbao_proxy: FaultProxy, openbao: OpenBao, path: str
) -> None:
    openbao_proxy.on("POST", ".*").hang_reply()

    with pytest.raises(urllib3.exceptions.ReadTimeoutError):
        client.write(path, "new", timeout=SHORT)

    wait_until(lambda: stored(openbao, path) == "new", PATIENCE, "the write applied")


def test_a_connection_reset_loses_the_write(
    client: Client, openbao_proxy: FaultProxy, openbao: OpenBao, path: str
) -> None:
    openbao_proxy.on("POST", ".*").times(1).reset()

    with pytest.raises(urllib3.exceptions.ProtocolError) as broken:
        client.write(path, "new")

    assert isinstance(broken.value.args[1], ConnectionResetError)
    assert stored(openbao, path) == "old"
    assert client.write(path, "newer").status == 200


def test_a_dropped_reply_leaves_the_write_applied(
    client: Client, openbao_proxy: FaultProxy, openbao: OpenBao, path: str
) -> None:
    openbao_proxy.on("POST", ".*").apply_then_drop()

    with pytest.raises(urllib3.exceptions.ProtocolError):
        client.write(path, "new")

    assert stored(openbao, path) == "new"


@pytest.mark.parametrize("part", ["headers", "body"])
def test_a_dripping_reply_continues_byte_by_byte(openbao_proxy: FaultProxy, part: str) -> None:
    rule = openbao_proxy.on("GET", ".*")
    dripping = rule.drip_headers(0.01) if part == "headers" else rule.drip_body(0.01)
    with socket.create_connection(("127.0.0.1", urlsplit(openbao_proxy.url).port or 0), PATIENCE) as client:
        client.sendall(b"GET /v1/sys/health HTTP/1.1\r\nHost: test\r\n\r\n")
        start = client.recv(4096)
        pieces = [client.recv(4096) for _ in range(20)]
        dripping.release()
        while client.recv(4096):
            pass

    assert start.startswith(b"HTTP/1.1 200 OK\r\n")
    # A reader that comes late finds several bytes at once; what follows comes one by one again.
    assert all(pieces)
    assert min(map(len, pieces)) == 1
    assert (b"\r\n\r\n" in start + b"".join(pieces)) == (part == "body")


def test_a_page_of_html_comes_with_status_200(client: Client, openbao_proxy: FaultProxy, path: str) -> None:
    openbao_proxy.on("GET", ".*").html()

    answer = client.get(path)

    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html")
    assert answer.data.startswith(b"<html>")


def test_a_redirect_names_the_same_target_elsewhere(
    client: Client, openbao_proxy: FaultProxy, path: str
) -> None:
    openbao_proxy.on("GET", ".*").redirect("http://127.0.0.1:1", 308)

    answer = client.get(path)

    assert (answer.status, answer.headers["Location"]) == (308, f"http://127.0.0.1:1/v1/{path}")


def test_an_oversize_reply_is_as_long_as_it_says(
    client: Client, openbao_proxy: FaultProxy, path: str
) -> None:
    openbao_proxy.on("GET", ".*").oversize(3_000_000)

    assert len(client.get(path).json()["data"]["data"]["key"]) == 3_000_000


def test_a_gzip_bomb_is_small_until_it_is_unpacked(
    client: Client, openbao_proxy: FaultProxy, path: str
) -> None:
    openbao_proxy.on("GET", ".*").gzip_bomb(3_000_000)

    packed = client.get(path, decode_content=False).data

    assert len(packed) < 10_000
    assert len(gzip.decompress(packed)) > 3_000_000


def test_a_delayed_request_is_answered(client: Client, openbao_proxy: FaultProxy, path: str) -> None:
    openbao_proxy.on("GET", ".*").delay(0.1)

    assert client.get(path).status == 200


def test_a_refused_connection_is_accepted_again_on_the_same_port(
    client: Client, openbao_proxy: FaultProxy, path: str
) -> None:
    client.get(path)

    openbao_proxy.refuse()
    with pytest.raises(urllib3.exceptions.HTTPError):
        client.get(path)
    with pytest.raises(urllib3.exceptions.NewConnectionError):
        client.get(path)
    openbao_proxy.accept()

    assert client.get(path).status == 200


def test_a_server_that_is_down_looks_like_a_broken_connection(
    fault_proxy: Any, openbao: OpenBao, path: str
) -> None:
    client = Client(fault_proxy("http://127.0.0.1:1"), openbao)

    with pytest.raises(urllib3.exceptions.ProtocolError):
        client.get(path)


class TestWatches:
    def test_events_pass_the_proxy_as_they_happen(
        self, api: KubeApi, cluster: TestCluster, namespace: str
    ) -> None:
        with api.watch(secrets(namespace), resourceVersion=_version(cluster, namespace)) as events:
            cluster.api.post(secrets(namespace), {"metadata": {"name": "seen"}})

            assert next(events)["object"]["metadata"]["name"] == "seen"

    def test_a_watch_line_is_cut_in_the_middle(
        self, api: KubeApi, cluster_proxy: FaultProxy, cluster: TestCluster, namespace: str
    ) -> None:
        cluster_proxy.on("GET", r".*watch=1.*").truncate(lines=1)

        with api.watch(secrets(namespace), resourceVersion=_version(cluster, namespace)) as events:
            for name in ("whole", "cut"):
                cluster.api.post(secrets(namespace), {"metadata": {"name": name}})
            assert next(events)["object"]["metadata"]["name"] == "whole"
            with pytest.raises((urllib3.exceptions.ProtocolError, json.JSONDecodeError)):
                next(events)

    def test_an_expired_version_is_reported_before_or_within_the_stream(
        self, api: KubeApi, cluster_proxy: FaultProxy, namespace: str
    ) -> None:
        cluster_proxy.on("GET", r".*watch=1.*").times(1).gone_in_stream()
        cluster_proxy.on("GET", r".*watch=1.*").gone()

        with api.watch(secrets(namespace)) as events:
            event = next(events)
        with pytest.raises(Exception, match="410 Expired"), api.watch(secrets(namespace)):
            pass

        assert (event["type"], event["object"]["code"]) == ("ERROR", 410)

    def test_a_silent_watch_is_open_and_delivers_nothing(
        self, api: KubeApi, cluster_proxy: FaultProxy, cluster: TestCluster, namespace: str
    ) -> None:
        silent = cluster_proxy.on("GET", r".*watch=1.*").silence()

        with (
            ThreadPoolExecutor(1) as pool,
            api.watch(secrets(namespace), resourceVersion=_version(cluster, namespace)) as events,
        ):
            event = pool.submit(next, events)
            with cluster.api.watch(secrets(namespace), resourceVersion="0") as heard_directly:
                cluster.api.post(secrets(namespace), {"metadata": {"name": "unheard"}})
                assert next(heard_directly)["object"]["metadata"]["name"] == "unheard"
            assert not event.done()

            silent.release()

            assert isinstance(event.exception(timeout=PATIENCE), urllib3.exceptions.ProtocolError)

    def test_dropped_connections_end_a_watch_and_new_ones_work(
        self, api: KubeApi, cluster_proxy: FaultProxy, cluster: TestCluster, namespace: str
    ) -> None:
        with api.watch(secrets(namespace), resourceVersion=_version(cluster, namespace)) as events:
            cluster_proxy.drop_connections()
            with pytest.raises(urllib3.exceptions.ProtocolError):
                next(events)

        assert api.list(secrets(namespace)) == []

    def test_kubectl_works_through_the_proxy(
        self, cluster_proxy: FaultProxy, cluster: TestCluster, authority: Authority, namespace: str
    ) -> None:
        kubeconfig = cluster.kubeconfig_for(
            cluster.admin_token, server=cluster_proxy.url, ca_file=authority.ca_file
        )

        cluster.kubectl("create", "secret", "generic", "via-proxy", "-n", namespace, kubeconfig=kubeconfig)

        assert cluster.api.secret_data(namespace, "via-proxy") == {}
        assert cluster_proxy.count("POST", r"/api/v1/namespaces/.*/secrets") == 1


def _version(cluster: TestCluster, namespace: str) -> str:
    version: str = cluster.api.get(secrets(namespace))["metadata"]["resourceVersion"]
    return version
