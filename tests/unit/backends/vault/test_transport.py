"""Requests to Vault on real sockets: their bytes, the redirects that are followed, and trust."""

from __future__ import annotations

import base64
import datetime as dt
import logging
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from secrets_manager.backends.vault.adapter import open_client
from secrets_manager.backends.vault.faults import VaultRefused, from_status
from secrets_manager.backends.vault.transport import VaultCall, VaultTransport
from secrets_manager.domain.errors import (
    BackendThrottled,
    BackendTimeout,
    BackendTLS,
    BackendUnavailable,
    ConfigError,
)
from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.runtime.terms import Deadline, Terms
from secrets_manager.settings import ProxySettings, VaultSettings
from tests.builders import Clock
from tests.integration.api_client_support import mutual_tls
from tests.testbed.pki import Authority, KeyPair
from tests.unit.runtime.loopback import (
    Connection,
    Loopback,
    Received,
    Script,
    each_request,
    refused_port,
)

TOKEN = "s.canary"


def ok(connection: Connection, _: Received) -> None:
    connection.reply_json(200, {"data": {"a": "1"}})


def transport(url: str, **settings: Any) -> VaultTransport:
    return VaultTransport(VaultSettings(url=url, **settings), Watchdog(), connections=4)


def request(
    url: str, path: str = "/v1/secret/data/app", *, namespace: str = "", **settings: Any
) -> Mapping[str, Any]:
    client = open_client(transport(url, **settings), token=TOKEN, namespace=namespace, timeout=5)
    content: Mapping[str, Any] = client.adapter.request("GET", path)
    return content


def redirect(location: str, status: int = 307) -> Script:
    return each_request(lambda connection, _: connection.reply(status, Location=location))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("stranger"), "another CA")


# ── what is sent ─────────────────────────────────────────────────────────────────────────────────────


def test_every_call_carries_the_token_the_namespace_and_the_mark_of_a_vault_client() -> None:
    with Loopback(each_request(ok)) as server:
        assert request(server.url, namespace="team/a") == {"data": {"a": "1"}}

    headers = server.seen[0].headers
    assert headers["x-vault-token"] == TOKEN
    assert headers["x-vault-namespace"] == "team/a"
    assert headers["x-vault-request"] == "true"


def test_without_a_namespace_no_such_header_is_sent() -> None:
    with Loopback(each_request(ok)) as server:
        request(server.url)

    assert "x-vault-namespace" not in server.seen[0].headers


@pytest.mark.parametrize(
    ("suffix", "target"),
    [("", "/v1/a"), ("/", "/v1/a"), ("/behind/proxy", "/behind/proxy/v1/a"), ("/p//", "/p/v1/a")],
)
def test_the_address_may_carry_a_prefix_and_a_trailing_slash(suffix: str, target: str) -> None:
    with Loopback(each_request(ok)) as server:
        request(server.url + suffix, "/v1/a")

    assert server.seen[0].target == target


def test_the_environment_of_libraries_and_shells_is_ignored(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / ".vault-token").write_text("from-home")
    (home / ".netrc").write_text("machine 127.0.0.1 login user password from-netrc\n")
    for name, value in {
        "HOME": str(home),
        "VAULT_TOKEN": "from-environment",
        "VAULT_ADDR": "http://from-environment.invalid",
        "VAULT_NAMESPACE": "from-environment",
        "HTTP_PROXY": f"http://127.0.0.1:{refused_port()}",
        "http_proxy": f"http://127.0.0.1:{refused_port()}",
    }.items():
        monkeypatch.setenv(name, value)
    with Loopback(each_request(ok)) as server:
        open_client(transport(server.url), timeout=5).adapter.request("GET", "/v1/a")

    assert not {"x-vault-token", "authorization", "x-vault-namespace"} & set(server.seen[0].headers)


def test_a_login_is_sent_as_json_and_its_token_is_not_kept() -> None:
    with Loopback(each_request(lambda c, _: c.reply_json(200, {"auth": {"client_token": "t"}}))) as server:
        client = open_client(transport(server.url), timeout=5)
        client.auth.approle.login("role", "canary", use_token=False, mount_point="my approle")

    assert server.seen[0].method == "POST"
    assert server.seen[0].target == "/v1/auth/my%20approle/login"
    assert server.seen[0].body == b'{"role_id":"role","secret_id":"canary"}'
    assert not client.token


