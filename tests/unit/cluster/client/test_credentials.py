"""Credentials that are rotated while we run: each kind, on servers that check them."""

from __future__ import annotations

import base64
import gc
import json
import logging
import os
import ssl
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from secrets_manager.cluster.base import SECRETS
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
from secrets_manager.runtime.terms import Deadline
from tests.builders import Clock
from tests.integration.api_client_support import Plugin, Shown, inline, kubeconfig, tunnel
from tests.silent import SilentCluster
from tests.testbed.pki import Authority, KeyPair
from tests.unit.runtime.loopback import Connection, Loopback, Received

THING = Ref("a", "x")


class ApiServer:
    """Lets in whom it knows by certificate or token, as the real one does: else 401, and TLS stays open."""

    def __init__(self, authority: Authority) -> None:
        self._pair = authority.issue("127.0.0.1")
        self.known: set[str] = set()
        self.seen: list[str] = []
        self.loopback = Loopback(self._serve)
        self.present(self._pair, authority)

    def present(self, pair: KeyPair, clients: Authority) -> None:
        """Show this certificate from now on, and take client certificates of that authority."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair.certificate, pair.key)
        context.load_verify_locations(clients.ca_file)
        context.verify_mode = ssl.CERT_OPTIONAL
        self.loopback._tls = context

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.loopback.port}"

    def _serve(self, connection: Connection) -> None:
        sock = connection.sock
        assert isinstance(sock, ssl.SSLSocket)
        while (received := connection.receive()) is not None:
            name = _identity(sock, received)
            self.seen.append(name)
            if name in self.known:
                connection.reply_json(200, {"kind": "Secret", "metadata": {"name": "x"}})
            else:
                connection.reply_json(401, {"kind": "Status", "code": 401})


def _identity(sock: ssl.SSLSocket, received: Received) -> str:
    shown: Any = sock.getpeercert()
    if shown:
        return str(dict(pair for (pair,) in shown["subject"])["commonName"])
    return received.headers.get("authorization", "")


@pytest.fixture
def server(authority: Authority) -> Iterator[ApiServer]:
    made = ApiServer(authority)
    with made.loopback:
        yield made


@pytest.fixture
def clock() -> Clock:
    return Clock()


Open = Callable[..., HttpKubernetesApi]


@pytest.fixture
def open_api(clock: Clock) -> Iterator[Open]:
    opened = []

    def make(
        path: str, *, watchdog: Watchdog | None = None, limits: Limits | None = None
    ) -> HttpKubernetesApi:
        credentials = Credentials(path, clock=clock, environ=os.environ)
        opened.append(
            HttpKubernetesApi(
                credentials, watchdog or Watchdog(), SilentCluster(), timeout=20, limits=limits or Limits()
            )
        )
        return opened[-1]

    yield make
    for api in opened:
        api.close()


def cluster_of(server: ApiServer, authority: Authority) -> dict[str, Any]:
    return {"server": server.url, "certificate-authority": str(authority.ca_file)}


def get(api: HttpKubernetesApi) -> str:
    kind: str = api.get(SECRETS, THING)["kind"]
    return kind


ways = pytest.mark.parametrize("way", ["inline", "file", "mounted", "plugin"])


@ways
def test_a_certificate_that_is_refused_is_replaced_at_once(
    way: str, server: ApiServer, authority: Authority, open_api: Open, tmp_path: Path
) -> None:
    shown = Shown(way, tmp_path, cluster_of(server, authority))
    server.known = {"old"}
    api = open_api(shown.show(authority.issue("old")))
    assert get(api) == "Secret"
    shown.show(authority.issue("new"))
    server.known = {"new"}

    assert get(api) == "Secret"
    # On the kept connection first, and then on one with the new certificate.
    assert server.seen == ["old", "old", "new"]


@pytest.mark.parametrize("way", ["inline", "file", "mounted"])
def test_a_replaced_certificate_is_used_within_a_second(
    way: str, server: ApiServer, authority: Authority, open_api: Open, clock: Clock, tmp_path: Path
) -> None:
    shown = Shown(way, tmp_path, cluster_of(server, authority))
    server.known = {"old", "new"}
    api = open_api(shown.show(authority.issue("old")))
    get(api)
    shown.show(authority.issue("new"))
    clock.now += 1
    get(api)

    assert server.seen == ["old", "new"]


@ways
def test_inline_credentials_and_answers_of_plugins_do_not_stay_on_a_disk(
    way: str,
    server: ApiServer,
    authority: Authority,
    open_api: Open,
    clock: Clock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    shown = Shown(way, tmp_path, cluster_of(server, authority))
    api = open_api(shown.show(authority.issue("one")))
    for name in ("two", "three"):
        shown.show(authority.issue(name))
        server.known = {name}
        clock.now += 1
        get(api)

    assert len([path for path in temporary.rglob("*") if path.is_file()]) <= 2
    api.close()
    assert list(temporary.iterdir()) == []


def test_who_has_nothing_to_write_needs_no_place_for_it_as_in_a_pod_with_a_read_only_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setattr("tempfile._candidate_tempdir_list", list)
    with pytest.raises(FileNotFoundError):
        tempfile.gettempdir()

    credentials = Credentials(kubeconfig(tmp_path, {"server": "https://api.k8s.test"}, {"token": "t"}))

    assert credentials.headers() == {"Authorization": "Bearer t"}
    credentials.close()


def test_half_of_a_new_certificate_pair_leaves_the_old_pair_in_force(
    server: ApiServer,
    authority: Authority,
    open_api: Open,
    clock: Clock,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    shown = Shown("file", tmp_path, cluster_of(server, authority))
    server.known = {"old", "new"}
    api = open_api(shown.show(authority.issue("old")))
    new = authority.issue("new")
    (tmp_path / "tls.crt").write_bytes(new.certificate.read_bytes())
    for _ in range(3):
        clock.now += 1
        get(api)
    (tmp_path / "tls.key").write_bytes(new.key.read_bytes())
    clock.now += 1
    get(api)

    assert server.seen == ["old", "old", "old", "new"]
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == [
        "credentials could not be read again"
    ]


def test_a_client_certificate_that_is_half_written_at_the_start_is_read_again(
    server: ApiServer, authority: Authority, open_api: Open, clock: Clock, tmp_path: Path
) -> None:
    shown = Shown("file", tmp_path, cluster_of(server, authority))
    pair = authority.issue("new")
    path = shown.show(pair)
    (tmp_path / "tls.key").write_text("-----BEGIN PRIVATE KEY-----\nMIG")
    server.known = {"new"}
    api = open_api(path)
    with pytest.raises(ClusterUnauthorized):
        get(api)
    (tmp_path / "tls.key").write_bytes(pair.key.read_bytes())
    clock.now += 1

    assert get(api) == "Secret"


@pytest.mark.parametrize("field", ["certificate-authority", "certificate-authority-data"])
def test_an_authority_that_was_replaced_is_trusted_at_the_first_refusal(
    field: str, server: ApiServer, authority: Authority, open_api: Open, tmp_path: Path
) -> None:
    other = Authority(tmp_path / "other", "another CA")
    trusted = tmp_path / "ca.crt"

    def trust(chosen: Authority) -> str:
        trusted.write_bytes(chosen.ca_file.read_bytes())
        held = str(trusted) if field == "certificate-authority" else inline(chosen.ca_file)
        return kubeconfig(tmp_path, {"server": server.url, field: held}, {"token": "t"})

    server.known = {"Bearer t"}
    api = open_api(trust(authority))
    assert get(api) == "Secret"
    server.present(other.issue("127.0.0.1"), authority)
    api._connections.close()
    with pytest.raises(ClusterUnavailable, match="certificate not accepted"):
        get(api)
    api._credentials._fresh._refused_at = float("-inf")
    trust(other)

    assert get(api) == "Secret"


@pytest.mark.parametrize("way", ["token", "tokenFile", "plugin", "password"])
def test_a_token_that_is_refused_is_replaced_at_once(
    way: str, server: ApiServer, authority: Authority, open_api: Open, tmp_path: Path
) -> None:
    plugin, file = Plugin(tmp_path / "plugin"), tmp_path / "token"

    def show(token: str) -> str:
        plugin.say({"token": token})
        file.write_text(f"{token}\n")
        user: dict[str, Any] = {
            "token": {"token": token},
            "tokenFile": {"tokenFile": str(file)},
            "plugin": plugin.user,
            "password": {"username": "me", "password": token},
        }[way]
        return kubeconfig(tmp_path, cluster_of(server, authority), user)

    basic = {"old": "Basic bWU6b2xk", "new": "Basic bWU6bmV3"}
    server.known = {"Bearer old", basic["old"]}
    api = open_api(show("old"))
    assert get(api) == "Secret"
    show("new")
    server.known = {"Bearer new", basic["new"]}

    assert get(api) == "Secret"
    assert api._credentials.refused_for() == 0


def test_a_kubeconfig_that_came_to_name_another_server_is_not_followed(
    server: ApiServer,
    authority: Authority,
    open_api: Open,
    clock: Clock,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    server.known = {"Bearer t"}
    api = open_api(kubeconfig(tmp_path, cluster_of(server, authority), {"token": "t"}))
    kubeconfig(tmp_path, {**cluster_of(server, authority), "server": "https://127.0.0.1:1"}, {"token": "u"})
    clock.now += 1

    assert get(api) == "Secret"
    assert "names another API server than before; restart" in caplog.records[-1].__dict__["error"]


def test_one_of_several_kubeconfigs_may_change(
    server: ApiServer, authority: Authority, open_api: Open, clock: Clock, tmp_path: Path
) -> None:
    (tmp_path / "users").mkdir()
    first = kubeconfig(tmp_path, cluster_of(server, authority), {"token": "old"})
    whole = json.loads(Path(first).read_text())
    users = tmp_path / "users" / "kubeconfig"

    def say(token: str) -> None:
        users.write_text(json.dumps({"users": [{"name": "test", "user": {"token": token}}]}))

    say("old")
    Path(first).write_text(json.dumps({**whole, "users": []}))
    server.known = {"Bearer old", "Bearer new"}
    api = open_api(os.pathsep.join((first, str(users))))
    get(api)
    say("new")
    clock.now += 1
    get(api)

    assert server.seen == ["Bearer old", "Bearer new"]


def test_credentials_know_how_long_the_api_server_has_refused_them(
    server: ApiServer, authority: Authority, open_api: Open, clock: Clock, tmp_path: Path
) -> None:
    api = open_api(kubeconfig(tmp_path, cluster_of(server, authority), {"token": "t"}))
    for _ in range(3):
        with pytest.raises(ClusterUnauthorized):
            get(api)
        clock.now += 5
    refused = api._credentials.refused_for()
    server.known = {"Bearer t"}
    get(api)

    assert (refused, api._credentials.refused_for()) == (15, 0)


def test_a_plugin_that_hangs_holds_a_call_up_for_a_moment_and_is_run_once(
    server: ApiServer, authority: Authority, open_api: Open, tmp_path: Path
) -> None:
    plugin = Plugin(tmp_path / "plugin")
    plugin.say({"token": "old"})
    api = open_api(kubeconfig(tmp_path, cluster_of(server, authority), plugin.user))
    plugin.program.write_text(f"#!/bin/sh\necho x >> {tmp_path}/hung\nexec sleep 600\n")
    api._credentials._fresh._longest_wait = 0.05
    failed: list[Exception] = []

    def call() -> None:
        try:
            get(api)
        except ClusterUnauthorized as error:
            failed.append(error)

    threads = [threading.Thread(target=call) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(15)

    running = api._credentials._fresh._reading
    assert running is not None
    api.close()
    # A plugin does not outlive us.
    assert running.wait(15)
    assert len(failed) == 5
    assert (tmp_path / "hung").read_text() == "x\n"


class Recording(Watchdog):
    """Remembers how much time each call was given, in seconds."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[float] = []

    def guard(self, deadline: Deadline) -> Any:
        self.given.append(deadline.left())
        return super().guard(deadline)


