"""Clients of every server are made alike: trust, names, proxies, caps, and files that are rotated."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

import pytest

from secrets_manager.domain.errors import ConfigError
from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.runtime.http.client import HttpClient
from secrets_manager.runtime.http.clients import ClientsByProxy, ConnectionOptions, RenewedClients, client_for
from secrets_manager.runtime.http.messages import Reply, Request
from secrets_manager.runtime.http.transport_errors import ReplyTooLarge, TlsFailed
from secrets_manager.runtime.http.trust import TlsFiles, tls_context
from secrets_manager.runtime.terms import Deadline
from secrets_manager.settings import ProxySettings
from tests.testbed.pki import Authority
from tests.unit.runtime.loopback import Loopback, each_request

WATCHDOG = Watchdog()


def files(trusted: Path) -> TlsFiles:
    return TlsFiles(ca_file=str(trusted), named={"ca_file": "x.ca-cert"})


def way_to(trusted: Path, *, server_name: str = "", max_bytes: int = 1000) -> ConnectionOptions:
    return ConnectionOptions(
        context=tls_context(files(trusted)), server_name=server_name, kept=1, max_bytes=max_bytes
    )


def get(url: str) -> Request:
    return Request(method="GET", url=url, deadline=Deadline.within(5.0))


class Asking:
    """Sends with the clients that it is given, and counts them."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.tries = 0

    def __call__(self, client: HttpClient) -> Reply:
        self.tries += 1
        return client.call(get(self.url))


class Rotated:
    """Clients whose file of trusted authorities changes."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "ca.pem"
        self.trust(Authority(folder / "old", "old"))
        self.told: list[ConfigError] = []
        self.clients = RenewedClients(
            files(self.file).paths,
            lambda: ClientsByProxy(way_to(self.file), WATCHDOG, ProxySettings()),
            self.told.append,
        )

    def trust(self, authority: Authority) -> None:
        self.file.write_bytes(authority.ca_file.read_bytes())


def test_a_call_that_fails_for_tls_is_made_again_only_with_newer_files(tmp_path: Path) -> None:
    rotated, new = Rotated(tmp_path), Authority(tmp_path / "new", "new")
    with Loopback(each_request(lambda c, _: c.reply(200, b"x")), tls=new.issue("127.0.0.1")) as server:
        first, second = Asking(server.url), Asking(server.url)
        with pytest.raises(TlsFailed):
            rotated.clients.send(server.url, first)
        rotated.trust(new)

        assert rotated.clients.send(server.url, second).body == b"x"
    assert (first.tries, second.tries) == (1, 2)


def test_files_that_cannot_be_used_are_reported_and_leave_the_clients_in_use(tmp_path: Path) -> None:
    rotated = Rotated(tmp_path)
    before = rotated.clients.of("https://vault.test")
    rotated.file.write_text("half")

    assert rotated.clients.refresh() is False
    assert rotated.clients.of("https://vault.test") is before
    assert len(rotated.told) == 1


def test_the_name_in_the_certificate_may_be_another_than_in_the_address(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    pair = authority.issue("vault.test")
    with Loopback(each_request(lambda c, _: c.reply(200, b"x")), tls=pair) as server:
        named = client_for(way_to(authority.ca_file, server_name="vault.test"), WATCHDOG)

        assert named.call(get(server.url)).body == b"x"
        with pytest.raises(TlsFailed):
            client_for(way_to(authority.ca_file), WATCHDOG).call(get(server.url))


def test_a_proxy_is_shown_the_credentials_of_its_address(tmp_path: Path) -> None:
    way = way_to(Authority(tmp_path).ca_file)
    with Loopback(each_request(lambda c, _: c.reply(200))) as proxy:
        client_for(way, WATCHDOG, f"http://me:pass@127.0.0.1:{proxy.port}").call(get("http://vault.test/x"))

    shown = proxy.seen[0].headers["proxy-authorization"]
    assert (proxy.seen[0].target, shown) == (
        "http://vault.test/x",
        f"Basic {b64encode(b'me:pass').decode()}",
    )


def test_each_address_has_the_client_of_its_proxy(tmp_path: Path) -> None:
    proxies = ProxySettings(http="one.test:1", https="two.test:2", no_proxy=("direct.test",))
    made = ClientsByProxy(way_to(Authority(tmp_path).ca_file), WATCHDOG, proxies)

    plain, tls = made.of("http://vault.test"), made.of("https://vault.test")
    direct = made.of("https://direct.test")
    assert len({plain, tls, direct}) == 3
    assert made.of("http://127.0.0.1") is direct


def test_a_call_may_have_another_cap_than_its_client(tmp_path: Path) -> None:
    client = client_for(way_to(Authority(tmp_path).ca_file, max_bytes=9), WATCHDOG)
    with Loopback(each_request(lambda c, _: c.reply(200, b"0123456789"))) as server:
        assert client.call(get(server.url), max_bytes=10).body == b"0123456789"
        with pytest.raises(ReplyTooLarge):
            client.call(get(server.url))