def test_an_adapter_can_name_the_token_of_a_login() -> None:
    adapter = open_client(transport("http://x.invalid"), timeout=5).adapter

    assert adapter.get_login_token({"auth": {"client_token": "t"}}) == "t"


# ── what comes back ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"<html>Welcome</html>"),
        (200, b""),
        (200, b"[]"),
        (200, b'"text"'),
        (200, b'{"data": '),
        (200, b"[" * 100_000),
        (200, b"\xff\xfe"),
        (301, b""),
        (403, b"<html>Forbidden</html>"),
        (404, b"not found"),
        (400, b"Client sent an HTTP request to an HTTPS server.\n"),
    ],
)
def test_a_reply_that_is_not_from_vault_is_refused(status: int, body: bytes) -> None:
    with (
        Loopback(each_request(lambda c, _: c.reply(status, body))) as server,
        pytest.raises(BackendUnavailable) as caught,
    ):
        request(server.url)

    assert "Welcome" not in caught.value.message


@pytest.mark.parametrize("status", [400, 403, 404, 405, 412, 429, 472, 473, 500, 502, 503, 504])
def test_a_status_is_kept_and_the_body_is_not_shown(status: int) -> None:
    body = {"errors": ["canary"]}
    with (
        Loopback(each_request(lambda c, _: c.reply_json(status, body))) as server,
        pytest.raises(VaultRefused) as caught,
    ):
        request(server.url)

    assert (caught.value.status, caught.value.reply) == (status, body)
    assert "canary" not in f"{caught.value} {caught.value!r}"


@pytest.mark.parametrize(
    ("header", "pause"),
    [("7", 7), ("0", 0), ("99999999999", 3600), ("-1", None), ("soon", None), ("1.5", None)],
)
def test_the_pause_that_vault_asks_for_is_kept(header: str, pause: float | None) -> None:
    with (
        Loopback(each_request(lambda c, _: c.reply(429, b"slow", Retry_After=header))) as server,
        pytest.raises(VaultRefused) as caught,
    ):
        request(server.url)

    fault = from_status(caught.value)
    assert isinstance(fault, BackendThrottled)
    assert fault.retry_after == pause


@pytest.mark.parametrize(
    ("headers", "pause"),
    [
        ({"X_RateLimit_Limit": "1", "X_RateLimit_Remaining": "0", "X_RateLimit_Reset": "19"}, 19),
        ({"X_RateLimit_Reset": "19", "Retry_After": "7"}, 7),
        ({"X_RateLimit_Reset": "99999999999"}, 3600),
        (
            {
                "Date": "Mon, 30 Nov 2026 00:36:48 GMT",
                "Retry_After": "Mon, 30 Nov 2026 00:36:58 UTC",
            },
            10,
        ),
        (
            {
                "Date": "Mon, 30 Nov 2026 00:36:48 GMT",
                "X_RateLimit_Reset": "Mon, 30 Nov 2026 00:36:58 UTC",
            },
            10,
        ),
        ({"X_RateLimit_Reset": "soon"}, None),
        ({"X_RateLimit_Limit": "1", "X_RateLimit_Remaining": "0"}, None),
    ],
    ids=["a reset", "both", "a far reset", "a date", "a reset by date", "nonsense", "no end"],
)
def test_the_end_of_a_quota_is_its_pause_where_vault_asks_for_none(
    headers: dict[str, str], pause: float | None
) -> None:
    with (
        Loopback(each_request(lambda c, _: c.reply_json(429, {"errors": ["quota"]}, **headers))) as server,
        pytest.raises(VaultRefused) as caught,
    ):
        request(server.url)

    assert from_status(caught.value).retry_after == pause


def test_the_end_of_a_quota_that_is_not_used_up_is_no_pause() -> None:
    answer = {"errors": ["x"]}
    with (
        Loopback(each_request(lambda c, _: c.reply_json(503, answer, X_RateLimit_Reset="19"))) as server,
        pytest.raises(VaultRefused) as caught,
    ):
        request(server.url)

    assert caught.value.retry_after is None


def test_an_empty_success_is_an_empty_map() -> None:
    with Loopback(each_request(lambda c, _: c.reply(204))) as server:
        assert request(server.url) == {}


def test_no_connection_is_a_fault_that_names_no_address() -> None:
    port = refused_port()
    with pytest.raises(BackendUnavailable, match="cannot be reached") as caught:
        request(f"http://127.0.0.1:{port}")

    assert str(port) not in caught.value.message


