"""A stream that was refused: its body is an error, and is read like any other reply."""

from __future__ import annotations

import pytest
import urllib3

from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.runtime.http.client import HttpClient
from secrets_manager.runtime.http.messages import Request
from secrets_manager.runtime.http.transport_errors import TimedOut
from secrets_manager.runtime.terms import Deadline
from tests.unit.runtime.loopback import Connection, Loopback, each_request


def client() -> HttpClient:
    return HttpClient(urllib3.PoolManager(), Watchdog())


def test_the_body_of_a_refusal_is_read_whole() -> None:
    with (
        Loopback(each_request(lambda c, _: c.reply(403, b"no"))) as server,
        client().stream(
            Request(method="GET", url=server.url, deadline=Deadline.within(20)), idle_timeout=60
        ) as opened,
    ):
        assert (opened.status, opened.read_all(Deadline.within(5.0))) == (403, b"no")


def test_a_refusal_that_drips_ends_in_the_time_of_the_call_not_of_the_stream() -> None:
    def drip(connection: Connection) -> None:
        connection.receive()
        connection.send(b"HTTP/1.1 403 No\r\nContent-Length: 1000000\r\n\r\n")
        connection.drip(b" ")

    with (
        Loopback(drip) as server,
        client().stream(
            Request(method="GET", url=server.url, deadline=Deadline.within(0.5)), idle_timeout=60
        ) as opened,
        pytest.raises(TimedOut),
    ):
        opened.read_all(Deadline.within(0.5))
