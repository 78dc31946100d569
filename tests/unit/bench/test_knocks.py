"""Attempts to connect are counted, whether they are refused or not."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

import pytest

from bench.knocks import Knocks
from tests.testbed.processes import free_port


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def knocks(port: int) -> Iterator[Knocks]:
    try:
        counter = Knocks(port)
    except PermissionError:
        pytest.skip("this process may not capture packets")
    with counter:
        yield counter


def test_a_refused_attempt_counts_once(knocks: Knocks, port: int) -> None:
    for _ in range(3):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))

    assert knocks.count() == 3
    assert knocks.count() == 3


def test_an_accepted_connection_counts_once_and_what_it_carries_not_at_all(knocks: Knocks, port: int) -> None:
    with socket.create_server(("127.0.0.1", port)) as server:
        client = socket.create_connection(("127.0.0.1", port))
        peer, _ = server.accept()
        with client, peer:
            client.sendall(b"hello")
            assert peer.recv(5) == b"hello"

    assert knocks.count() == 1


def test_attempts_at_other_ports_do_not_count(knocks: Knocks) -> None:
    with contextlib.suppress(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", free_port()))

    assert knocks.count() == 0