def test_a_write_that_is_sent_again_has_the_time_that_is_left_of_the_first(
    authority: Authority, open_api: Open, tmp_path: Path
) -> None:
    def refuse_late(connection: Connection) -> None:
        while connection.receive() is not None:
            connection.over.wait(0.2)
            connection.reply_json(401, {"kind": "Status", "code": 401})

    watchdog = Recording()
    with Loopback(refuse_late, tls=authority.issue("127.0.0.1")) as server:
        cluster = {"server": server.url, "certificate-authority": str(authority.ca_file)}
        path = kubeconfig(tmp_path, cluster, {"token": "t"})
        api = open_api(path, watchdog=watchdog, limits=Limits(write_seconds=4.0))
        with pytest.raises(ClusterUnauthorized):
            api.create(SECRETS, "a", {"metadata": {"name": "x"}})

    first, second = watchdog.given
    assert first <= 4.0
    assert second <= first - 0.2


def test_no_call_is_made_without_time_for_the_call(
    authority: Authority, open_api: Open, tmp_path: Path
) -> None:
    def refuse_late(connection: Connection) -> None:
        connection.receive()
        connection.over.wait(0.3)
        connection.reply_json(401, {"kind": "Status", "code": 401})
        connection.hang()

    with Loopback(refuse_late, tls=authority.issue("127.0.0.1")) as server:
        cluster = {"server": server.url, "certificate-authority": str(authority.ca_file)}
        path = kubeconfig(tmp_path, cluster, {"token": "t"})
        api = open_api(path, limits=Limits(write_seconds=0.6))
        with pytest.raises(ClusterUnavailable):
            api.create(SECRETS, "a", {"metadata": {"name": "x"}})


