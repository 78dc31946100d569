"""The client of the API server: identities of every kind, and a network that misbehaves.

The API server is the real one, mostly behind the fault proxy. Every test also searches the
log at debug level for its canaries.
"""

from __future__ import annotations

import datetime as dt
import logging
import os
import ssl
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import urllib3

from secrets_manager.cluster.base import DEFINITIONS, SECRETS, Expired, NotFound, Scope, WatchEvent
from secrets_manager.cluster.client.api import HttpKubernetesApi
from secrets_manager.cluster.client.credentials import Credentials
from secrets_manager.cluster.client.wire import Limits
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import (
    ClusterUnauthorized,
    ClusterUnavailable,
    ConfigError,
    SecretsManagerError,
)
from secrets_manager.runtime.deadline import Watchdog
from tests.builders import Clock
from tests.integration.api_client_support import Plugin, inline, kubeconfig, mutual_tls, tunnel
from tests.testbed.cluster import TestCluster
from tests.testbed.fault_proxy import FaultProxy
from tests.testbed.kube_api import definitions, secrets
from tests.testbed.pki import Authority
from tests.unit.runtime.loopback import Loopback, Received, each_request, refused_port

VALUE = "Y2FuYXJ5LXZhbHVl"  # canary-value
NOBODY = "canary-token-of-nobody"


class Calls:
    """Telemetry that remembers every call."""

    def __init__(self) -> None:
        self.codes: list[tuple[str, str]] = []

    def api_call(self, method: str, code: str, host: str, seconds: float) -> None:
        self.codes.append((method, code))


Open = Callable[..., HttpKubernetesApi]


@pytest.fixture
def calls() -> Calls:
    return Calls()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def open_api(calls: Calls, clock: Clock) -> Iterator[Open]:
    """Open the API by a kubeconfig, with a ``timeout`` in seconds and ``limits``; it is closed at the end."""
    opened: list[HttpKubernetesApi] = []

    def make(path: str | None, *, timeout: float = 20, limits: Limits | None = None) -> HttpKubernetesApi:
        credentials = Credentials(path, clock=clock)
        made = HttpKubernetesApi(
            credentials, Watchdog(), calls, timeout=timeout, limits=limits or Limits(watch_seconds=2)
        )
        opened.append(made)
        return made

    yield make
    for api in opened:
        api.close()


