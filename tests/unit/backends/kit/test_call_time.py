"""One exchange of a call: what ends it, and what that says of the server."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import urllib3

from secrets_manager.backends.kit.call_time import timed_call
from secrets_manager.domain.errors import NoAnswerYet
from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.runtime.http.client import HttpClient
from secrets_manager.runtime.http.messages import Request
from secrets_manager.runtime.http.transport_errors import TransportError, Unreachable
from secrets_manager.runtime.terms import Deadline, Terms
from tests.testbed.processes import free_port

SHORT, LONG = 0.2, 30.0


@pytest.fixture
def no_names(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A name server that does not answer during the test."""
    over = threading.Event()

    def getaddrinfo(*_: Any, **__: Any) -> list[Any]:
        over.wait()
        return []

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    yield
    over.set()


def outcome(url: str, *, seconds: float, first_try: float) -> Exception:
    deadline = Deadline.within(seconds)
    client = HttpClient(urllib3.PoolManager(), Watchdog())
    with pytest.raises((TransportError, NoAnswerYet)) as caught:
        timed_call(
            client,
            Request(method="GET", url=url, deadline=deadline),
            Terms(deadline=deadline, first_try=first_try),
            1000,
        )
    return caught.value


@pytest.mark.usefixtures("no_names")
def test_a_connect_that_takes_longer_than_the_first_try_does_not_show_that_the_server_is_away() -> None:
    assert isinstance(outcome("http://vault.test", seconds=LONG, first_try=SHORT), NoAnswerYet)


@pytest.mark.usefixtures("no_names")
def test_a_connect_that_takes_all_the_time_of_a_call_shows_it() -> None:
    assert isinstance(outcome("http://vault.test", seconds=SHORT, first_try=LONG), TransportError)


def test_a_connection_that_is_refused_shows_it_at_the_first_try_too() -> None:
    assert isinstance(
        outcome(f"http://127.0.0.1:{free_port()}", seconds=LONG, first_try=LONG / 2), Unreachable
    )