# ── the way there ────────────────────────────────────────────────────────────────────────────────────


def proxy_of(folder: Path, server: str, environ: Mapping[str, str], **cluster: str) -> str:
    credentials = Credentials(
        kubeconfig(folder, {"server": server, **cluster}, {"token": "t"}), environ=environ
    )
    credentials.close()
    return credentials.wiring.proxy


@pytest.mark.parametrize(
    "server", ["https://127.0.0.1:6443", "https://localhost:6443", "https://[::1]:6443", "https://127.9.9.9"]
)
@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy"])
def test_a_loopback_address_is_never_asked_through_the_proxy_of_the_environment(
    server: str, name: str, tmp_path: Path
) -> None:
    assert proxy_of(tmp_path, server, {name: "http://proxy:3128"}) == ""


@pytest.mark.parametrize(
    ("environ", "proxy"),
    [
        ({"HTTPS_PROXY": "http://proxy:3128"}, "http://proxy:3128"),
        ({"https_proxy": "proxy:3128"}, "http://proxy:3128"),
        ({"HTTPS_PROXY": "http://one:1", "https_proxy": "http://two:2"}, "http://one:1"),
        ({"HTTPS_PROXY": "", "https_proxy": "http://two:2"}, "http://two:2"),
        ({"HTTP_PROXY": "http://proxy:3128", "ALL_PROXY": "http://proxy:3128"}, ""),
        ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "*"}, ""),
        ({"HTTPS_PROXY": "http://proxy:3128", "no_proxy": "other.test, k8s.test"}, ""),
        ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": ".k8s.test"}, ""),
        ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "api.k8s.test:443"}, "http://proxy:3128"),
        ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "pi.k8s.test"}, "http://proxy:3128"),
        ({}, ""),
    ],
)
def test_the_proxy_of_the_environment_is_chosen_as_go_does(
    environ: dict[str, str], proxy: str, tmp_path: Path
) -> None:
    assert proxy_of(tmp_path, "https://api.k8s.test:6443", environ) == proxy