@pytest.fixture(autouse=True)
def no_canary_in_the_log(cluster: TestCluster, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No credential is logged, at any level, by us or by a library."""
    caplog.set_level(logging.DEBUG)
    yield
    told = "\n".join(f"{record.getMessage()} {record.__dict__}" for record in caplog.get_records("call"))
    assert not [
        word for word in ("canary", VALUE, cluster.admin_token, "Bearer", "bearer ") if word in told
    ], told[:2000]


@pytest.fixture
def behind(cluster: TestCluster, authority: Authority, cluster_proxy: FaultProxy) -> str:
    """A kubeconfig of the admin that leads through the proxy."""
    path = cluster.kubeconfig_for(cluster.admin_token, server=cluster_proxy.url, ca_file=authority.ca_file)
    return str(path)


@pytest.fixture
def server(cluster_proxy: FaultProxy, authority: Authority) -> dict[str, str]:
    """The cluster of a kubeconfig that leads through the proxy."""
    return {"server": cluster_proxy.url, "certificate-authority": str(authority.ca_file)}


def token_of(proxy: FaultProxy) -> str:
    """The token of the newest request."""
    return proxy.requests[-1].headers["authorization"].partition(" ")[2]


def ask(api: HttpKubernetesApi, namespace: str) -> None:
    """One call that needs an identity."""
    with pytest.raises(NotFound):
        api.get(SECRETS, Ref(namespace, "never"))


# ── in a pod ─────────────────────────────────────────────────────────────────────────────────────────


class Pod:
    """The files and variables that a pod finds."""

    def __init__(self, folder: Path, server: str, ca_file: Path, patch: pytest.MonkeyPatch) -> None:
        self._token = folder / "token"
        ca = folder / "ca.crt"
        ca.write_bytes(ca_file.read_bytes())
        address = urlsplit(server)
        patch.setenv("KUBERNETES_SERVICE_HOST", str(address.hostname))
        patch.setenv("KUBERNETES_SERVICE_PORT", str(address.port))
        module = "kubernetes.config.incluster_config"
        patch.setattr(f"{module}.SERVICE_TOKEN_FILENAME", str(self._token))
        patch.setattr(f"{module}.SERVICE_CERT_FILENAME", str(ca))

    def mount(self, token: str) -> None:
        """Put a token where the kubelet does."""
        self._token.write_text(token)


@pytest.fixture
def pod(
    tmp_path: Path, cluster_proxy: FaultProxy, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> Pod:
    return Pod(tmp_path, cluster_proxy.url, authority.ca_file, monkeypatch)


RIGHTS = ({"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list", "watch"]},)


def test_a_rotated_token_is_taken_up_within_half_a_minute(
    pod: Pod, cluster: TestCluster, cluster_proxy: FaultProxy, namespace: str, open_api: Open, clock: Clock
) -> None:
    account = cluster.service_account(namespace, "daemon", rules=RIGHTS)
    pod.mount(account.token)
    api = open_api(None)
    ask(api, namespace)
    rotated = cluster.token(namespace, "daemon", seconds=7200)
    pod.mount(rotated)
    ask(api, namespace)
    assert token_of(cluster_proxy) == account.token
    clock.now += 31
    ask(api, namespace)

    assert token_of(cluster_proxy) == rotated


def test_a_refused_token_is_read_again_and_the_call_made_once_more(
    pod: Pod, cluster: TestCluster, cluster_proxy: FaultProxy, namespace: str, open_api: Open, calls: Calls
) -> None:
    account = cluster.service_account(namespace, "daemon", rules=RIGHTS)
    pod.mount(NOBODY)
    api = open_api(None)
    pod.mount(account.token)
    ask(api, namespace)

    assert [code for _, code in calls.codes] == ["401", "404"]
    assert token_of(cluster_proxy) == account.token


def test_a_token_that_stays_refused_is_an_error_after_two_calls(
    pod: Pod, namespace: str, open_api: Open, calls: Calls
) -> None:
    pod.mount(NOBODY)
    api = open_api(None)

    with pytest.raises(ClusterUnauthorized):
        api.get(SECRETS, Ref(namespace, "never"))
    assert [code for _, code in calls.codes] == ["401", "401"]


def test_a_refused_watch_reads_the_token_again(
    pod: Pod, cluster: TestCluster, namespace: str, open_api: Open
) -> None:
    account = cluster.service_account(namespace, "daemon", rules=RIGHTS)
    pod.mount(NOBODY)
    api = open_api(None)
    pod.mount(account.token)
    scope = Scope(resource=SECRETS, namespace=namespace)
    with pytest.raises(ClusterUnauthorized):
        list(api.watch(scope, "1"))

    assert [page.items for page in api.pages(scope)] == [[]]


def test_a_token_file_that_is_missing_for_a_moment_leaves_the_known_token_in_use(
    pod: Pod, cluster: TestCluster, namespace: str, open_api: Open, clock: Clock, tmp_path: Path
) -> None:
    pod.mount(cluster.service_account(namespace, "daemon", rules=RIGHTS).token)
    api = open_api(None)
    (tmp_path / "token").unlink()
    clock.now += 31

    ask(api, namespace)


# ── kubeconfigs ──────────────────────────────────────────────────────────────────────────────────────


def test_a_token_file_of_a_kubeconfig_is_read_again_and_may_end_in_a_line_break(
    server: dict[str, str],
    cluster: TestCluster,
    cluster_proxy: FaultProxy,
    namespace: str,
    open_api: Open,
    clock: Clock,
    tmp_path: Path,
) -> None:
    account = cluster.service_account(namespace, "daemon", rules=RIGHTS)
    token_file = tmp_path / "token"
    token_file.write_text(f"{account.token}\n")
    api = open_api(kubeconfig(tmp_path, server, {"tokenFile": str(token_file)}))
    ask(api, namespace)
    rotated = cluster.token(namespace, "daemon", seconds=7200)
    token_file.write_text(f"{rotated}\n")
    clock.now += 31
    ask(api, namespace)

    assert token_of(cluster_proxy) == rotated


def test_several_kubeconfigs_are_merged(
    server: dict[str, str], cluster: TestCluster, namespace: str, open_api: Open, tmp_path: Path
) -> None:
    nothing = tmp_path / "empty"
    nothing.write_text('{"apiVersion": "v1", "kind": "Config"}')
    whole = kubeconfig(tmp_path, server, {"token": cluster.admin_token})

    ask(open_api(os.pathsep.join((str(nothing), whole))), namespace)


def test_a_plugin_is_run_once_for_many_calls(
    server: dict[str, str],
    cluster: TestCluster,
    cluster_proxy: FaultProxy,
    namespace: str,
    open_api: Open,
    clock: Clock,
    tmp_path: Path,
) -> None:
    plugin = Plugin(tmp_path / "plugin")
    plugin.say({"token": cluster.admin_token})
    api = open_api(kubeconfig(tmp_path, server, plugin.user))
    for _ in range(3):
        ask(api, namespace)
        clock.now += 31

    assert plugin.runs == 1
    assert token_of(cluster_proxy) == cluster.admin_token


def test_a_plugin_is_run_again_when_its_answer_has_expired(
    server: dict[str, str],
    cluster: TestCluster,
    cluster_proxy: FaultProxy,
    namespace: str,
    open_api: Open,
    clock: Clock,
    tmp_path: Path,
) -> None:
    plugin = Plugin(tmp_path / "plugin")
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=1)
    plugin.say({"token": NOBODY, "expirationTimestamp": soon.strftime("%Y-%m-%dT%H:%M:%SZ")})
    api = open_api(kubeconfig(tmp_path, server, plugin.user))
    plugin.say({"token": cluster.admin_token})
    clock.now += 31
    ask(api, namespace)

    assert token_of(cluster_proxy) == cluster.admin_token


def test_a_plugin_is_run_again_when_its_answer_is_refused(
    server: dict[str, str], cluster: TestCluster, namespace: str, open_api: Open, calls: Calls, tmp_path: Path
) -> None:
    plugin = Plugin(tmp_path / "plugin")
    plugin.say({"token": NOBODY})
    api = open_api(kubeconfig(tmp_path, server, plugin.user))
    plugin.say({"token": cluster.admin_token})
    ask(api, namespace)

    assert [code for _, code in calls.codes] == ["401", "404"]
    assert plugin.runs == 2


def test_a_plugin_that_fails_at_the_start_is_a_fault_of_the_settings(
    server: dict[str, str], open_api: Open, tmp_path: Path
) -> None:
    plugin = Plugin(tmp_path / "plugin", complaint="canary-of-the-plugin")

    with pytest.raises(ConfigError, match="exec plugin returned no credentials") as caught:
        open_api(kubeconfig(tmp_path, server, plugin.user))
    assert "canary" not in str(caught.value)


def test_a_plugin_that_fails_later_leaves_its_last_answer_in_use(
    server: dict[str, str], cluster: TestCluster, namespace: str, open_api: Open, tmp_path: Path, calls: Calls
) -> None:
    plugin = Plugin(tmp_path / "plugin", complaint="canary-of-the-plugin")
    plugin.say({"token": NOBODY})
    api = open_api(kubeconfig(tmp_path, server, plugin.user))
    plugin.fail()

    with pytest.raises(ClusterUnauthorized):
        api.get(SECRETS, Ref(namespace, "never"))
    assert [code for _, code in calls.codes] == ["401", "401"]


def an_object(connection: Any, _: Received) -> None:
    connection.reply_json(200, {"kind": "Secret", "metadata": {"name": "x"}})


def test_a_client_certificate_of_a_kubeconfig_is_presented_to_the_server(
    authority: Authority, open_api: Open, tmp_path: Path
) -> None:
    pair, mine = authority.issue("127.0.0.1"), authority.issue("daemon")
    user = {"client-certificate": str(mine.certificate), "client-key": str(mine.key)}
    with mutual_tls(each_request(an_object), pair, authority) as server:
        cluster = {"server": server.url, "certificate-authority": str(authority.ca_file)}
        api = open_api(kubeconfig(tmp_path, cluster, user))

        assert api.get(SECRETS, Ref("a", "x"))["kind"] == "Secret"


def test_inline_data_of_a_kubeconfig_leaves_no_file_behind(
    authority: Authority, open_api: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    pair, mine = authority.issue("127.0.0.1"), authority.issue("inline")
    user = {"client-certificate-data": inline(mine.certificate), "client-key-data": inline(mine.key)}
    with mutual_tls(each_request(an_object), pair, authority) as server:
        cluster = {"server": server.url, "certificate-authority-data": inline(authority.ca_file)}
        api = open_api(kubeconfig(tmp_path, cluster, user))
        assert api.get(SECRETS, Ref("a", "x"))["kind"] == "Secret"
        written = [path for path in temporary.rglob("*") if path.is_file()]
        assert {oct(path.stat().st_mode & 0o777) for path in written} == {"0o600"}
        api.close()

    assert list(temporary.iterdir()) == []


def test_a_server_that_wants_a_client_certificate_refuses_a_client_without_one(
    authority: Authority, open_api: Open, tmp_path: Path
) -> None:
    with mutual_tls(each_request(an_object), authority.issue("127.0.0.1"), authority) as server:
        cluster = {"server": server.url, "certificate-authority": str(authority.ca_file)}
        api = open_api(kubeconfig(tmp_path, cluster, {}))

        with pytest.raises(ClusterUnavailable):
            api.get(SECRETS, Ref("a", "x"))


def test_an_api_server_with_an_untrusted_certificate_gets_no_request(
    cluster: TestCluster, cluster_proxy: FaultProxy, namespace: str, open_api: Open, tmp_path: Path
) -> None:
    wrong = {"server": cluster_proxy.url, "certificate-authority": str(cluster.ca_file)}
    api = open_api(kubeconfig(tmp_path, wrong, {"token": cluster.admin_token}))

    with pytest.raises(ClusterUnavailable, match="certificate not accepted"):
        api.get(SECRETS, Ref(namespace, "never"))
    assert cluster_proxy.requests == []


@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
def test_a_kubeconfig_can_switch_off_the_check_of_the_certificate(
    cluster: TestCluster, cluster_proxy: FaultProxy, namespace: str, open_api: Open, tmp_path: Path
) -> None:
    careless = {"server": cluster_proxy.url, "insecure-skip-tls-verify": True}

    ask(open_api(kubeconfig(tmp_path, careless, {"token": cluster.admin_token})), namespace)


def test_a_kubeconfig_may_expect_another_name_than_the_servers_address(
    cluster: TestCluster,
    authority: Authority,
    fault_proxy: Callable[..., FaultProxy],
    namespace: str,
    open_api: Open,
    tmp_path: Path,
) -> None:
    proxy = fault_proxy(cluster.url, upstream_ca=cluster.ca_file, tls=authority.issue("kubernetes.default"))
    named = {
        "server": proxy.url,
        "certificate-authority": str(authority.ca_file),
        "tls-server-name": "kubernetes.default",
    }

    ask(open_api(kubeconfig(tmp_path, named, {"token": cluster.admin_token})), namespace)


def test_calls_go_through_the_proxy_of_the_kubeconfig(
    server: dict[str, str], cluster: TestCluster, namespace: str, open_api: Open, tmp_path: Path
) -> None:
    with Loopback(tunnel) as proxy:
        through = {**server, "proxy-url": proxy.url}
        ask(open_api(kubeconfig(tmp_path, through, {"token": cluster.admin_token})), namespace)

        (asked,) = proxy.seen
        assert f"https://{asked.target}" == server["server"]
        assert "authorization" not in asked.headers


def test_a_proxy_that_is_down_is_named_in_the_error(
    server: dict[str, str], cluster: TestCluster, namespace: str, open_api: Open, tmp_path: Path
) -> None:
    through = {**server, "proxy-url": f"http://127.0.0.1:{refused_port()}"}
    api = open_api(kubeconfig(tmp_path, through, {"token": cluster.admin_token}))

    with pytest.raises(ClusterUnavailable, match="the proxy cannot be reached"):
        api.get(SECRETS, Ref(namespace, "never"))


def test_a_socks_proxy_is_refused_with_advice(server: dict[str, str], open_api: Open, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="SOCKS proxies are not supported; use an HTTP proxy"):
        open_api(kubeconfig(tmp_path, {**server, "proxy-url": "socks5://127.0.0.1:1"}, {"token": NOBODY}))


BROKEN = {
    "not there": None,
    "empty": "",
    "not YAML": "a: [canary-secret",
    "a list": "[]",
    "no context": '{"apiVersion": "v1", "kind": "Config", "clusters": [], "users": [], "contexts": []}',
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_a_kubeconfig_that_cannot_be_used_is_named(
    content: str | None, open_api: Open, tmp_path: Path
) -> None:
    path = tmp_path / "broken"
    if content is not None:
        path.write_text(content)

    with pytest.raises(ConfigError) as caught:
        open_api(str(path))
    assert str(path) in caught.value.message
    assert "canary" not in caught.value.message
    assert caught.value.exit_code == 2


def test_a_certificate_authority_that_cannot_be_read_is_a_fault_of_the_settings(
    open_api: Open, tmp_path: Path
) -> None:
    rubbish = tmp_path / "ca.crt"
    rubbish.write_text("no certificate")
    cluster = {"server": "https://127.0.0.1:1", "certificate-authority": str(rubbish)}

    with pytest.raises(ConfigError, match="certificate authority"):
        open_api(kubeconfig(tmp_path, cluster, {"token": NOBODY}))


# ── the network ──────────────────────────────────────────────────────────────────────────────────────


ANY = ".*"
DRIPS: dict[str, Callable[[FaultProxy], object]] = {
    "headers": lambda proxy: proxy.on("GET", ANY).drip_headers(interval=0.05),
    "body": lambda proxy: proxy.on("GET", ANY).drip_body(interval=0.05),
    "nothing": lambda proxy: proxy.on("GET", ANY).hang(),
}


@pytest.mark.parametrize("drip", DRIPS.values(), ids=DRIPS)
def test_a_call_ends_in_its_time_whatever_part_of_the_reply_drips(
    drip: Callable[[FaultProxy], object], behind: str, cluster_proxy: FaultProxy, open_api: Open
) -> None:
    drip(cluster_proxy)
    api = open_api(behind, timeout=1)

    with pytest.raises(ClusterUnavailable, match=r"within the time allowed|stopped answering"):
        api.get(SECRETS, Ref("default", "never"))
    with pytest.raises(ClusterUnavailable):
        next(api.pages(Scope(resource=SECRETS)))


@pytest.mark.parametrize("drip", ["headers", "nothing"])
def test_a_watch_opens_in_the_time_of_a_call(
    drip: str, behind: str, cluster_proxy: FaultProxy, open_api: Open
) -> None:
    DRIPS[drip](cluster_proxy)
    api = open_api(behind, timeout=1)

    with pytest.raises(ClusterUnavailable):
        list(api.watch(Scope(resource=SECRETS), "1"))


def test_a_watch_that_falls_silent_is_noticed(
    behind: str, cluster_proxy: FaultProxy, namespace: str, open_api: Open
) -> None:
    cluster_proxy.on("GET", r".*watch=true.*").silence()
    api = open_api(behind, limits=Limits(watch_seconds=60, idle_seconds=1))
    scope = Scope(resource=SECRETS, namespace=namespace)
    (page,) = api.pages(scope)

    with pytest.raises(ClusterUnavailable, match=r"stopped answering: watch secrets in namespace"):
        list(api.watch(scope, page.resource_version))


def test_a_watch_that_is_cut_within_a_line_gives_whole_events_only(
    behind: str, cluster: TestCluster, cluster_proxy: FaultProxy, namespace: str, open_api: Open
) -> None:
    api = open_api(behind)
    scope = Scope(resource=SECRETS, namespace=namespace)
    (page,) = api.pages(scope)
    for name in ("one", "two"):
        cluster.api.post(secrets(namespace), {"metadata": {"name": name}, "data": {"a": VALUE}})
    cluster_proxy.on("GET", r".*watch=true.*").truncate(lines=1)
    seen: list[str] = []

    with pytest.raises(ClusterUnavailable):
        note(api.watch(scope, page.resource_version), seen)
    assert seen == ["one"]


def note(events: Iterator[WatchEvent], seen: list[str]) -> None:
    """Add the name of each event's object to ``seen``, even if an error follows."""
    for event in events:
        seen.append(event.object["metadata"]["name"])  # noqa: PERF401 - an error must not lose the events before it


def test_a_version_that_is_too_old_is_recognised_in_the_stream_and_before_it(
    behind: str, cluster_proxy: FaultProxy, open_api: Open
) -> None:
    api = open_api(behind)
    scope = Scope(resource=SECRETS)
    cluster_proxy.on("GET", r".*watch=true.*").times(1).gone_in_stream()
    cluster_proxy.on("GET", r".*watch=true.*").times(1).gone()
    cluster_proxy.on("GET", ANY).times(1).gone()

    with pytest.raises(Expired):
        list(api.watch(scope, "1"))
    with pytest.raises(Expired):
        list(api.watch(scope, "1"))
    with pytest.raises(Expired):
        next(api.pages(scope))


JSON = {"Content-Type": "application/json"}
REPLIES: dict[str, Callable[[FaultProxy], object]] = {
    "HTML": lambda proxy: proxy.on(ANY, ANY).html(),
    "an empty body": lambda proxy: proxy.on(ANY, ANY).reply(200, b""),
    "foreign JSON": lambda proxy: proxy.on(ANY, ANY).reply(200, b'{"status": "ok"}\n', JSON),
    "gzip": lambda proxy: proxy.on(ANY, ANY).gzip_bomb(1_000_000),
    "a page of a gateway": lambda proxy: proxy.on(ANY, ANY).reply(502, b"<html>canary</html>"),
    "a reset": lambda proxy: proxy.on(ANY, ANY).reset(),
}


@pytest.mark.parametrize("reply", REPLIES.values(), ids=REPLIES)
def test_a_reply_that_is_not_the_api_servers_is_no_answer(
    reply: Callable[[FaultProxy], object], behind: str, cluster_proxy: FaultProxy, open_api: Open
) -> None:
    reply(cluster_proxy)
    api = open_api(behind)
    tries: list[Callable[[], object]] = [
        lambda: api.get(SECRETS, Ref("default", "never")),
        lambda: list(api.pages(Scope(resource=SECRETS))),
        lambda: list(api.watch(Scope(resource=SECRETS), "1")),
        lambda: api.create(SECRETS, "default", {"metadata": {"name": "never"}}),
    ]
    for each in tries:
        with pytest.raises(ClusterUnavailable) as caught:
            each()
        assert "canary" not in str(caught.value)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_a_pause_that_the_server_asks_for_is_reported_to_the_caller_and_not_waited_for(
    method: str, behind: str, cluster_proxy: FaultProxy, open_api: Open
) -> None:
    cluster_proxy.on(method, ANY).reply(429, retry_after=7)

    with pytest.raises(ClusterUnavailable) as caught:
        call(open_api(behind), method)
    assert caught.value.retry_after == 7
    assert len(cluster_proxy.requests) == 1


def call(api: HttpKubernetesApi, method: str, namespace: str = "default") -> Any:
    """Make one call of that HTTP method about one Secret."""
    ref = Ref(namespace, "app")
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "app"}, "data": {"a": VALUE}}
    if method == "POST":
        return api.create(SECRETS, namespace, body)
    if method == "PUT":
        return api.replace(SECRETS, ref, body)
    if method == "DELETE":
        return api.delete(SECRETS, ref, {})
    return api.get(SECRETS, ref)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_a_write_whose_reply_is_lost_is_not_sent_again(
    method: str,
    behind: str,
    cluster: TestCluster,
    cluster_proxy: FaultProxy,
    namespace: str,
    open_api: Open,
    calls: Calls,
) -> None:
    api = open_api(behind)
    if method != "POST":
        call(api, "POST", namespace)
    calls.codes.clear()
    rule = cluster_proxy.on(method, ANY).apply_then_drop()

    with pytest.raises(ClusterUnavailable):
        call(api, method, namespace)
    assert rule.hits == 1
    assert calls.codes == [(method, "<error>")]
    assert (cluster.api.find(secrets(namespace, "app")) is None) is (method == "DELETE")


