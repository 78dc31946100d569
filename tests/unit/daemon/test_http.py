"""The endpoints, and clients of every kind."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from prometheus_client import CollectorRegistry, Counter
from prometheus_client.parser import text_string_to_metric_families

from secrets_manager.daemon.health import Check, Health
from secrets_manager.daemon.http import Endpoints, Server
from secrets_manager.domain.errors import ConfigError
from secrets_manager.settings import ListenAddress
from tests.testbed.waiting import wait_until

LOOPBACK = ListenAddress(host="127.0.0.1", port=0)


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
        self.server = Server(LOOPBACK, endpoints, request_seconds=request_seconds, poll_seconds=0.02)
        self.server.start()

    def _live(self) -> str | None:
        self.asked += 1
        self.go.wait(30)
        return None

    def ask(self, path: str, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=20)
        try:
            connection.request(method, path)
            reply = connection.getresponse()
            return reply.status, dict(reply.getheaders()), reply.read()
        finally:
            connection.close()

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
    assert headers["Content-Type"].startswith("text/plain; version=")
    assert [(each.name, each.labels, each.value) for each in samples] == [
        ("things_total", {"kind": "a"}, 3.0)
    ]


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


def test_the_server_does_not_tell_its_python(desk: Desk) -> None:
    assert "Python" not in desk.ask("/healthz")[1]["Server"]


def test_rubbish_is_answered_and_harms_nobody(desk: Desk) -> None:
    with desk.connect() as sock:
        sock.sendall(b"\x00\xff\r\n\r\n")
        assert b"400" in sock.recv(1000)

    assert desk.ask("/healthz")[0] == 200


def test_a_client_that_goes_away_harms_nobody(desk: Desk, capfd: pytest.CaptureFixture[str]) -> None:
    for _ in range(40):
        with desk.connect() as sock:
            sock.sendall(b"GET /metrics HTTP/1.1\r\n")

    assert desk.ask("/healthz")[0] == 200
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


def test_a_port_that_is_taken_is_a_fault_that_names_it_and_exits_1(desk: Desk) -> None:
    taken = ListenAddress(host="127.0.0.1", port=desk.server.port)

    with pytest.raises(ConfigError) as caught:
        Server(taken, Endpoints(CollectorRegistry(), Health()))
    assert caught.value.exit_code == 1
    assert caught.value.message == f"metrics-addr '127.0.0.1:{desk.server.port}': Address already in use"


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


def test_after_a_stop_nobody_listens(desk: Desk) -> None:
    assert desk.server.alive()
    port = desk.server.port
    desk.server.stop()

    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=20)
    wait_until(lambda: not desk.server.alive(), 20, "the thread to end")
