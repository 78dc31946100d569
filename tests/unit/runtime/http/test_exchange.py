"""One request and its reply: the bytes that are sent, and the parts of a reply that are trusted."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import cast

import pytest
import urllib3
from hypothesis import given
from hypothesis import strategies as st

from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.runtime.http.client import HttpClient
from secrets_manager.runtime.http.exchange import exchange, head_of
from secrets_manager.runtime.http.messages import Request
from secrets_manager.runtime.http.transport_errors import Interrupted, Unreachable, UnusableReply
from secrets_manager.runtime.terms import Deadline
from tests.testbed.pki import Authority
from tests.unit.runtime.loopback import Connection, Loopback, Received, each_request

CAP = 10_000
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
TOKENS = st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=10)
TEXTS = st.text(st.characters(max_codepoint=0xFF, exclude_categories=["Cc"]), max_size=20)


def request(
    method: str = "GET",
    url: str = "http://x/",
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
) -> Request:
    return Request(method=method, url=url, headers=headers or {}, body=body, deadline=Deadline.within(5.0))


def direct(_: Loopback) -> urllib3.PoolManager:
    return urllib3.PoolManager()


def by_proxy(server: Loopback) -> urllib3.PoolManager:
    return urllib3.ProxyManager(server.url)


both_ways = pytest.mark.parametrize("way", [direct, by_proxy])
Way = Callable[[Loopback], urllib3.PoolManager]


def client_of(pools: urllib3.PoolManager) -> HttpClient:
    return HttpClient(pools, Watchdog(), max_bytes=CAP)


def raw(content: bytes) -> Callable[[Connection], None]:
    """Answers the first request with these bytes and closes."""

    def answer(connection: Connection) -> None:
        connection.receive()
        connection.send(content)

    return answer


# ── what is sent ─────────────────────────────────────────────────────────────────────────────────────


@given(st.dictionaries(TOKENS, TEXTS, max_size=5), st.binary(max_size=20) | st.none())
def test_a_head_says_what_the_request_says(headers: dict[str, str], body: bytes | None) -> None:
    head = head_of(request("PUT", headers=headers, body=body), "vault:8200", "/v1/x?y=1")

    first, *lines, end, nothing = head.decode("latin-1").split("\r\n")
    ours = {"Host": "vault:8200", "Accept-Encoding": "identity", "Content-Length": str(len(body or b""))}
    assert (first, end, nothing) == ("PUT /v1/x?y=1 HTTP/1.1", "", "")
    assert sorted(lines) == sorted(f"{name}: {value}" for name, value in {**ours, **headers}.items())


@pytest.mark.parametrize(
    ("method", "body", "length"),
    [
        ("GET", None, None),
        ("DELETE", None, None),
        ("POST", None, "0"),
        ("PUT", b"", "0"),
        ("DELETE", b"{}", "2"),
    ],
)
def test_a_request_that_usually_has_a_body_states_its_length(
    method: str, body: bytes | None, length: str | None
) -> None:
    with Loopback(each_request(lambda c, _: c.reply(200))) as server:
        client_of(urllib3.PoolManager()).call(request(method, server.url, body=body))

    assert server.seen[0].headers.get("content-length") == length


@pytest.mark.parametrize("name", ["Content-Length", "content-length", "ACCEPT-ENCODING"])
def test_a_header_that_is_given_is_not_given_twice(name: str) -> None:
    head = head_of(request("POST", headers={name: "2"}, body=b"{}"), "x", "/").lower()

    assert head.count(name.lower().encode() + b": ") == 1


@pytest.mark.parametrize(
    ("headers", "target"),
    [
        ({"A": "canary\r\nEvil: 1"}, "/"),
        ({"A": "canary\nEvil: 1"}, "/"),
        ({"A": "canary\rEvil: 1"}, "/"),
        ({"canary\r\nEvil": "1"}, "/"),
        ({}, "/canary HTTP/1.1\r\nEvil: 1"),
        ({}, "/canary evil"),
        ({}, "/canary\x7f"),
        ({}, "/canary/\xe4"),
    ],
)
def test_text_that_would_be_read_as_several_headers_is_not_sent(headers: dict[str, str], target: str) -> None:
    with pytest.raises(ValueError, match="is not allowed") as caught:
        head_of(request(headers=headers), "x", target)

    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://127.0.0.1:{port}", "127.0.0.1:{port}"),
        ("http://localhost:{port}", "localhost:{port}"),
        ("http://someone@LOCALHOST:{port}", "localhost:{port}"),
    ],
)
def test_the_host_is_named_as_in_the_address(origin: str, host: str) -> None:
    with Loopback(each_request(lambda c, _: c.reply(200))) as server:
        client_of(urllib3.PoolManager()).call(request(url=origin.format(port=server.port) + "/path"))

    assert server.seen[0].headers["host"] == host.format(port=server.port)


def test_a_large_body_arrives_whole() -> None:
    body = bytes(range(256)) * 4096
    with Loopback(each_request(lambda c, _: c.reply(200))) as server:
        client_of(urllib3.PoolManager()).call(request("POST", server.url, body=body))

    assert server.seen[0].body == body


# ── what comes back ──────────────────────────────────────────────────────────────────────────────────


@both_ways
@pytest.mark.parametrize(
    ("reply", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody", b"body"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbodyand more", b"body"),
        (b"HTTP/1.0 200 OK\r\n\r\nbody", b"body"),
        (
            CHUNKED + b"2\r\nbo\r\n2;x=1\r\ndy\r\n0\r\n\r\n",
            b"body",
        ),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody", b"body"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b""),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n" + b"x" * CAP, b"x" * CAP),
    ],
)
def test_a_reply_is_read_to_its_end_and_no_further(way: Way, reply: bytes, body: bytes) -> None:
    with Loopback(raw(reply)) as server:
        assert client_of(way(server)).call(request(url=server.url)).body == body


@both_ways
@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"HTTP/1.1 200 OK",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nbody",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nbody",
        CHUNKED + b"4\r\nbody",
        CHUNKED + b"xyz\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
    ],
)
def test_half_a_reply_is_none(way: Way, reply: bytes) -> None:
    with Loopback(raw(reply)) as server, pytest.raises((Interrupted, Unreachable)):
        client_of(way(server)).call(request(url=server.url))


@both_ways
@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10001\r\n\r\n" + b"x" * (CAP + 1),
        b"HTTP/1.1 200 OK\r\nContent-Length: 9000000000\r\n\r\n" + b"x" * (CAP + 1),
        b"HTTP/1.0 200 OK\r\n\r\n" + b"x" * (CAP + 1),
        CHUNKED + b"2711\r\n" + b"x" * (CAP + 1) + b"\r\n0\r\n\r\n",
    ],
)
def test_more_than_the_cap_is_refused(way: Way, reply: bytes) -> None:
    with Loopback(raw(reply)) as server, pytest.raises(UnusableReply, match="larger than 10000 bytes"):
        client_of(way(server)).call(request(url=server.url))


@both_ways
def test_a_compressed_reply_is_refused_in_every_framing(way: Way) -> None:
    with (
        Loopback(each_request(lambda c, _: c.reply(200, b"x", Content_Encoding="gzip"))) as server,
        pytest.raises(UnusableReply, match="compressed"),
    ):
        client_of(way(server)).call(request(url=server.url))


@pytest.mark.parametrize("fault", [BrokenPipeError, ConnectionResetError])
def test_an_answer_that_comes_before_the_body_was_sent_is_heard(fault: type[OSError]) -> None:
    """A server may refuse a body by its length and close, and the rest of the body meets a closed port."""
    early = Refusing(fault, b"HTTP/1.1 413 Too Large\r\nConnection: close\r\n\r\nno")

    done = exchange(cast("socket.socket", early), request("POST"), b"", CAP)

    assert (done.reply.status, done.reply.body, done.reusable) == (413, b"no", False)


@pytest.mark.parametrize("fault", [BrokenPipeError, ConnectionResetError])
def test_a_request_that_could_not_be_sent_and_was_not_answered_is_an_error(fault: type[OSError]) -> None:
    with pytest.raises(ConnectionResetError):
        exchange(cast("socket.socket", Refusing(fault, b"")), request("POST"), b"", CAP)


class Refusing:
    """A socket on which nothing can be sent, and that holds what was received before."""

    def __init__(self, fault: type[OSError], received: bytes) -> None:
        self._fault = fault
        self._received = received

    def sendall(self, _: bytes) -> None:
        raise self._fault

    def recv(self, size: int) -> bytes:
        piece, self._received = self._received[:size], self._received[size:]
        return piece


# ── the connection afterwards ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("headers", [{"Connection": "close"}, {"Connection": "keep-alive, close"}])
def test_a_connection_that_the_server_will_close_is_not_used_again(headers: dict[str, str]) -> None:
    with Loopback(each_request(lambda c, _: c.reply(200, b"{}", **headers))) as server:
        client = client_of(urllib3.PoolManager())
        for _ in range(2):
            client.call(request(url=server.url))

        assert server.connections == 2


def test_a_connection_with_the_rest_of_a_reply_is_not_used_again() -> None:
    def too_much(connection: Connection, received: Received) -> None:
        connection.reply(200, b"x" * (CAP + 1) if received.target == "/large" else b"right")

    with Loopback(each_request(too_much)) as server:
        client = client_of(urllib3.PoolManager())
        with pytest.raises(UnusableReply):
            client.call(request(url=f"{server.url}/large"))

        assert client.call(request(url=f"{server.url}/small")).body == b"right"


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_get_on_a_connection_that_was_closed_in_that_moment_is_made_once_more(
    tmp_path: Path, scheme: str
) -> None:
    authority = Authority(tmp_path)
    context = ssl.create_default_context(cafile=authority.ca_file)
    pair = authority.issue("127.0.0.1") if scheme == "https" else None

    def close_on_the_second(connection: Connection) -> None:
        connection.receive()
        connection.reply(200, str(connection.number).encode())
        connection.receive()

    with Loopback(close_on_the_second, tls=pair) as server:
        client = client_of(urllib3.PoolManager(ssl_context=context))

        assert client.call(request(url=server.url)).body != client.call(request(url=server.url)).body