def test_an_api_server_that_is_away_is_an_error_and_calls_work_once_it_is_back(
    behind: str, cluster_proxy: FaultProxy, namespace: str, open_api: Open, calls: Calls
) -> None:
    api = open_api(behind)
    ask(api, namespace)
    cluster_proxy.refuse()
    with pytest.raises(ClusterUnavailable):
        api.get(SECRETS, Ref(namespace, "never"))
    with pytest.raises(ClusterUnavailable):
        list(api.watch(Scope(resource=SECRETS), "1"))
    cluster_proxy.accept()
    ask(api, namespace)

    assert calls.codes == [("GET", "404"), ("GET", "<error>"), ("GET", "<error>"), ("GET", "404")]


def test_a_redirect_is_not_followed(
    behind: str, cluster_proxy: FaultProxy, fault_proxy: Callable[..., FaultProxy], open_api: Open
) -> None:
    elsewhere = fault_proxy("http://127.0.0.1:1")
    cluster_proxy.on("GET", ANY).redirect(elsewhere.url)

    with pytest.raises(ClusterUnavailable, match="answered 307"):
        open_api(behind).get(SECRETS, Ref("default", "never"))
    assert elsewhere.requests == []


# ── the log ──────────────────────────────────────────────────────────────────────────────────────────


