"""The guarded HTTP client against servers that misbehave in every way we know."""

from __future__ import annotations

import gzip
import ssl
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
import urllib3

from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.runtime.http.client import HttpClient
from secrets_manager.runtime.http.messages import Request
from secrets_manager.runtime.http.transport_errors import (
    Interrupted,
    TimedOut,
    TlsFailed,
    TransportError,
    Unreachable,
    UnusableReply,
)
from secrets_manager.runtime.terms import Deadline
from tests.testbed.pki import Authority
from tests.unit.runtime.loopback import (
    Connection,
    Loopback,
    Received,
    each_request,
    refused_port,
    silent_listener,
)

_HEAD = b"HTTP/1.1 200 OK\r\n"


def make_client(*, ca_file: Path | None = None, max_bytes: int = 10_000) -> HttpClient:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    return HttpClient(urllib3.PoolManager(ssl_context=context), Watchdog(), max_bytes=max_bytes)


def get(url: str, *, timeout: float = 5.0) -> Request:
    return Request(method="GET", url=url, deadline=Deadline.within(timeout))


def test_a_reply_comes_whole_with_its_status_and_headers() -> None:
    with Loopback(each_request(lambda c, _: c.reply(503, b"later", Retry_After="7"))) as server:
        reply = make_client().call(get(server.url))

    assert (reply.status, reply.body, reply.headers["retry-after"]) == (503, b"later", "7")


def test_a_reply_shows_neither_its_body_nor_its_headers() -> None:
    with Loopback(
        each_request(lambda c, _: c.reply(200, b"canary-body", X_Canary="canary-header"))
    ) as server:
        reply = make_client().call(get(server.url))

    assert "canary" not in repr(reply)


def test_a_request_shows_neither_its_body_nor_its_headers() -> None:
    request = Request(
        method="POST", url="http://x", headers={"a": "canary"}, body=b"canary", deadline=Deadline.within(1)
    )

    assert "canary" not in repr(request)


def test_connections_are_used_again() -> None:
    with Loopback(each_request(lambda c, _: c.reply(200, b"{}"))) as server:
        client = make_client()
        for _ in range(3):
            client.call(get(server.url))

        assert (server.connections, len(server.seen)) == (1, 3)


def test_a_path_is_sent_as_it_was_encoded() -> None:
    with Loopback(each_request(lambda c, _: c.reply(200))) as server:
        make_client().call(get(f"{server.url}/v1/a%20b%2Bc%3Fd%23e%252f%C3%A9"))

    assert server.seen[0].target == "/v1/a%20b%2Bc%3Fd%23e%252f%C3%A9"


@pytest.mark.parametrize("status", [301, 307, 308])
def test_redirects_are_handed_to_the_caller(status: int) -> None:
    with Loopback(each_request(lambda c, _: c.reply(status, Location="http://127.0.0.1:1/"))) as server:
        assert make_client().call(get(server.url)).status == status


def drip_headers(connection: Connection) -> None:
    connection.receive()
    connection.send(_HEAD)
    connection.drip(b"X-More: yes\r\n")


def drip_body(connection: Connection) -> None:
    connection.receive()
    connection.send(_HEAD + b"Content-Length: 10000\r\n\r\n")
    connection.drip(b"x")


