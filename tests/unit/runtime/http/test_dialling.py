"""Connecting takes no longer than the call may, whatever name servers and addresses do."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3
from urllib3.connection import HTTPConnection
from urllib3.exceptions import ConnectTimeoutError

from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.runtime.http.client import HttpClient
from secrets_manager.runtime.http.dialling import DiallingConnection, NameService
from secrets_manager.runtime.http.messages import Request
from secrets_manager.runtime.http.transport_errors import (
    ProxyAnswered,
    TimedOut,
    TlsFailed,
    Unreachable,
)
from secrets_manager.runtime.terms import Deadline
from tests.builders import Clock
from tests.testbed.pki import Authority
from tests.testbed.waiting import wait_until
from tests.unit.runtime.loopback import Connection, Loopback, Received, each_request

Found = list[tuple[int, int, int, str, tuple[str, int]]]
UseNames = Callable[[Callable[[str, int], Found]], None]


def make_client(ca_file: Path | None = None) -> HttpClient:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    return HttpClient(urllib3.PoolManager(ssl_context=context), Watchdog())


@pytest.fixture
def looked_up(monkeypatch: pytest.MonkeyPatch) -> UseNames:
    """Put a name server of the test's in place of the machine's, for names that end in .test."""

    def use(answer: Callable[[str, int], Found]) -> None:
        real = socket.getaddrinfo

        def getaddrinfo(host: Any, port: Any, *rest: Any, **more: Any) -> Any:
            return answer(host, port) if str(host).endswith(".test") else real(host, port, *rest, **more)

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)

    return use


def entry(address: str, port: int) -> tuple[int, int, int, str, tuple[str, int]]:
    return (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))


def get(url: str, timeout: float = 5.0) -> Request:
    return Request(method="GET", url=url, deadline=Deadline.within(timeout))


def ok(connection: Connection, _: Received) -> None:
    connection.reply(200, b"ok")


def test_a_name_server_that_is_away_holds_a_call_no_longer_than_its_time(looked_up: UseNames) -> None:
    answered = threading.Event()

    def never(_host: str, _port: int) -> Found:
        answered.wait()
        return []

    looked_up(never)
    client, faults = make_client(), []

    def call() -> None:
        with pytest.raises((TimedOut, Unreachable)) as told:
            client.call(get("http://vault.test", timeout=0.3))
        faults.append(told.value)

    callers = [threading.Thread(target=call) for _ in range(5)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(20)

    assert len(faults) == 5
    # However many ask, and however often, a name holds one thread.
    assert _look_ups() == 1
    answered.set()


def test_a_look_up_that_hangs_for_ever_does_not_cut_a_host_off_for_ever(looked_up: UseNames) -> None:
    clock, back, hung = Clock(), threading.Event(), threading.Semaphore(1)

    def hang_once(_host: str, port: int) -> Found:
        if hung.acquire(blocking=False):
            back.wait(60)
        return [entry("127.0.0.1", port)]

    looked_up(hang_once)
    names = NameService(clock)
    for seconds in (0.0, 599.0):
        clock.now += seconds
        with pytest.raises(TimeoutError):
            names.addresses("vault.test", 1, 0.05)
    clock.now += 1.0

    assert names.addresses("vault.test", 1, 20) == ["127.0.0.1"]
    back.set()
    wait_until(lambda: _look_ups() == 0, what="the end of the one that hung")
    assert names.addresses("vault.test", 1, 20) == ["127.0.0.1"]


def test_a_look_up_that_hung_and_ends_leaves_the_next_one_in_its_place(looked_up: UseNames) -> None:
    clock, gates, asked = Clock(), [threading.Event() for _ in range(2)], threading.Semaphore(0)
    waiting = iter(gates)

    def wait(_host: str, port: int) -> Found:
        gate = next(waiting)
        asked.release()
        gate.wait(60)
        return [entry("127.0.0.1", port)]

    looked_up(wait)
    names = NameService(clock)
    for _ in gates:
        with pytest.raises(TimeoutError):
            names.addresses("vault.test", 1, 0.05)
        assert asked.acquire(timeout=20)
        clock.now += 600.0
    clock.now -= 1.0
    gates[0].set()
    wait_until(lambda: _look_ups() == 1, what="the end of the first")
    # Still the second: a third would find no gate.
    with pytest.raises(TimeoutError):
        names.addresses("vault.test", 1, 0.05)

    gates[1].set()
    wait_until(lambda: _look_ups() == 0, what="the end of the second")


def _look_ups() -> int:
    return [each.name for each in threading.enumerate()].count("name look-up")


def test_a_name_that_is_not_known_is_unreachable(looked_up: UseNames) -> None:
    def unknown(_host: str, _port: int) -> Found:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    looked_up(unknown)

    with pytest.raises(Unreachable):
        make_client().call(get("http://vault.test"))


def test_a_name_is_looked_up_again_for_each_connection(looked_up: UseNames) -> None:
    with Loopback(each_request(ok)) as server:
        answers = [[entry("127.0.0.9", server.port)], [entry("127.0.0.1", server.port)]]
        looked_up(lambda _host, _port: answers.pop(0))
        client = make_client()
        with pytest.raises(Unreachable):
            client.call(get(f"http://vault.test:{server.port}"))

        assert client.call(get(f"http://vault.test:{server.port}")).body == b"ok"


def test_of_several_addresses_one_that_answers_is_enough_and_the_name_stays_the_name(
    looked_up: UseNames,
) -> None:
    with Loopback(each_request(ok)) as server:
        looked_up(lambda _, port: [entry("127.0.0.9", port), entry("127.0.0.1", port)])

        assert make_client().call(get(f"http://vault.test:{server.port}")).body == b"ok"
        assert server.seen[0].headers["host"] == f"vault.test:{server.port}"


def test_a_certificate_is_held_against_the_name_and_not_the_address(
    looked_up: UseNames, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    client = make_client(authority.ca_file)
    looked_up(lambda _, port: [entry("127.0.0.1", port)])
    with Loopback(each_request(ok), tls=authority.issue("vault.test")) as right:
        assert client.call(get(f"https://vault.test:{right.port}")).body == b"ok"

    with (
        Loopback(each_request(ok), tls=authority.issue("127.0.0.1")) as wrong,
        pytest.raises(TlsFailed),
    ):
        client.call(get(f"https://vault.test:{wrong.port}"))


class NobodyThere(HTTPConnection):
    """Each try to connect takes a while of a clock of its own: ``takes`` says how much of what it may."""

    def __init__(self, host: str, takes: Callable[[float], float]) -> None:
        super().__init__(host, 80, timeout=3.0)
        self.now = 0.0
        self.allowed: list[float] = []
        self._takes = takes

    def _new_conn(self) -> socket.socket:
        assert isinstance(self.timeout, float)
        self.allowed.append(self.timeout)
        self.now += self._takes(self.timeout)
        raise ConnectTimeoutError(self, "nobody there")


class Tried(DiallingConnection, NobodyThere):
    """Dials there."""


def test_all_addresses_together_have_the_time_of_one_connect(looked_up: UseNames) -> None:
    looked_up(lambda _, port: [entry(f"127.0.0.{number}", port) for number in range(1, 4)])
    connection = Tried("vault.test", takes=lambda allowed: allowed)

    with (
        Watchdog().guard(Deadline.within(5.0, lambda: connection.now)),
        pytest.raises(ConnectTimeoutError),
    ):
        connection.connect()

    assert connection.allowed == pytest.approx([1.0, 1.0, 1.0])
    assert (connection.host, connection.timeout) == ("vault.test", 3.0)


def test_what_an_address_leaves_of_its_part_is_there_for_the_others(looked_up: UseNames) -> None:
    looked_up(lambda _, port: [entry(f"127.0.0.{number}", port) for number in range(1, 4)])
    connection = Tried("redial.test", takes=lambda _: 0.0)

    with (
        Watchdog().guard(Deadline.within(2.4, lambda: connection.now)),
        pytest.raises(ConnectTimeoutError),
    ):
        connection.connect()

    assert connection.allowed == pytest.approx([0.8, 1.2, 2.4])


@contextlib.contextmanager
def first_address(port: int, behaviour: str) -> Iterator[None]:
    """127.0.0.2 at ``port``: drops what comes, accepts and is silent, or accepts and closes."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.2", port))
        listener.listen(0 if behaviour == "drops" else 10)
        if behaviour == "drops":
            # A full backlog answers no further SYN.
            for _ in range(4):
                filler = stack.enter_context(socket.socket())
                filler.setblocking(False)
                filler.connect_ex(("127.0.0.2", port))
        if behaviour == "closes":
            closing = threading.Thread(target=close_each, args=(listener,), daemon=True)
            closing.start()
            stack.callback(closing.join, 10)
            stack.callback(listener.shutdown, socket.SHUT_RDWR)
        yield


