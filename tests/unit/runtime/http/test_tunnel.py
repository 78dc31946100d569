"""Servers behind a proxy: the request to the proxy, and the meaning of its answers."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable

import pytest
import urllib3
from urllib3.util import make_headers

from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.runtime.http.client import HttpClient
from secrets_manager.runtime.http.messages import Request
from secrets_manager.runtime.http.transport_errors import (
    MalformedReply,
    ProxyAnswered,
    TransportError,
    Unreachable,
)
from secrets_manager.runtime.http.tunnel import open_tunnel
from secrets_manager.runtime.terms import Deadline
from tests.testbed.pki import Authority
from tests.unit.runtime.loopback import Connection, Loopback, each_request, refused_port


def client_by(proxy: str, authority: Authority, **options: object) -> HttpClient:
    context = ssl.create_default_context(cafile=authority.ca_file)
    return HttpClient(urllib3.ProxyManager(proxy, ssl_context=context, **options), Watchdog())  # type: ignore[arg-type]


def get(url: str) -> Request:
    return Request(method="GET", url=url, headers={"X-Token": "canary"}, deadline=Deadline.within(5.0))


def answering(content: bytes) -> Callable[[Connection], None]:
    def answer(connection: Connection) -> None:
        connection.receive()
        connection.send(content)
        connection.hang()

    return answer


def passing_to(
    port: int, answer: bytes = b"HTTP/1.1 200 Connection established\r\n\r\n"
) -> Callable[[Connection], None]:
    """A proxy that connects every client to one port of this machine."""

    def copy(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(65536):
                target.sendall(piece)
            target.shutdown(socket.SHUT_WR)

    def proxy(connection: Connection) -> None:
        connection.receive()
        with socket.create_connection(("127.0.0.1", port)) as upstream:
            connection.send(answer)
            threading.Thread(target=copy, args=(upstream, connection.sock), daemon=True).start()
            copy(connection.sock, upstream)

    return proxy


@pytest.mark.parametrize("scheme", ["https", "HTTPS"])
def test_a_call_goes_through_and_the_connection_is_kept(authority: Authority, scheme: str) -> None:
    server = Loopback(
        each_request(lambda c, r: c.reply(200, r.target.encode())), tls=authority.issue("vault.test")
    )
    with server, Loopback(passing_to(server.port)) as proxy:
        client = client_by(proxy.url, authority)
        bodies = [client.call(get(f"{scheme}://vault.test:8200/{number}")).body for number in range(3)]

    assert bodies == [b"/0", b"/1", b"/2"]
    assert [(each.method, each.target) for each in proxy.seen] == [("CONNECT", "vault.test:8200")]
    assert proxy.seen[0].headers["host"] == "vault.test:8200"
    assert "x-token" not in proxy.seen[0].headers


def test_a_stream_goes_through(authority: Authority) -> None:
    server = Loopback(each_request(lambda c, _: c.reply(200, b"a\nb\n")), tls=authority.issue("vault.test"))
    with (
        server,
        Loopback(passing_to(server.port)) as proxy,
        client_by(proxy.url, authority).stream(get("https://vault.test/"), idle_timeout=5) as opened,
    ):
        assert list(opened.lines()) == [b"a", b"b"]


def test_the_proxys_own_credentials_go_to_the_proxy_alone(authority: Authority) -> None:
    server = Loopback(each_request(lambda c, _: c.reply(200)), tls=authority.issue("vault.test"))
    with server, Loopback(passing_to(server.port)) as proxy:
        headers = make_headers(proxy_basic_auth="user:pass")
        client_by(proxy.url, authority, proxy_headers=headers).call(get("https://vault.test/"))

    assert proxy.seen[0].headers["proxy-authorization"] == headers["proxy-authorization"]
    assert "proxy-authorization" not in server.seen[0].headers


def test_a_proxy_may_send_interim_replies(authority: Authority) -> None:
    server = Loopback(each_request(lambda c, _: c.reply(200, b"x")), tls=authority.issue("vault.test"))
    answer = b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 201 Fine\r\n\r\n"
    with server, Loopback(passing_to(server.port, answer)) as proxy:
        assert client_by(proxy.url, authority).call(get("https://vault.test/")).body == b"x"


@pytest.mark.parametrize("status", [199, 300, 400, 403, 404, 407, 429, 500, 502, 503, 504])
def test_a_proxy_that_answers_without_connecting_is_reported_with_its_status(
    status: int, authority: Authority
) -> None:
    content = f"HTTP/1.1 {status} canary\r\nX: canary\r\n\r\ncanary".encode()
    if status < 200:
        content += b"HTTP/1.1 502 canary\r\n\r\n"
    with (
        Loopback(answering(content)) as proxy,
        pytest.raises(TransportError) as caught,
    ):
        client_by(proxy.url, authority).call(get("https://vault.test/"))

    if status >= 200:
        assert isinstance(caught.value, ProxyAnswered)
        assert f"the proxy answered {status}" in str(caught.value)
    assert "canary" not in str(caught.value)
    assert "reached" not in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        b"HTTP/1.1 200 OK\r\n\r\nmore than that",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 200 OK\nX: y\n\n",
    ],
)
def test_a_proxy_that_does_not_speak_http_is_reported(content: bytes, authority: Authority) -> None:
    with Loopback(answering(content)) as proxy, pytest.raises(MalformedReply):
        client_by(proxy.url, authority).call(get("https://vault.test/"))


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_does_not_listen_cannot_be_reached(scheme: str, authority: Authority) -> None:
    client = client_by(f"http://127.0.0.1:{refused_port()}", authority)
    with pytest.raises(Unreachable, match="the proxy cannot be reached"):
        client.call(get(f"{scheme}://vault.test/"))


def test_a_server_without_tls_is_asked_of_the_proxy_by_its_whole_address(authority: Authority) -> None:
    with Loopback(each_request(lambda c, _: c.reply(200, b"x"))) as proxy:
        client = client_by(proxy.url, authority, proxy_headers=make_headers(proxy_basic_auth="user:pass"))
        client.call(get("http://vault.test:8200/v1/x?y=1"))

    assert (proxy.seen[0].target, proxy.seen[0].headers["host"]) == (
        "http://vault.test:8200/v1/x?y=1",
        "vault.test:8200",
    )
    assert "proxy-authorization" in proxy.seen[0].headers


@pytest.mark.parametrize(
    ("host", "headers"),
    [("a b", {}), ("a\r\nX: y", {}), ("a/b", {}), ("a", {"X": "1\r\nY: 2"}), ("a", {"X\n": "1"}), ("ä", {})],
)
def test_text_that_is_more_than_a_host_is_not_sent(host: str, headers: dict[str, str]) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        with pytest.raises(ValueError, match="is not allowed"):
            open_tunnel(ours, host, 443, headers)
        theirs.setblocking(False)
        with pytest.raises(BlockingIOError):
            theirs.recv(1)


def test_an_address_of_ipv6_stands_in_brackets() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        open_tunnel(ours, "::1", 6443, {})

        assert theirs.recv(1000) == b"CONNECT [::1]:6443 HTTP/1.1\r\nHost: [::1]:6443\r\n\r\n"