# ── redirects ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_to_another_port_is_followed_with_body_and_token(status: int) -> None:
    call = VaultCall(
        method="POST",
        path="/v1/auth/approle/login",
        headers={"X-Vault-Token": TOKEN},
        body=b'{"role_id":"r"}',
        terms=Terms.within(5),
    )
    with (
        Loopback(each_request(ok)) as active,
        Loopback(redirect(f"{active.url}/v1/auth/approle/login", status)) as standby,
    ):
        transport(standby.url).send(call)

    assert (active.seen[0].method, active.seen[0].target) == ("POST", "/v1/auth/approle/login")
    assert active.seen[0].body == b'{"role_id":"r"}'
    assert active.seen[0].headers["x-vault-token"] == TOKEN


def test_a_redirect_to_another_host_gets_neither_token_nor_request() -> None:
    with (
        Loopback(each_request(ok)) as other,
        Loopback(redirect(f"http://localhost:{other.port}/v1/a")) as server,
        pytest.raises(BackendUnavailable, match="another host"),
    ):
        request(server.url)

    assert other.connections == 0


def test_a_redirect_to_a_host_of_the_list_is_followed() -> None:
    with (
        Loopback(each_request(ok)) as other,
        Loopback(redirect(f"http://localhost:{other.port}/v1/a")) as server,
    ):
        assert request(server.url, redirect_hosts=("Localhost",)) == {"data": {"a": "1"}}


def test_a_circle_of_redirects_ends() -> None:
    with (
        Loopback(redirect("/v1/again")) as server,
        pytest.raises(BackendUnavailable, match="too many redirects"),
    ):
        request(server.url)

    assert len(server.seen) == 3


def test_redirects_share_the_time_of_the_call() -> None:
    clock = Clock()

    def redirect_late(connection: Connection, _: Received) -> None:
        clock.now += 6
        connection.reply(307, Location=f"{active.url}/v1/a")

    with Loopback(each_request(ok)) as active, Loopback(each_request(redirect_late)) as standby:
        client = VaultTransport(VaultSettings(url=standby.url), Watchdog(), connections=1)
        with pytest.raises(BackendTimeout):
            client.send(
                VaultCall(method="GET", path="/v1/a", terms=Terms(deadline=Deadline.within(5, clock)))
            )

    assert active.connections == 0


# ── TLS ──────────────────────────────────────────────────────────────────────────────────────────────


def tls_server(authority: Authority, *hosts: str) -> Loopback:
    return Loopback(each_request(ok), tls=authority.issue(*(hosts or ("127.0.0.1",))))


def test_a_file_of_authorities_is_trusted(authority: Authority) -> None:
    with tls_server(authority) as server:
        assert request(server.url, ca_cert=str(authority.ca_file))


def test_a_file_with_comments_in_any_language_is_trusted(authority: Authority, tmp_path: Path) -> None:
    commented = tmp_path / "ca.pem"
    commented.write_text(f"# Tanúsítványkiadó\n{authority.ca_file.read_text()}", encoding="utf-8")
    with tls_server(authority) as server:
        assert request(server.url, ca_cert=str(commented))


def test_every_file_of_a_folder_is_trusted_whatever_its_name(
    authority: Authority, stranger: Authority, tmp_path: Path
) -> None:
    shutil.copy(stranger.ca_file, tmp_path / "a.txt")
    (tmp_path / "deeper").mkdir()
    shutil.copy(authority.ca_file, tmp_path / "deeper" / "b")
    (tmp_path / "README").write_text("not a certificate")
    with tls_server(authority) as server:
        assert request(server.url, ca_path=str(tmp_path))


def test_the_file_wins_over_the_folder(authority: Authority, stranger: Authority, tmp_path: Path) -> None:
    shutil.copy(authority.ca_file, tmp_path)
    with tls_server(authority) as server, pytest.raises(BackendTLS):
        request(server.url, ca_cert=str(stranger.ca_file), ca_path=str(tmp_path))


def test_the_servers_own_certificate_may_be_the_authority(authority: Authority) -> None:
    pair = authority.issue("127.0.0.1")
    with Loopback(each_request(ok), tls=pair) as server:
        assert request(server.url, ca_cert=str(pair.certificate))