def test_warnings_of_the_api_server_are_not_logged_for_each_object(
    definitions_api: TestCluster,
    behind: str,
    namespace: str,
    open_api: Open,
    caplog: pytest.LogCaptureFixture,
) -> None:
    api = open_api(behind)
    raw = api.create(DEFINITIONS, namespace, old_definition())
    raw = api.replace(DEFINITIONS, Ref(namespace, "old"), raw)
    assert warned_of(definitions_api, namespace), "else nothing could have been logged"
    told = [record for record in caplog.records if not record.name.startswith("urllib3")]
    definitions_api.api.put(
        definitions(namespace, "old"), {**raw, "metadata": {**raw["metadata"], "finalizers": []}}
    )

    assert told == []


def warned_of(cluster: TestCluster, namespace: str) -> bool:
    """Whether this API server sends Warning headers for such a definition."""
    trusting = urllib3.PoolManager(ca_certs=str(cluster.ca_file), retries=False)
    reply = trusting.request(
        "POST",
        f"{cluster.url}{definitions(namespace)}?dryRun=All",
        headers={"Authorization": f"Bearer {cluster.admin_token}"},
        json=old_definition("older"),
    )
    trusting.clear()
    return reply.status == 201 and "Warning" in reply.headers


def old_definition(name: str = "old") -> dict[str, Any]:
    """A definition with the finalizer of the original; recent API servers warn of its name."""
    return {
        "apiVersion": "secrets-manager.tuenti.io/v1alpha1",
        "kind": "SecretDefinition",
        "metadata": {"name": name, "finalizers": ["secret.finalizer.secrets-manager.tuenti.io"]},
        "spec": {"name": name, "keysMap": {}},
    }


