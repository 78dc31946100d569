"""A server that sends more than it announced, or answers twice: no call gets the answer of another."""

from __future__ import annotations

import ssl
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
import urllib3

from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.runtime.http.client import HttpClient
from secrets_manager.runtime.http.messages import Request
from secrets_manager.runtime.http.transport_errors import (
    MalformedReply,
    ReplyTooLarge,
    TimedOut,
    TransportError,
    UnusableReply,
)
from secrets_manager.runtime.terms import Deadline
from tests.testbed.pki import Authority
from tests.unit.runtime.loopback import Connection, Loopback, Received, each_request

OTHER = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nother"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

# What comes for the first call, and what of it is its answer: None where it is a fault.
SENT: dict[str, tuple[bytes, bytes | None]] = {
    "early hints": (b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" + OTHER, b"other"),
    "processing": (b"HTTP/1.1 102 Processing\r\n\r\n" + OTHER, b"other"),
    "continue twice": (b"HTTP/1.1 100 Continue\r\n\r\n" * 2 + OTHER, b"other"),
    "interim and two replies": (b"HTTP/1.1 103 Early Hints\r\n\r\n" + OTHER * 2, b"other"),
    "interim with a length": (b"HTTP/1.1 103 Early\r\nContent-Length: 5\r\n\r\n" + OTHER, None),
    "interim for ever": (b"HTTP/1.1 102 Processing\r\n\r\n" * 1000 + OTHER, None),
    "switching": (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n" + OTHER, None),
    "two replies": (OTHER * 2, b"other"),
    "line ends after it": (OTHER + b"\r\n", b"other"),
    "longer than it says": (OTHER + b"more", b"other"),
    "nothing and then something": (b"HTTP/1.1 204 No Content\r\n\r\n" + OTHER, b""),
    "nothing that has a length": (b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nother", b""),
    "not modified, with a body": (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nother", b""),
    "two lengths": (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 0\r\n\r\nother", None),
    "a list of lengths": (b"HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nother", None),
    "a signed length": (b"HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nother", None),
    "a negative length": (b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nother", None),
    "length and chunks": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        None,
    ),
    "another encoding": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", None),
    "chunks and more": (CHUNKED + b"5\r\nother\r\n0\r\n\r\n" + OTHER, b"other"),
    "a negative chunk": (CHUNKED + b"-5\r\nother\r\n0\r\n\r\n", None),
    "a chunk of hex": (CHUNKED + b"0x5\r\nother\r\n0\r\n\r\n", None),
    "a chunk longer than it says": (CHUNKED + b"4\r\nother\r\n0\r\n\r\n", None),
    "a chunk without a line end": (CHUNKED + b"5\r\notherXY0\r\n\r\n", None),
    "a bare line feed": (b"HTTP/1.1 200 OK\nContent-Length: 5\n\nother", None),
    "a bare carriage return": (b"HTTP/1.1 200 OK\r\nX: a\rContent-Length: 0\r\n\r\nother", None),
    "HTTP/1.0 that promises": (
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nother" + OTHER,
        b"other",
    ),
    "a folded length": (b"HTTP/1.1 200 OK\r\nContent-Length:\r\n 5\r\n\r\nother" + OTHER, b"other"),
}


@pytest.fixture(scope="module", params=["plain", "tls", "forwarded"])
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def client_for(server: Loopback, way: str, authority: Authority) -> HttpClient:
    context = ssl.create_default_context(cafile=authority.ca_file)
    pools: urllib3.PoolManager = urllib3.PoolManager(ssl_context=context)
    if way == "forwarded":
        pools = urllib3.ProxyManager(server.url)
    return HttpClient(pools, Watchdog(), max_bytes=10_000)


def get(url: str, *, timeout: float = 5.0, method: str = "GET") -> Request:
    return Request(method=method, url=url, deadline=Deadline.within(timeout))


@pytest.mark.parametrize("name", SENT)
def test_a_call_never_gets_bytes_of_the_previous_call(name: str, way: str, authority: Authority) -> None:
    sent, wanted = SENT[name]

    def answer(connection: Connection, received: Received) -> None:
        if received.target.endswith("/mine"):
            connection.reply(200, b"mine")
        else:
            connection.send(sent)

    pair = authority.issue("127.0.0.1") if way == "tls" else None
    with Loopback(each_request(answer), tls=pair) as server:
        client = client_for(server, way, authority)
        if wanted is None:
            with pytest.raises(MalformedReply):
                client.call(get(f"{server.url}/other", method="POST"))
        else:
            assert client.call(get(f"{server.url}/other", method="POST")).body == wanted
        assert [client.call(get(f"{server.url}/mine")).body for _ in range(2)] == [b"mine"] * 2
        assert server.connections == 2


def test_bytes_that_come_unasked_on_an_idle_connection_are_never_an_answer(authority: Authority) -> None:
    def answer_twice(connection: Connection, received: Received) -> None:
        connection.reply(200, received.target.encode())
        # After the reply, as a server that is out of step does; the client has seen the end of the first.
        connection.over.wait(0.1)
        connection.send(OTHER)
        told.append(1)

    told: list[int] = []
    with Loopback(each_request(answer_twice)) as server:
        client = client_for(server, "plain", authority)
        assert client.call(get(f"{server.url}/1")).body == b"/1"
        while not told:
            server._over.wait(0.01)
        assert client.call(get(f"{server.url}/2")).body == b"/2"


@pytest.mark.parametrize("size", [b"-1", b"-7fffffff", b"+1", b"1_0", b"", b"ffffffffffffffffffff"])
def test_no_byte_of_a_chunk_with_an_invalid_size_is_kept(size: bytes, authority: Authority) -> None:
    def pour(connection: Connection) -> None:
        connection.receive()
        connection.send(CHUNKED + size + b"\r\n")
        while True:
            connection.send(b"x" * 65536)

    with Loopback(pour) as server, pytest.raises(MalformedReply):
        client_for(server, "plain", authority).call(get(server.url))


def test_chunks_that_are_mostly_extensions_are_refused_long_before_the_cap(authority: Authority) -> None:
    chunk = b"1;" + b"x" * 1000 + b"\r\nx\r\n"
    sent = CHUNKED + chunk * 20 + b"0\r\n\r\n"
    with (
        Loopback(each_request(lambda c, _: c.send(sent))) as server,
        pytest.raises(MalformedReply, match="too much framing"),
    ):
        client_for(server, "plain", authority).call(get(server.url))


def endless(first: bytes, more: bytes) -> Iterator[bytes]:
    yield first
    while True:
        yield more


POURED = {
    "a body to the end": (b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536),
    "one large chunk": (CHUNKED + b"fffffff\r\n", b"x" * 65536),
    "many chunks": (CHUNKED, b"ffff\r\n" + b"x" * 65535 + b"\r\n"),
    "tiny chunks": (CHUNKED, b"1\r\nx\r\n" * 10_000),
    "extensions": (CHUNKED, b"1;" + b"x" * 4000 + b"\r\nx\r\n"),
    "one extension": (CHUNKED + b"1;", b"x" * 65536),
    "trailers": (CHUNKED + b"0\r\n", b"x: y\r\n" * 1000),
    "headers": (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 1000),
    "one header": (b"HTTP/1.1 200 OK\r\nX: ", b"x" * 65536),
    "a status line": (b"HTTP/1.1 200 ", b"x" * 65536),
    "interim replies": (b"", b"HTTP/1.1 102 Processing\r\n\r\n" * 1000),
    "no HTTP": (b"", b"x" * 65536),
}


@pytest.mark.parametrize("name", POURED)
def test_no_more_than_the_cap_and_a_head_is_kept_of_what_a_server_pours(
    name: str, authority: Authority
) -> None:
    first, more = POURED[name]

    def pour(connection: Connection) -> None:
        connection.receive()
        for piece in endless(first, more):
            connection.send(piece)

    with Loopback(pour) as server:
        client = client_for(server, "plain", authority)
        tracemalloc.start()
        try:
            with pytest.raises((MalformedReply, ReplyTooLarge)):
                client.call(get(server.url, timeout=20.0, method="PUT"))
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    # The server's own piece of up to 64 KiB is in it.
    assert peak < 1_000_000


@pytest.mark.parametrize(
    "name", ["interim for ever", "switching", "two lengths", "another encoding", "a bare line feed"]
)
def test_a_stream_is_opened_by_the_same_rules(name: str, authority: Authority) -> None:
    with Loopback(each_request(lambda c, _: c.send(SENT[name][0]))) as server:
        client = client_for(server, "plain", authority)
        with pytest.raises(MalformedReply), client.stream(get(server.url), idle_timeout=5):
            pass


def test_a_stream_after_an_interim_reply_is_the_final_reply(authority: Authority) -> None:
    sent = b"HTTP/1.1 103 Early\r\n\r\n" + CHUNKED + b"4\r\n{}\n1\r\n2\r\n2\n\r\n0\r\n\r\n"
    with (
        Loopback(each_request(lambda c, _: c.send(sent))) as server,
        client_for(server, "plain", authority).stream(get(server.url), idle_timeout=5) as opened,
    ):
        assert (opened.status, list(opened.lines())) == (200, [b"{}", b"12"])


@pytest.mark.parametrize("chunk", [b"-1\r\n", b"0x5\r\nother\r\n", b"5\r\notherwise\r\n", b"\r\n"])
def test_a_stream_with_a_bad_chunk_is_interrupted(chunk: bytes, authority: Authority) -> None:
    sent = CHUNKED + b"3\r\n{}\n\r\n" + chunk + b"x\n" * 1000
    with (
        Loopback(each_request(lambda c, _: c.send(sent))) as server,
        client_for(server, "plain", authority).stream(get(server.url), idle_timeout=5) as opened,
    ):
        lines = opened.lines()
        assert next(lines) == b"{}"
        with pytest.raises(MalformedReply):
            list(lines)


def test_the_connection_of_a_stream_is_not_used_again(authority: Authority) -> None:
    with Loopback(each_request(lambda c, r: c.reply(200, r.target.encode() + b"\n" + b"x" * 100))) as server:
        client = client_for(server, "plain", authority)
        with client.stream(get(f"{server.url}/stream"), idle_timeout=5) as opened:
            assert next(opened.lines()) == b"/stream"
        assert client.call(get(f"{server.url}/call")).body.startswith(b"/call")


def test_a_refused_stream_is_read_up_to_a_limit(authority: Authority) -> None:
    with (
        Loopback(each_request(lambda c, _: c.reply(500, b"x" * 1000))) as server,
        client_for(server, "plain", authority).stream(get(server.url), idle_timeout=5) as opened,
        pytest.raises(UnusableReply),
    ):
        opened.read_all(Deadline.within(5.0), limit=999)


@pytest.mark.parametrize(
    "head", [b"", b"HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 ", CHUNKED + b"1;", CHUNKED + b"0\r\n"]
)
def test_the_time_of_the_call_holds_for_every_part_of_a_reply(head: bytes, authority: Authority) -> None:
    def drip(connection: Connection) -> None:
        connection.receive()
        connection.send(head or b"HTTP/1.1 200 ")
        connection.drip(b"x")

    with Loopback(drip) as server, pytest.raises(TimedOut):
        client_for(server, "plain", authority).call(get(server.url, timeout=0.2))


def test_the_error_about_a_reply_quotes_no_part_of_the_reply(authority: Authority) -> None:
    sent = b"HTTP/1.1 200 canary\r\nX: canary\r\nContent-Length: canary\r\n\r\ncanary"
    with Loopback(each_request(lambda c, _: c.send(sent))) as server, pytest.raises(TransportError) as caught:
        client_for(server, "plain", authority).call(get(server.url))

    assert "canary" not in str(caught.value)


def test_a_client_that_is_closed_between_two_calls_goes_on(authority: Authority, tmp_path: Path) -> None:
    """As when its TLS files were replaced while a call was on its way to it."""
    with Loopback(each_request(lambda c, _: c.reply(200, b"x"))) as server:
        client = client_for(server, "plain", authority)
        client.call(get(server.url))
        remembered = dict(client._by_origin)
        client.close()
        # A thread that looked just before.
        client._by_origin.update(remembered)

        assert [client.call(get(server.url)).body for _ in range(2)] == [b"x"] * 2