@pytest.mark.parametrize("skip", ["", "nonsense"])
def test_an_unknown_authority_is_not_trusted(authority: Authority, stranger: Authority, skip: str) -> None:
    with tls_server(authority) as server, pytest.raises(BackendTLS, match="certificate not accepted"):
        request(server.url, ca_cert=str(stranger.ca_file), tls_server_name=skip)


def test_a_name_that_is_not_in_the_certificate_is_not_trusted(authority: Authority) -> None:
    with tls_server(authority, "vault.test") as server, pytest.raises(BackendTLS):
        request(server.url, ca_cert=str(authority.ca_file))


def test_an_expired_certificate_is_not_trusted(authority: Authority) -> None:
    pair = authority.issue("127.0.0.1", valid_for=-dt.timedelta(hours=1))
    with (
        Loopback(each_request(ok), tls=pair) as server,
        pytest.raises(BackendTLS, match="expired"),
    ):
        request(server.url, ca_cert=str(authority.ca_file))


def test_another_server_name_can_be_expected(authority: Authority) -> None:
    with tls_server(authority, "vault.test") as server:
        assert request(server.url, ca_cert=str(authority.ca_file), tls_server_name="vault.test")


def test_verification_can_be_switched_off_and_is_then_warned_of(
    authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    with tls_server(authority, "vault.test") as server, caplog.at_level(logging.WARNING):
        assert request(server.url, skip_verify=True)

    assert [record.message for record in caplog.records] == [
        "Vault's certificate is NOT verified, as vault.skip-verify says"
    ]


def test_a_client_certificate_is_shown(authority: Authority) -> None:
    pair = authority.issue("client.test")
    with tls_server(authority) as server:
        assert request(
            server.url,
            ca_cert=str(authority.ca_file),
            client_cert=str(pair.certificate),
            client_key=str(pair.key),
        )


def test_a_replaced_authority_is_trusted_without_a_restart(
    authority: Authority, stranger: Authority, tmp_path: Path
) -> None:
    ca_file = tmp_path / "ca.pem"
    shutil.copy(stranger.ca_file, ca_file)
    with tls_server(authority) as server:
        client = transport(server.url, ca_cert=str(ca_file))
        call = VaultCall(method="GET", path="/v1/a", terms=Terms.within(5))
        with pytest.raises(BackendTLS):
            client.send(call)
        shutil.copy(authority.ca_file, tmp_path / "new")
        (tmp_path / "new").rename(ca_file)

        assert client.send(call).status == 200
        assert not client.refresh()


def test_a_half_written_authority_leaves_the_old_authority_in_use(
    authority: Authority, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ca_file = tmp_path / "ca.pem"
    shutil.copy(authority.ca_file, ca_file)
    with tls_server(authority) as server:
        client = transport(server.url, ca_cert=str(ca_file))
        ca_file.write_text("-----BEGIN CERTIFICATE-----\nMIIB")

        assert not client.refresh()
        assert client.send(VaultCall(method="GET", path="/v1/a", terms=Terms.within(5))).status == 200
    assert "new TLS files cannot be used; the old ones stay in use" in caplog.text


@pytest.mark.parametrize("shape", ["file", "folder"])
def test_a_replaced_client_certificate_is_shown_to_a_vault_that_refuses_the_old(
    authority: Authority, tmp_path: Path, shape: str
) -> None:
    old, new = Authority(tmp_path / "old", "old clients"), Authority(tmp_path / "new", "new clients")
    shown = KeyPair(certificate=tmp_path / "tls.crt", key=tmp_path / "tls.key")
    trusted = tmp_path / "trusted"
    trusted.mkdir()
    shutil.copy(authority.ca_file, trusted / "any-name")
    place = {"ca_cert": str(authority.ca_file)} if shape == "file" else {"ca_path": str(trusted)}

    def show(pair: KeyPair) -> None:
        shutil.copy(pair.certificate, shown.certificate)
        shutil.copy(pair.key, shown.key)

    show(old.issue("client"))
    with mutual_tls(each_request(ok), authority.issue("127.0.0.1"), new) as server:
        client = transport(server.url, **place, client_cert=str(shown.certificate), client_key=str(shown.key))
        call = VaultCall(method="GET", path="/v1/a", terms=Terms.within(5))
        with pytest.raises((BackendTLS, BackendUnavailable)):
            client.send(call)
        show(new.issue("client"))
        client.refresh()

        assert client.send(call).status == 200


def test_a_proxy_that_refuses_is_reported_with_its_status() -> None:
    with Loopback(each_request(lambda c, _: c.reply(407))) as proxy:
        client = transport("https://vault.test:8200", proxy=ProxySettings(https=proxy.url))
        with pytest.raises(
            BackendUnavailable, match="Vault cannot be reached: the proxy answered 407 instead"
        ):
            client.send(VaultCall(method="GET", path="/v1/a", terms=Terms.within(5)))


def _encrypted(pair: KeyPair) -> Path:
    key = serialization.load_pem_private_key(pair.key.read_bytes(), None)
    secured = pair.key.with_suffix(".secured")
    secured.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"canary"),
        )
    )
    return secured


