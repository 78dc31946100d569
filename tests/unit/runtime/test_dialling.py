"""Connecting takes no longer than the call may, whatever name servers and addresses do."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import urllib3
from urllib3.connection import HTTPConnection
from urllib3.exceptions import ConnectTimeoutError

from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.runtime.dialling import DiallingConnection
from secrets_manager.runtime.http import HttpClient
from secrets_manager.runtime.messages import Request
from secrets_manager.runtime.transport_errors import TimedOut, TlsFailed, Unreachable
from tests.testbed.pki import Authority
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
    return Request(method="GET", url=url, timeout=timeout)


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
    assert [each.name for each in threading.enumerate()].count("name look-up") == 1
    answered.set()


def test_a_name_that_is_not_known_is_unreachable(looked_up: UseNames) -> None:
    def unknown(_host: str, _port: int) -> Found:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    looked_up(unknown)

    with pytest.raises(Unreachable):
        make_client().call(get("http://vault.test"))


def test_a_name_is_looked_up_anew_for_each_connection(looked_up: UseNames) -> None:
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
    """Each try to connect takes three seconds of a clock of its own."""

    def __init__(self, host: str) -> None:
        super().__init__(host, 80, timeout=3.0)
        self.now = 0.0
        self.allowed: list[object] = []

    def _new_conn(self) -> socket.socket:
        self.allowed.append(self.timeout)
        self.now += 3.0
        raise ConnectTimeoutError(self, "nobody there")


class Tried(DiallingConnection, NobodyThere):
    """Dials there."""


def test_all_addresses_together_have_the_time_of_the_call(looked_up: UseNames) -> None:
    looked_up(lambda _, port: [entry(f"127.0.0.{number}", port) for number in range(1, 11)])
    connection = Tried("vault.test")

    with Watchdog(clock=lambda: connection.now).guard(5.0), pytest.raises(ConnectTimeoutError):
        connection.connect()

    assert connection.allowed == [3.0, 2.0]
    assert (connection.host, connection.timeout) == ("vault.test", 3.0)
