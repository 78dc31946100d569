"""Clients that mean harm: requests that no client makes, and twenty clients at once that never stop."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from prometheus_client import CollectorRegistry, Gauge

from secrets_manager.daemon.web.endpoints import Endpoints
from secrets_manager.daemon.web.health import Check, Health
from secrets_manager.daemon.web.server import Server
from secrets_manager.settings.listening import ListenAddress
from tests.testbed.waiting import wait_until

CLIENTS = 20
OURS = {
    "server",
    "date",
    "connection",
    "content-type",
    "content-length",
    "vary",
    "content-encoding",
    "x-content-type-options",
}
GOOD = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
REQUESTS = {
    "pipelined": GOOD * 500,
    "kept alive": b"GET /healthz HTTP/1.1\r\nConnection: keep-alive\r\nKeep-Alive: timeout=9999\r\n\r\n"
    + GOOD,
    "kept alive in 1.0": b"GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + GOOD,
    "a body that hides a request": b"GET /healthz HTTP/1.1\r\nContent-Length: 4\r\n\r\nabcd" + GOOD,
    "a body in chunks": b"GET /healthz HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + GOOD,
    "a body of an odd length": b"GET /healthz HTTP/1.1\r\nContent-Length: -1\r\n"
    b"Content-Length: 99999999999\r\n\r\n",
    "wait for it": b"GET /healthz HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n",
    "another protocol": b"GET /healthz HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c, websocket\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500) + b"\r\n\r\n",
    "HTTP/0.9": b"GET /healthz\r\n\r\n" + GOOD,
    "a version of many digits": b"GET /healthz HTTP/" + b"9" * 5000 + b".1\r\n\r\n",
    "a version in other digits": b"GET /healthz HTTP/1.\xb2\r\n\r\n",
    "a proxy's request": b"GET http://169.254.169.254/metrics HTTP/1.1\r\n\r\n",
    "a tunnel": b"CONNECT vault.test:8200 HTTP/1.1\r\n\r\n",
    "a method of Python's": b"__class__ /healthz HTTP/1.1\r\n\r\n",
    "a method with a line end": b"A\rSet-Cookie: / HTTP/1.1\r\n\r\n",
    "a method that is a page": b"<script>alert(1)</script> / HTTP/1.1\r\n\r\n",
    "a path with a line end": b"GET /healthz%0d%0aSet-Cookie:%20a=b HTTP/1.1\r\n\r\n",
    "a path with a bare return": b"GET /healthz\rSet-Cookie: HTTP/1.1\r\n\r\n",
    "a path with a NUL": b"GET /metrics\x00 HTTP/1.1\r\n\r\n",
    "a path upwards": b"GET /metrics/../../../proc/self/environ HTTP/1.1\r\n\r\n",
    "a path of a file": b"GET file:///proc/self/environ HTTP/1.1\r\n\r\n",
    "a folded header": b"GET /metrics HTTP/1.1\r\nAccept: a\r\n" + b" ,;q=1\r\n" * 80 + b"\r\n",
    "no header": b"GET /metrics HTTP/1.1\r\nneither\r\nnor\r\n\r\n",
    "a header that is a mail": b"GET /metrics HTTP/1.1\r\nContent-Type: multipart/mixed; boundary=x\r\n"
    b"Accept: =?utf-8?q?" + b"=41" * 5000 + b"?=\r\n\r\n--x\r\n",
    "an escaping of its own": b"GET /metrics HTTP/1.1\r\nAccept: application/openmetrics-text;version=1.0.0;"
    b"escaping=\xff\xfe\x85Set-Cookie\r\n\r\n",
    "weights without measure": b"GET /metrics HTTP/1.1\r\nAccept: */*;q=" + b"9" * 9000 + b"\r\n"
    b"Accept-Encoding: gzip;q=1e-999999999, gzip;q=nan\r\n\r\n",
    "nothing but blanks": b" " * 9000 + b"\r\n\r\n",
    "nothing but words": b"a " * 9000 + b"\r\n\r\n",
    "an empty line": b"\r\n" + GOOD,
}
# What comes first, and what comes then without end.
FLOODS = {
    "requests": (b"", GOOD),
    "headers": (b"GET /metrics HTTP/1.1\r\n", b"A: b\r\n"),
    "long headers": (b"GET /metrics HTTP/1.1\r\n", b"A: " + b"b" * 60_000 + b"\r\n"),
    "one header": (b"GET /metrics HTTP/1.1\r\nAccept: ", b"a,;" * 1000),
    "one header in folds": (b"GET /metrics HTTP/1.1\r\nAccept: a\r\n", b" b\r\n"),
    "one path": (b"GET /", b"a" * 1000),
    "blanks": (b"", b" " * 1000),
    "a body": (b"POST /metrics HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
}
MOST_BYTES = 8 * 2**20


def new_server(*, request_seconds: float) -> Server:
    registry = CollectorRegistry()
    gauge = Gauge("things", "Things.", ["kind"], registry=registry)
    for number in range(300):
        gauge.labels(str(number)).set(number)
    health = Health(live=[], ready=[Check("backend", lambda: "canary-4711")])
    address = ListenAddress(host="127.0.0.1", port=0)
    return Server(address, Endpoints(registry, health), request_seconds=request_seconds, poll_seconds=0.02)


@pytest.fixture
def server() -> Iterator[Server]:
    """So patient that what ends in it does not end by the time of a request."""
    made = new_server(request_seconds=600)
    made.start()
    yield made
    made.stop()


def told(server: Server, request: bytes) -> bytes:
    """All that the server says until it ends the connection."""
    said = b""
    with (
        socket.create_connection(("127.0.0.1", server.port), timeout=60) as sock,
        contextlib.suppress(ConnectionError),
    ):
        sock.sendall(request)
        while piece := sock.recv(65_536):
            said += piece
    return said


@pytest.mark.parametrize("how", REQUESTS)
def test_an_odd_request_gets_one_answer_at_most_with_headers_of_ours_alone(
    server: Server, how: str, capfd: pytest.CaptureFixture[str]
) -> None:
    said = told(server, REQUESTS[how])
    head, _, body = said.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")

    if said.startswith(b"HTTP/"):
        assert re.fullmatch(rb"HTTP/1\.0 (200|400|404|431|501|505) [ -~]*", lines[0])
        assert {line.partition(b":")[0].decode().lower() for line in lines[1:]} <= OURS
        assert b"\nHTTP/1" not in said
        assert b"Content-Encoding" in head or b"Traceback" not in body
    assert len(re.findall(rb"^ok$", said, re.MULTILINE)) <= 1
    assert b"canary-4711" not in said
    assert capfd.readouterr() == ("", "")
    assert told(server, GOOD).endswith(b"ok\n")


def poured(server: Server, start: bytes, piece: bytes) -> int:
    """How many bytes the server took before it ended the connection, of which nothing was read."""
    sent = 0
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        with contextlib.suppress(ConnectionError):
            sock.sendall(start)
            while sent < 2**30:
                sock.sendall(piece)
                sent += len(piece)
    return sent


@pytest.mark.parametrize("flood", FLOODS)
def test_twenty_clients_that_never_stop_are_ended_and_take_no_memory(server: Server, flood: str) -> None:
    before = threading.active_count()
    tracemalloc.start()
    try:
        with ThreadPoolExecutor(CLIENTS) as pool:
            ends = [pool.submit(poured, server, *FLOODS[flood]) for _ in range(CLIENTS)]
            taken = [end.result(120) for end in ends]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    # The kernel's own buffers take much more than the server ever reads.
    assert max(taken) < 2**30
    assert peak < MOST_BYTES
    # The watchdog of the server is the one thread that stays.
    wait_until(lambda: threading.active_count() <= before + 1, 20, "the places to be free again")
    assert told(server, GOOD).endswith(b"ok\n")


@pytest.mark.parametrize("flood", FLOODS)
def test_twenty_clients_that_drip_hold_no_place_past_their_time(flood: str) -> None:
    server = new_server(request_seconds=0.5)
    server.start()
    start, piece = FLOODS[flood]
    gone = threading.Event()

    def drip(sock: socket.socket) -> None:
        with contextlib.suppress(OSError):
            sock.sendall(start)
            for byte in piece * 1000:
                if gone.wait(0.05):
                    return
                sock.sendall(bytes([byte]))

    socks = [socket.create_connection(("127.0.0.1", server.port), timeout=60) for _ in range(CLIENTS)]
    with ThreadPoolExecutor(CLIENTS) as pool:
        try:
            for sock in socks:
                pool.submit(drip, sock)
            # All that were let in are still dripping when another gets its answer.
            wait_until(lambda: told(server, GOOD).endswith(b"ok\n"), 30, "a place to be free")
        finally:
            gone.set()
            for sock in socks:
                sock.close()
            server.stop()