def _bad_settings(folder: Path, pair: KeyPair) -> dict[str, dict[str, str]]:
    text = folder / "text"
    text.write_text("no certificate")
    damaged = folder / "damaged"
    damaged.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    empty = folder / "empty"
    empty.mkdir()
    return {
        "missing file": {"ca_cert": str(folder / "none")},
        "no certificate": {"ca_cert": str(text)},
        "damaged": {"ca_cert": str(damaged)},
        "empty folder": {"ca_path": str(empty)},
        "missing folder": {"ca_path": str(folder / "none")},
        "no key": {"client_cert": str(pair.certificate), "client_key": str(text)},
        "an encrypted key": {"client_cert": str(pair.certificate), "client_key": str(_encrypted(pair))},
    }


@pytest.mark.parametrize(
    "case",
    [
        "missing file",
        "no certificate",
        "damaged",
        "empty folder",
        "missing folder",
        "no key",
        "an encrypted key",
    ],
)
def test_files_that_cannot_be_used_are_named_at_the_start(
    case: str, authority: Authority, tmp_path: Path
) -> None:
    settings = _bad_settings(tmp_path, authority.issue("client.test"))[case]
    with pytest.raises(ConfigError) as caught:
        transport("https://127.0.0.1", **settings)

    for name in settings.values():
        assert name in caught.value.message


# ── proxies ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_plain_request_goes_to_the_proxy_with_its_whole_address() -> None:
    with Loopback(each_request(ok)) as proxy:
        request(
            "http://vault.test:8200",
            proxy=ProxySettings(http=f"http://user:canary@127.0.0.1:{proxy.port}", https="http://x"),
        )

    assert proxy.seen[0].target == "http://vault.test:8200/v1/secret/data/app"
    credentials = base64.b64encode(b"user:canary").decode()
    assert proxy.seen[0].headers["proxy-authorization"] == f"Basic {credentials}"


def test_a_tls_request_asks_the_proxy_for_a_tunnel_and_shows_it_no_token() -> None:
    def refuse(connection: Connection) -> None:
        connection.receive()
        connection.reply(403)

    with Loopback(refuse) as proxy, pytest.raises(BackendUnavailable, match="proxy"):
        request("https://vault.test:8200", proxy=ProxySettings(https=proxy.url))

    assert (proxy.seen[0].method, proxy.seen[0].target) == ("CONNECT", "vault.test:8200")
    assert "x-vault-token" not in proxy.seen[0].headers


def test_a_host_of_no_proxy_is_reached_directly() -> None:
    with Loopback(each_request(ok)) as server:
        proxy = ProxySettings(http=f"http://127.0.0.1:{refused_port()}", no_proxy=("127.0.0.1",))
        assert request(server.url, proxy=proxy)


# ── pace ─────────────────────────────────────────────────────────────────────────────────────────────


def test_every_request_takes_a_turn() -> None:
    with Loopback(each_request(ok)) as server:
        clock = Clock()
        settings = VaultSettings(url=server.url, max_requests_per_second=3)
        calls = VaultTransport(settings, Watchdog(), connections=4, clock=clock)
        for path in ("/v1/auth/approle/login", "/v1/auth/token/lookup-self", "/v1/secret/data/app"):
            calls.send(VaultCall(method="GET", path=path, terms=Terms.within(0.3)))

        with pytest.raises(BackendThrottled, match="max-requests-per-second"):
            calls.send(VaultCall(method="GET", path="/v1/secret/data/app", terms=Terms.within(0.3)))
        assert len(server.seen) == 3
        clock.now += 1
        assert (
            calls.send(VaultCall(method="GET", path="/v1/secret/data/app", terms=Terms.within(0.3))).status
            == 200
        )