def test_no_error_shows_a_value_or_a_token(
    behind: str, cluster_proxy: FaultProxy, namespace: str, open_api: Open
) -> None:
    api = open_api(behind)
    shown: list[str] = [repr(api), repr(api._credentials)]
    for status in (400, 401, 403, 404, 409, 410, 413, 422, 429, 500):
        cluster_proxy.clear()
        cluster_proxy.on(ANY, ANY).kubernetes_error(status, "Whatever", f"canary-value {VALUE}")
        for method in ("GET", "POST", "PUT", "DELETE"):
            with pytest.raises(SecretsManagerError) as caught:
                call(api, method, namespace)
            shown.append(f"{caught.value!r} {caught.value.__cause__!r} {caught.value.__dict__}")

    assert not [text for text in shown if "canary" in text or VALUE in text or "earer" in text]


@pytest.mark.filterwarnings("ignore:ssl.OP_NO_:DeprecationWarning")
def test_the_client_does_not_speak_outdated_tls(
    cluster: TestCluster, authority: Authority, open_api: Open, tmp_path: Path
) -> None:
    pair = authority.issue("127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.options &= ~(ssl.OP_NO_TLSv1 | ssl.OP_NO_TLSv1_1)
    context.options |= ssl.OP_NO_TLSv1_2 | ssl.OP_NO_TLSv1_3
    server = Loopback(each_request(an_object))
    server._tls = context
    with server:
        old: Mapping[str, str] = {
            "server": f"https://127.0.0.1:{server.port}",
            "certificate-authority": str(authority.ca_file),
        }
        api = open_api(kubeconfig(tmp_path, old, {"token": cluster.admin_token}))

        with pytest.raises(ClusterUnavailable):
            api.get(SECRETS, Ref("a", "x"))
        assert server.seen == []