def drip_chunks(connection: Connection) -> None:
    connection.receive()
    connection.send(_HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    connection.drip(b"1\r\nx\r\n")


def say_nothing(connection: Connection) -> None:
    connection.receive()
    connection.hang()


@pytest.mark.parametrize("script", [drip_headers, drip_body, drip_chunks, say_nothing])
def test_a_slow_server_is_left_when_the_time_is_up(script: Callable[[Connection], None]) -> None:
    # Without the watchdog each byte would start the timeout again, and the test would run into pytest's.
    with Loopback(script) as server, pytest.raises(TimedOut):
        make_client().call(get(server.url, timeout=0.2))


@pytest.mark.parametrize("script", [drip_headers, drip_body, say_nothing])
def test_a_slow_server_behind_tls_is_left_when_the_time_is_up(
    script: Callable[[Connection], None], authority: Authority
) -> None:
    with Loopback(script, tls=authority.issue("127.0.0.1")) as server, pytest.raises(TimedOut):
        make_client(ca_file=authority.ca_file).call(get(server.url, timeout=0.2))


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_server_that_takes_no_more_of_a_body_is_left_when_the_time_is_up(
    scheme: str, authority: Authority
) -> None:
    tls = authority.issue("127.0.0.1") if scheme == "https" else None
    # More than there is room for on the way.
    body = bytes(32 * 1024 * 1024)
    client = make_client(ca_file=authority.ca_file)
    with Loopback(lambda connection: connection.hang(), tls=tls) as server, pytest.raises(TimedOut):
        client.call(Request(method="POST", url=server.url, body=body, deadline=Deadline.within(0.2)))


def test_a_server_that_never_answers_the_tls_handshake_is_left_when_the_time_is_up() -> None:
    with silent_listener() as port, pytest.raises(TransportError) as caught:
        make_client().call(get(f"https://127.0.0.1:{port}", timeout=0.2))

    assert isinstance(caught.value, (TimedOut, Unreachable))


def test_a_server_that_drips_the_tls_handshake_is_left_when_the_time_is_up() -> None:
    def drip_handshake(connection: Connection) -> None:
        # The head of a handshake record that announces more than ever comes.
        connection.send(b"\x16\x03\x03\x3f\xff")
        connection.drip(b"\x02")

    with Loopback(drip_handshake) as server, pytest.raises(TimedOut):
        make_client().call(get(f"https://127.0.0.1:{server.port}", timeout=0.2))


def test_a_proxy_that_drips_its_answer_is_left_when_the_time_is_up() -> None:
    with Loopback(drip_headers) as proxy:
        client = HttpClient(urllib3.ProxyManager(proxy.url), Watchdog())
        with pytest.raises(TimedOut):
            client.call(get("https://vault.test", timeout=0.2))

        assert proxy.seen[0].method == "CONNECT"


@pytest.mark.parametrize(
    "sent", [_HEAD + b"Content-Length: 100\r\n\r\nhalf", b"SSH-2.0-OpenSSH\r\n\r\n"], ids=["half", "no HTTP"]
)
def test_what_is_half_a_reply_or_not_http_is_no_reply(sent: bytes) -> None:
    def babble(connection: Connection) -> None:
        connection.receive()
        connection.send(sent)

    with Loopback(babble) as server, pytest.raises(Interrupted):
        make_client().call(get(server.url))


def test_a_refused_connection_differs_from_a_broken_connection() -> None:
    with pytest.raises(Unreachable, match="no connection"):
        make_client().call(get(f"http://127.0.0.1:{refused_port()}"))


def test_a_name_that_does_not_resolve_is_unreachable() -> None:
    with pytest.raises(Unreachable):
        make_client().call(get("http://nowhere.invalid"))


def test_the_text_of_a_fault_is_the_same_each_time() -> None:
    texts = set()
    for _ in range(2):
        with pytest.raises(Unreachable) as caught:
            make_client().call(get(f"http://127.0.0.1:{refused_port()}"))
        texts.add(str(caught.value))

    assert len(texts) == 1


@pytest.mark.parametrize("size", [10_001, 1_000_000])
def test_a_reply_above_the_cap_is_refused(size: int) -> None:
    with (
        Loopback(each_request(lambda c, _: c.reply(200, b"x" * size))) as server,
        pytest.raises(UnusableReply, match="larger than 10000 bytes"),
    ):
        make_client().call(get(server.url))


def test_the_error_of_a_reply_that_is_too_large_does_not_keep_its_bytes() -> None:
    client = make_client(max_bytes=8_000_000)
    with (
        Loopback(each_request(lambda c, _: c.reply(200, b"x" * 9_000_000))) as server,
        pytest.raises(UnusableReply) as caught,
    ):
        client.call(get(server.url))

    error: BaseException | None = caught.value
    kept = 0
    while error is not None:
        frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
        kept += sum(_bytes_in(value) for frame in frames[1:] for value in frame.f_locals.values())
        error = error.__context__
    # A piece of a large reply may be left.
    assert kept <= 2 * 1024 * 1024


def _bytes_in(value: object) -> int:
    if isinstance(value, list):
        return sum(_bytes_in(each) for each in value)
    return len(value) if isinstance(value, bytes) else 0


def test_a_reply_of_exactly_the_cap_is_accepted() -> None:
    with Loopback(each_request(lambda c, _: c.reply(200, b"x" * 10_000))) as server:
        assert len(make_client().call(get(server.url)).body) == 10_000


def test_an_endless_chunked_reply_is_cut_at_the_cap() -> None:
    def pour(connection: Connection) -> None:
        connection.receive()
        connection.send(_HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        while True:
            connection.send(b"1000\r\n" + b"x" * 0x1000 + b"\r\n")

    with Loopback(pour) as server, pytest.raises(UnusableReply):
        make_client().call(get(server.url))


def test_a_compressed_reply_is_refused_unread() -> None:
    bomb = gzip.compress(bytes(50_000_000))
    with (
        Loopback(each_request(lambda c, _: c.reply(200, bomb, Content_Encoding="gzip"))) as server,
        pytest.raises(UnusableReply, match="compressed"),
    ):
        make_client().call(get(server.url))


def close_after_first(connection: Connection) -> None:
    """Answers the first request of the first connection, and closes when the second is under way."""
    connection.receive()
    connection.reply(200, b"first")
    if connection.number == 1:
        connection.receive()
        return
    connection.hang()


def test_a_get_on_a_connection_that_was_closed_meanwhile_is_sent_once_more() -> None:
    with Loopback(close_after_first) as server:
        client = make_client()
        client.call(get(server.url))

        assert client.call(get(server.url)).status == 200
        assert (server.connections, len(server.seen)) == (2, 3)


def test_a_post_on_a_connection_that_was_closed_meanwhile_is_not_repeated() -> None:
    with Loopback(close_after_first) as server:
        client = make_client()
        client.call(get(server.url))
        with pytest.raises(Interrupted):
            client.call(Request(method="POST", url=server.url, body=b"once", deadline=Deadline.within(5)))

        assert [each.method for each in server.seen] == ["GET", "POST"]


@pytest.mark.parametrize("method", ["GET", "PUT"])
@pytest.mark.parametrize("status", [429, 500, 503])
def test_no_status_is_retried(method: str, status: int) -> None:
    with Loopback(each_request(lambda c, _: c.reply(status, Retry_After="0"))) as server:
        make_client().call(Request(method=method, url=server.url, deadline=Deadline.within(5)))

        assert len(server.seen) == 1


@pytest.mark.parametrize(("name", "trusted"), [("127.0.0.1", False), ("other.test", True)])
def test_a_certificate_of_an_unknown_authority_or_for_another_name_is_not_accepted(
    authority: Authority, name: str, *, trusted: bool
) -> None:
    client = make_client(ca_file=authority.ca_file) if trusted else make_client()
    with (
        Loopback(each_request(lambda c, _: c.reply(200)), tls=authority.issue(name)) as server,
        pytest.raises(TlsFailed, match="certificate not accepted"),
    ):
        client.call(get(server.url))


def test_plain_http_spoken_to_a_tls_client_is_a_tls_fault() -> None:
    def plain(connection: Connection) -> None:
        connection.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        connection.hang()

    with Loopback(plain) as server, pytest.raises(TlsFailed, match="the TLS handshake failed"):
        make_client().call(get(f"https://127.0.0.1:{server.port}"))


def test_nothing_of_what_was_sent_is_in_a_fault() -> None:
    def cut(connection: Connection) -> None:
        connection.receive()

    with Loopback(cut) as server, pytest.raises(TransportError) as caught:
        make_client().call(
            Request(
                method="POST",
                url=server.url,
                headers={"X-Token": "canary"},
                body=b"canary",
                deadline=Deadline.within(5),
            )
        )

    assert "canary" not in f"{caught.value!r} {caught.value.__cause__!r}"
    assert caught.value.__suppress_context__


def test_a_header_that_cannot_be_sent_is_a_fault_without_its_value() -> None:
    with (
        Loopback(each_request(lambda c, _: c.reply(200))) as server,
        pytest.raises(TransportError) as caught,
    ):
        make_client().call(
            Request(
                method="GET", url=server.url, headers={"X-Token": "canary\nX: y"}, deadline=Deadline.within(5)
            )
        )

    assert "canary" not in str(caught.value)


def test_a_stream_gives_whole_lines_as_they_arrive() -> None:
    def stream(connection: Connection) -> None:
        connection.receive()
        connection.send(_HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        for piece in (b'{"a":1}\n{"b"', b":2}\n", b"cut off"):
            connection.send(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        connection.send(b"0\r\n\r\n")

    with Loopback(stream) as server, make_client().stream(get(server.url), idle_timeout=5) as opened:
        assert list(opened.lines()) == [b'{"a":1}', b'{"b":2}']


@pytest.mark.parametrize(
    ("broken", "error"), [(False, TimedOut), (True, Interrupted)], ids=["silent", "broken"]
)
def test_a_stream_that_falls_silent_or_breaks_gives_what_came_before(
    error: type[Exception], *, broken: bool
) -> None:
    def end(connection: Connection) -> None:
        connection.receive()
        connection.send(_HEAD + b"Transfer-Encoding: chunked\r\n\r\n4\r\nabc\n\r\n")
        if broken:
            connection.send(b"ff\r\n")
        else:
            connection.hang()

    idle = 30.0 if broken else 0.2
    with Loopback(end) as server, make_client().stream(get(server.url), idle_timeout=idle) as opened:
        lines = opened.lines()
        assert next(lines) == b"abc"
        with pytest.raises(error):
            next(lines)


def test_a_stream_outlives_the_time_for_its_headers() -> None:
    def later(connection: Connection) -> None:
        connection.receive()
        connection.send(_HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        connection.over.wait(0.6)
        connection.send(b"3\r\nok\n\r\n0\r\n\r\n")

    with (
        Loopback(later) as server,
        make_client().stream(get(server.url, timeout=0.3), idle_timeout=5) as opened,
    ):
        assert list(opened.lines()) == [b"ok"]


def test_an_endless_line_of_a_stream_is_refused() -> None:
    def endless(connection: Connection) -> None:
        connection.receive()
        connection.send(_HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        while True:
            connection.send(b"1000\r\n" + b"x" * 0x1000 + b"\r\n")

    with (
        Loopback(endless) as server,
        make_client().stream(get(server.url), idle_timeout=5) as opened,
        pytest.raises(UnusableReply, match="a line"),
    ):
        list(opened.lines(max_bytes=10_000))


def test_a_stream_that_drips_and_never_makes_a_line_whole_is_ended() -> None:
    def drip(connection: Connection) -> None:
        connection.receive()
        connection.send(_HEAD + b"Transfer-Encoding: chunked\r\n\r\n4\r\nabc\n\r\n")
        while not connection.over.wait(0.02):
            connection.send(b"1\r\nx\r\n")

    with Loopback(drip) as server, make_client().stream(get(server.url), idle_timeout=5) as opened:
        lines = opened.lines(line_timeout=0.3)
        assert next(lines) == b"abc"
        with pytest.raises(TimedOut, match="no line of the reply"):
            next(lines)


@pytest.mark.parametrize("blank", [b"\n", b"\r\n", b" \t\n"])
def test_a_stream_that_sends_blank_lines_for_ever_is_ended_in_time(blank: bytes) -> None:
    def drip(connection: Connection) -> None:
        connection.receive()
        connection.send(_HEAD + b"Transfer-Encoding: chunked\r\n\r\n4\r\nabc\n\r\n")
        while not connection.over.wait(0.02):
            connection.send(b"%x\r\n%b\r\n" % (len(blank), blank))

    with Loopback(drip) as server, make_client().stream(get(server.url), idle_timeout=5) as opened:
        lines = opened.lines(line_timeout=0.3)
        assert next(lines) == b"abc"
        with pytest.raises(TimedOut, match="complete in time"):
            next(lines)


def test_a_stream_that_floods_with_blank_lines_is_ended_at_once() -> None:
    def flood(connection: Connection) -> None:
        connection.receive()
        connection.send(_HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        while not connection.over.is_set():
            connection.send(b"400\r\n" + b"\n" * 1024 + b"\r\n")

    with (
        Loopback(flood) as server,
        make_client().stream(get(server.url), idle_timeout=5) as opened,
        pytest.raises(UnusableReply, match="says nothing"),
    ):
        next(opened.lines())


def test_some_blank_lines_between_others_are_passed_over() -> None:
    def talk(connection: Connection) -> None:
        connection.receive()
        body = b"a\n" + b"\n" * 900 + b"b\n" + b" \n" * 900 + b"c\n"
        connection.send(_HEAD + b"Content-Length: %d\r\n\r\n%b" % (len(body), body))

    with Loopback(talk) as server, make_client().stream(get(server.url), idle_timeout=5) as opened:
        assert list(opened.lines()) == [b"a", b"b", b"c"]


def test_the_body_of_a_stream_that_is_an_error_can_be_read_at_once() -> None:
    with (
        Loopback(each_request(lambda c, _: c.reply(410, b'{"code":410}'))) as server,
        make_client().stream(get(server.url), idle_timeout=5) as opened,
    ):
        assert (opened.status, opened.read_all(Deadline.within(5.0))) == (410, b'{"code":410}')


def test_a_call_that_ended_leaves_its_connection_alone_afterwards() -> None:
    def slow_second(connection: Connection, received: Received) -> None:
        if received.target == "/slow":
            time.sleep(0.5)
        connection.reply(200)

    with Loopback(each_request(slow_second)) as server:
        client = make_client()
        client.call(get(server.url, timeout=0.3))

        assert client.call(get(f"{server.url}/slow", timeout=5)).status == 200
        assert server.connections == 1