def close_each(listener: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            listener.accept()[0].close()


def two_addresses(_host: str, port: int) -> Found:
    return [entry("127.0.0.2", port), entry("127.0.0.1", port)]


@pytest.mark.parametrize("behaviour", ["drops", "silent", "closes"])
def test_a_call_gets_past_an_address_at_which_no_tls_comes_about(
    looked_up: UseNames, tmp_path: Path, behaviour: str
) -> None:
    authority = Authority(tmp_path)
    client = make_client(authority.ca_file)
    looked_up(two_addresses)

    with (
        Loopback(each_request(ok), tls=authority.issue("vault.test")) as healthy,
        first_address(healthy.port, behaviour),
    ):
        assert client.call(get(f"https://vault.test:{healthy.port}", timeout=2.0)).body == b"ok"


def test_a_post_is_sent_to_one_address_only_and_the_next_call_begins_with_another(
    looked_up: UseNames,
) -> None:
    client = make_client()
    looked_up(two_addresses)
    with Loopback(each_request(ok)) as healthy, first_address(healthy.port, "silent"):
        url = f"http://vault.test:{healthy.port}"
        post = Request(method="POST", url=url, deadline=Deadline.within(0.3), body=b"once")
        with pytest.raises(TimedOut):
            client.call(post)
        assert healthy.seen == []

        assert client.call(get(url)).body == b"ok"


def test_a_stream_that_is_not_answered_makes_its_address_the_last(looked_up: UseNames) -> None:
    client = make_client()
    looked_up(two_addresses)
    with Loopback(each_request(ok)) as healthy, first_address(healthy.port, "silent"):
        url = f"http://vault.test:{healthy.port}"
        with pytest.raises(TimedOut), client.stream(get(url, timeout=0.3), idle_timeout=1.0):
            pass

        with client.stream(get(url), idle_timeout=1.0) as stream:
            assert stream.status == 200


def test_a_proxy_with_a_silent_address_is_reached_at_its_other_one(
    looked_up: UseNames, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(authority.ca_file)
    looked_up(two_addresses)

    def refuse(connection: Connection, _: Received) -> None:
        connection.reply(407)

    with Loopback(each_request(refuse)) as proxy, first_address(proxy.port, "silent"):
        pools = urllib3.ProxyManager(f"http://proxy.test:{proxy.port}", ssl_context=context)
        with pytest.raises(ProxyAnswered):
            HttpClient(pools, Watchdog()).call(get("https://vault.test", timeout=2.0))

    assert [each.method for each in proxy.seen] == ["CONNECT"]


def test_a_wrong_certificate_is_said_so_though_there_is_another_address(
    looked_up: UseNames, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    client = make_client(authority.ca_file)
    looked_up(lambda _, port: [entry("127.0.0.1", port), entry("127.0.0.2", port)])

    with (
        Loopback(each_request(ok), tls=authority.issue("other.test")) as wrong,
        pytest.raises(TlsFailed, match="certificate not accepted"),
    ):
        client.call(get(f"https://vault.test:{wrong.port}"))