def test_the_proxy_of_the_kubeconfig_counts_before_the_environment_and_for_loopback_too(
    tmp_path: Path,
) -> None:
    environ = {"HTTPS_PROXY": "http://other:1", "NO_PROXY": "*"}

    assert (
        proxy_of(tmp_path, "https://127.0.0.1:6443", environ, **{"proxy-url": "http://mine:2"})
        == "http://mine:2"
    )


def test_a_socks_proxy_of_the_environment_is_a_fault_of_the_settings(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="proxy"):
        proxy_of(tmp_path, "https://api.k8s.test", {"HTTPS_PROXY": "socks5://canary@proxy:1"})


BROKEN = ["https://u:canary@h:99999", "https://u:canary@[::1", "https://u:canary@h h", "http://"]


@pytest.mark.parametrize("address", BROKEN)
@pytest.mark.parametrize("place", ["server", "proxy-url", "HTTPS_PROXY"])
def test_an_address_that_cannot_be_read_is_a_fault_of_the_settings_and_not_shown(
    place: str, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    environ = {place: address} if place.isupper() else {}
    named = {"server": "https://api.k8s.test", **({} if environ else {place: address})}
    user = {"client-certificate-data": "eA==", "client-key-data": "eA=="}
    with pytest.raises(ConfigError) as told:
        Credentials(kubeconfig(tmp_path, named, user), environ=environ)

    assert "canary" not in told.value.message
    assert [*(tmp_path / "temporary").iterdir()] == []


def test_a_password_in_the_address_of_the_api_server_is_refused_since_it_would_not_be_sent(
    tmp_path: Path,
) -> None:
    with pytest.raises(ConfigError, match=r"kubeconfig .* must not contain a user or password") as told:
        Credentials(kubeconfig(tmp_path, {"server": "https://u:canary@h"}, {"token": "t"}), environ={})

    assert "canary" not in told.value.message


def test_a_proxy_that_comes_to_be_unreadable_leaves_the_old_one_in_use(clock: Clock, tmp_path: Path) -> None:
    cluster = {"server": "https://api.k8s.test", "proxy-url": "http://proxy:1"}
    credentials = Credentials(kubeconfig(tmp_path, cluster, {"token": "t"}), clock=clock, environ={})
    kubeconfig(tmp_path, {**cluster, "proxy-url": BROKEN[0]}, {"token": "t"})
    clock.now += 60

    assert credentials.headers() == {"Authorization": "Bearer t"}
    assert credentials.wiring.proxy == "http://proxy:1"
    credentials.close()


# No other test may have it: all objects of the process are searched, those of other tests too.
PROXY_CANARY = "canary-of-a-proxy-alone"


def test_no_object_shows_the_password_of_a_proxy(tmp_path: Path) -> None:
    def refuse(connection: Connection) -> None:
        connection.receive()
        connection.reply(403)

    with Loopback(refuse) as proxy:
        through = f"http://u:{PROXY_CANARY}@127.0.0.1:{proxy.port}"
        cluster = {"server": "http://api.k8s.test", "proxy-url": through}
        credentials = Credentials(kubeconfig(tmp_path, cluster, {"token": "t"}), environ={})
        api = HttpKubernetesApi(credentials, Watchdog(), SilentCluster(), timeout=5.0)
        with pytest.raises(SecretsManagerError):
            api.get(SECRETS, THING)
        ours = [one for one in gc.get_objects() if str(type(one).__module__).startswith("secrets_manager.")]
        api.close()

    assert {"LoadedConfig", "Wiring", "_Origin"} <= {type(one).__name__ for one in ours}
    shown = [repr(one) for one in ours if not isinstance(one, type)]
    told = (PROXY_CANARY, base64.b64encode(f"u:{PROXY_CANARY}".encode()).decode())
    assert [text for text in shown if any(word in text for word in told)] == []


def test_the_refusal_of_a_proxy_is_reported_with_its_status(
    server: ApiServer, authority: Authority, open_api: Open, tmp_path: Path
) -> None:
    def refuse(connection: Connection) -> None:
        connection.receive()
        connection.reply(403)

    with Loopback(refuse) as proxy:
        cluster = {**cluster_of(server, authority), "proxy-url": proxy.url}
        api = open_api(kubeconfig(tmp_path, cluster, {"token": "t"}))
        with pytest.raises(ClusterUnavailable, match="the proxy answered 403 instead of connecting"):
            get(api)


def test_a_rotated_certificate_goes_through_a_proxy_too(
    server: ApiServer, authority: Authority, open_api: Open, clock: Clock, tmp_path: Path
) -> None:
    server.known = {"old", "new"}
    with Loopback(tunnel) as proxy:
        shown = Shown("inline", tmp_path, {**cluster_of(server, authority), "proxy-url": proxy.url})
        api = open_api(shown.show(authority.issue("old")))
        get(api)
        shown.show(authority.issue("new"))
        clock.now += 1
        get(api)

    assert server.seen == ["old", "new"]


@pytest.mark.parametrize(
    ("text", "sign"), [("tok\u20acen", "U+20AC"), ("to\nken", "U+000A"), ("t\0n", "U+0000")]
)
def test_a_token_that_no_header_may_hold_is_named_and_not_shown(
    text: str, sign: str, authority: Authority, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text(text, encoding="utf-8")
    cluster = {"server": "https://127.0.0.1:1", "certificate-authority": str(authority.ca_file)}

    with pytest.raises(ConfigError, match="not allowed in a header") as caught:
        Credentials(kubeconfig(tmp_path, cluster, {"tokenFile": str(file)}))

    assert sign in caught.value.message
    assert text not in caught.value.message


def test_a_byte_order_mark_is_no_part_of_a_token(authority: Authority, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("\ufefftoken\r\n", encoding="utf-8")
    cluster = {"server": "https://127.0.0.1:1", "certificate-authority": str(authority.ca_file)}

    credentials = Credentials(kubeconfig(tmp_path, cluster, {"tokenFile": str(file)}))

    assert credentials.headers() == {"Authorization": "Bearer token"}
    credentials.close()


def _token_user(folder: Path, token: bytes) -> tuple[Path, str]:
    file = folder / "token"
    file.write_bytes(token)
    return file, kubeconfig(folder, {"server": "http://127.0.0.1:1"}, {"tokenFile": str(file)})


@pytest.mark.parametrize("blank", [b"", b" \r\n", b"\xef\xbb\xbf\n", b"\t\n\n"])
def test_a_token_file_that_is_blank_for_a_moment_leaves_the_old_token_in_use(
    blank: bytes, tmp_path: Path
) -> None:
    clock = Clock()
    file, path = _token_user(tmp_path, b"token")
    credentials = Credentials(path, clock=clock)
    file.write_bytes(blank)

    credentials.refused(credentials.headers())

    assert credentials.headers() == {"Authorization": "Bearer token"}
    file.write_bytes(blank + b"newer")
    clock.now += 1
    assert credentials.headers() == {"Authorization": "Bearer newer"}
    credentials.close()


@pytest.mark.parametrize("place", ["kubeconfig", "token", "authority"])
def test_a_pipe_in_place_of_a_file_is_refused_and_blocks_no_call(place: str, tmp_path: Path) -> None:
    token, path = _token_user(tmp_path, b"token")
    authority = tmp_path / "ca.pem"
    authority.write_bytes(Authority(tmp_path / "pki").ca_file.read_bytes())
    cluster = {"server": "https://127.0.0.1:1", "certificate-authority": str(authority)}
    path = kubeconfig(tmp_path, cluster, {"tokenFile": str(token)})
    credentials = Credentials(path)
    piped = {"kubeconfig": Path(path), "token": token, "authority": authority}[place]
    piped.unlink()
    os.mkfifo(piped)

    credentials.refused(credentials.headers())

    assert credentials.headers() == {"Authorization": "Bearer token"}
    credentials.close()
    with pytest.raises(ConfigError, match="is not a regular file"):
        Credentials(path)


def test_the_path_of_a_plugin_is_relative_to_the_kubeconfig_that_names_the_plugin(
    tmp_path: Path,
) -> None:
    clusters, users = tmp_path / "clusters", tmp_path / "users"
    (users / "bin").mkdir(parents=True)
    clusters.mkdir()
    whole = json.loads(
        Path(
            kubeconfig(
                clusters,
                {"server": "http://127.0.0.1:1"},
                {
                    "exec": {
                        "apiVersion": "client.authentication.k8s.io/v1",
                        "command": "bin/plugin",
                        "interactiveMode": "Never",
                    }
                },
            )
        ).read_text()
    )
    (users / "config").write_text(json.dumps({key: whole[key] for key in ("apiVersion", "kind", "users")}))
    (clusters / "config").write_text(json.dumps({key: whole[key] for key in whole if key != "users"}))
    said = {"kind": "ExecCredential", "apiVersion": whole["users"][0]["user"]["exec"]["apiVersion"]}
    plugin = users / "bin" / "plugin"
    plugin.write_text(f"#!/bin/sh\necho '{json.dumps({**said, 'status': {'token': 'beside'}})}'\n")
    plugin.chmod(0o755)

    credentials = Credentials(f"{clusters / 'config'}{os.pathsep}{users / 'config'}")

    assert credentials.headers() == {"Authorization": "Bearer beside"}
    credentials.close()


@pytest.mark.parametrize(
    ("cluster", "said"),
    [
        ({"server": "https://api.test:6443", "insecure-skip-tls-verify": True}, "is not verified"),
        ({"server": "http://api.test:8080"}, "without TLS"),
        ({"server": "http://10.0.0.1:8080"}, "without TLS"),
        ({"server": "http://127.0.0.1:8001"}, ""),
        ({"server": "http://[::1]:8001"}, ""),
        ({"server": "https://api.test:6443"}, ""),
    ],
)
def test_a_kubeconfig_by_which_anybody_can_pass_for_the_api_server_is_warned_of(
    cluster: dict[str, Any], said: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    Credentials(kubeconfig(tmp_path, cluster, {"token": "t"})).close()

    assert len(caplog.messages) == (1 if said else 0)
    assert all(said in message for message in caplog.messages)
