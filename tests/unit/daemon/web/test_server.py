"""The endpoints, and clients of every kind."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from prometheus_client import CollectorRegistry, Counter
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics_families
from prometheus_client.parser import text_string_to_metric_families

from secrets_manager.daemon.web.endpoints import Endpoints
from secrets_manager.daemon.web.health import Check, Health
from secrets_manager.daemon.web.server import HttpAnswer, HttpRequest, Server
from secrets_manager.domain.errors import ConfigError
from secrets_manager.settings.listening import ListenAddress
from tests.testbed.waiting import wait_until

LOOPBACK = ListenAddress(host="127.0.0.1", port=0)
HOUR = 3600.0


class Desk:
    """A server whose checks can be made to fail or to hang."""

    def __init__(self, *, request_seconds: float) -> None:
        self.why: str | None = None
        self.go = threading.Event()
        self.go.set()
        self.asked = 0
        registry = CollectorRegistry()
        self.counter = Counter("things", "Things.", ["kind"], registry=registry)
        health = Health(live=[Check("threads", self._live)], ready=[Check("backend", lambda: self.why)])
        endpoints = Endpoints(registry, health)
        self.server = Server(LOOPBACK, endpoints, request_seconds=request_seconds, poll_seconds=HOUR)
        self.server.start()

    def _live(self) -> str | None:
        self.asked += 1
        self.go.wait(30)
        return None

    def ask(self, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body; `headers` are written with underscores."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=20)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, headers=named)
            reply = connection.getresponse()
            return reply.status, dict(reply.getheaders()), reply.read()
        finally:
            connection.close()

    def answers(self, path: str) -> bool:
        """Whether it answers, and does not turn the client away."""
        try:
            return self.ask(path)[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.server.port), timeout=20)


@pytest.fixture
def desk() -> Iterator[Desk]:
    desk = Desk(request_seconds=1)
    yield desk
    desk.go.set()
    desk.server.stop()


def test_metrics_are_served_in_prometheus_form(desk: Desk) -> None:
    desk.counter.labels("a").inc(3)
    status, headers, body = desk.ask("/metrics")
    families = text_string_to_metric_families(body.decode())
    samples = [sample for family in families for sample in family.samples if "created" not in sample.name]

    assert status == 200
    assert headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert [(each.name, each.labels, each.value) for each in samples] == [
        ("things_total", {"kind": "a"}, 3.0)
    ]


def test_metrics_are_served_as_openmetrics_where_they_are_asked_for(desk: Desk) -> None:
    desk.counter.labels("a").inc(3)
    status, headers, body = desk.ask("/metrics", Accept="application/openmetrics-text; version=1.0.0")
    families = list(open_metrics_families(body.decode()))  # type: ignore[no-untyped-call]
    samples = [sample for family in families for sample in family.samples if "created" not in sample.name]

    assert (status, headers["Vary"]) == (200, "Accept, Accept-Encoding")
    assert headers["Content-Type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert [(each.name, each.labels, each.value) for each in samples] == [
        ("things_total", {"kind": "a"}, 3.0)
    ]
    assert body.endswith(b"# EOF\n")


def test_metrics_are_compressed_for_a_client_that_takes_that(desk: Desk) -> None:
    desk.counter.labels("a").inc(3)
    _, plain, text = desk.ask("/metrics", Accept_Encoding="gzip;q=0")
    _, headers, body = desk.ask("/metrics", Accept_Encoding="deflate, gzip;q=0.5")

    assert "Content-Encoding" not in plain
    assert (headers["Content-Encoding"], headers["Content-Length"]) == ("gzip", str(len(body)))
    assert gzip.decompress(body) == text


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes_are_the_same_text_whatever_a_client_accepts(desk: Desk, path: str) -> None:
    _, headers, body = desk.ask(path, Accept="application/openmetrics-text", Accept_Encoding="gzip")

    assert (body, headers["Content-Type"]) == (b"ok\n", "text/plain; charset=utf-8")
    assert "Content-Encoding" not in headers


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes_are_ok_while_the_checks_are(desk: Desk, path: str) -> None:
    status, headers, body = desk.ask(path)

    assert (status, body) == (200, b"ok\n")
    assert headers["Content-Type"] == "text/plain; charset=utf-8"


def test_a_failed_check_turns_its_probe_and_not_the_other(desk: Desk) -> None:
    desk.why = "not logged in yet"

    assert desk.ask("/readyz")[::2] == (503, b"[-]backend failed: not logged in yet\n")
    assert desk.ask("/healthz")[0] == 200


@pytest.mark.parametrize("path", ["/", "/healthz/", "/debug/pprof", "/metrics/x", "/../metrics", "*"])
def test_nothing_else_is_served(desk: Desk, path: str) -> None:
    assert desk.ask(path)[0] == 404


def test_a_query_is_of_no_matter(desk: Desk) -> None:
    assert desk.ask("/healthz?verbose=1")[0] == 200


def test_head_gives_the_headers_alone(desk: Desk) -> None:
    status, headers, body = desk.ask("/healthz", "HEAD")

    assert (status, headers["Content-Length"], body) == (200, "3", b"")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods_are_refused(desk: Desk, method: str) -> None:
    assert desk.ask("/metrics", method)[0] == 501


def test_the_server_does_not_show_its_python(desk: Desk) -> None:
    assert "Python" not in desk.ask("/healthz")[1]["Server"]


def test_a_malformed_request_is_answered_and_does_no_harm(desk: Desk) -> None:
    with desk.connect() as sock:
        sock.sendall(b"\x00\xff\r\n\r\n")
        assert b"400" in sock.recv(1000)

    assert desk.ask("/healthz")[0] == 200


def test_a_client_that_goes_away_does_no_harm(desk: Desk, capfd: pytest.CaptureFixture[str]) -> None:
    for _ in range(40):
        with desk.connect() as sock:
            sock.sendall(b"GET /metrics HTTP/1.1\r\n")

    # A client is turned away as long as threads of those before have not seen that they went.
    wait_until(lambda: desk.answers("/healthz"), 20, "an answer")
    assert capfd.readouterr() == ("", "")


@pytest.fixture
def patient() -> Iterator[Desk]:
    desk = Desk(request_seconds=60)
    yield desk
    desk.go.set()
    desk.server.stop()


def test_idle_clients_cannot_hold_more_than_their_places(patient: Desk) -> None:
    desk = patient
    desk.go.clear()
    before = threading.active_count()
    waiting = [desk.connect() for _ in range(40)]
    for sock in waiting:
        sock.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
    wait_until(lambda: desk.asked == 16, 20, "all places to be taken")
    turned_away = sum(closed(sock) for sock in waiting[16:])
    assert threading.active_count() - before <= 16 + 1
    desk.go.set()
    answered = sum(b"200" in sock.recv(1000) for sock in waiting[:16])
    for sock in waiting:
        sock.close()

    assert (turned_away, answered) == (24, 16)
    assert desk.ask("/healthz")[0] == 200


def closed(sock: socket.socket) -> bool:
    """Whether the server ends the connection without a word."""
    try:
        return sock.recv(1) == b""
    except ConnectionResetError:
        return True


def silence(sock: socket.socket) -> None:
    """Say nothing at all."""


def half_a_request(sock: socket.socket) -> None:
    sock.sendall(b"GET /metrics HT")


@pytest.mark.parametrize("client", [silence, half_a_request])
def test_a_client_that_does_not_go_on_is_let_go(desk: Desk, client: Callable[[socket.socket], None]) -> None:
    with desk.connect() as sock:
        client(sock)

        assert closed(sock)


def test_a_client_that_drips_is_let_go_too(desk: Desk) -> None:
    with desk.connect() as sock:
        gone = threading.Event()

        def drip() -> None:
            while not gone.wait(0.05):
                try:
                    sock.sendall(b"a")
                except OSError:
                    return

        dripping = threading.Thread(target=drip)
        dripping.start()
        assert closed(sock)
        gone.set()
        dripping.join(20)


LINE = b"x" * 60_000
HEADS = {
    "long lines": b"GET /healthz HTTP/1.1\r\nA: " + LINE + b"\r\n" + (b"B: " + LINE + b"\r\n") * 90 + b"\r\n",
    "many commas": b"GET /metrics HTTP/1.1\r\n" + (b"Accept: " + b",;" * 300 + b"\r\n") * 60 + b"\r\n",
    "one line below the bound too many": b"GET /healthz HTTP/1.1\r\n"
    + (b"A: " + b"x" * 8000 + b"\r\n") * 5
    + b"\r\n",
    "a path without end": b"GET /" + LINE + b" HTTP/1.1\r\n\r\n",
}


@pytest.mark.parametrize("how", HEADS)
def test_a_head_beyond_all_measure_is_not_read(desk: Desk, how: str) -> None:
    with desk.connect() as sock:
        with contextlib.suppress(ConnectionError):
            sock.sendall(HEADS[how])
        with contextlib.suppress(ConnectionError):
            assert sock.recv(100).split(b" ")[1:2] in ([], [b"431"])
    assert desk.asked == 0


def test_a_head_as_large_as_a_proxy_makes_is_read(desk: Desk) -> None:
    assert desk.ask("/healthz", Cookie="c" * 20_000, Authorization="a" * 8_000)[0] == 200


def test_a_port_that_is_taken_is_a_fault_that_names_it_and_exits_1(desk: Desk) -> None:
    taken = ListenAddress(host="127.0.0.1", port=desk.server.port)

    with pytest.raises(ConfigError) as caught:
        Server(taken, Endpoints(CollectorRegistry(), Health()))
    assert caught.value.exit_code == 1
    assert caught.value.message == f"metrics-addr '127.0.0.1:{desk.server.port}': Address already in use"


def test_a_process_that_starts_again_gets_the_port_on_which_clients_were_just_answered(desk: Desk) -> None:
    address = ListenAddress(host="127.0.0.1", port=desk.server.port)
    assert desk.ask("/healthz")[0] == 200
    desk.server.stop()

    again = Server(address, Endpoints(CollectorRegistry(), Health()))
    again.start()
    assert answers(again, socket.AF_INET, "127.0.0.1")
    again.stop()


def test_an_address_that_is_not_ours_is_a_fault() -> None:
    with pytest.raises(ConfigError, match=r"metrics-addr '192\.0\.2\.1:0'"):
        Server(ListenAddress(host="192.0.2.1", port=0), Endpoints(CollectorRegistry(), Health()))


def answers(server: Server, family: socket.AddressFamily, host: str) -> bool:
    """Whether the server is reached at that address."""
    with socket.socket(family) as sock:
        sock.settimeout(20)
        sock.connect((host, server.port))
        sock.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        return b"200" in sock.recv(1000)


def test_no_host_means_every_address_of_both_families() -> None:
    server = Server(ListenAddress(host="", port=0), Endpoints(CollectorRegistry(), Health()))
    server.start()
    reached = [answers(server, socket.AF_INET, "127.0.0.1")]
    if socket.has_dualstack_ipv6():
        reached.append(answers(server, socket.AF_INET6, "::1"))
    server.stop()

    assert all(reached)


def test_a_machine_without_ipv6_is_served_over_ipv4(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "has_dualstack_ipv6", lambda: False)
    server = Server(ListenAddress(host="", port=0), Endpoints(CollectorRegistry(), Health()))
    server.start()
    reached = answers(server, socket.AF_INET, "127.0.0.1")
    server.stop()

    assert reached


def test_after_a_stop_which_waits_for_no_poll_no_server_listens(desk: Desk) -> None:
    assert desk.server.alive()
    port = desk.server.port
    desk.server.stop()

    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=20)
    wait_until(lambda: not desk.server.alive(), 20, "the thread to end")


class Heavy(Endpoints):
    """Answers with more than any buffer between two sockets holds."""

    def answer(self, request: HttpRequest) -> HttpAnswer:
        assert request.target
        return HttpAnswer(200, "text/plain", b"x" * 2**25)


def test_clients_that_ask_and_never_read_hold_no_place_past_their_time() -> None:
    endpoints = Heavy(CollectorRegistry(), Health(live=[], ready=[]))
    server = Server(LOOPBACK, endpoints, request_seconds=0.5, poll_seconds=HOUR)
    server.start()
    before = threading.active_count()
    deaf = [socket.create_connection(("127.0.0.1", server.port), timeout=20) for _ in range(16)]
    try:
        for sock in deaf:
            sock.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        wait_until(lambda: threading.active_count() > before + 1, 20, "the places to be taken")
        # The watchdog of the server is the one thread that stays.
        wait_until(lambda: threading.active_count() <= before + 1, 20, "the places to be free again")
    finally:
        for sock in deaf:
            sock.close()
        server.stop()
