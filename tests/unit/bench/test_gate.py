"""The gate passes everything on, refuses or holds while it is told to, and is the same gate afterwards."""

from __future__ import annotations

import select
import socket
from collections.abc import Callable, Iterator

import pytest

from bench.gate import Gate


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(30)
        yield listener


def connect(gate: Gate) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(gate.url.rpartition(":")[2])), timeout=30)


def refuses(gate: Gate, client: socket.socket, peer: socket.socket) -> None:
    gate.close()
    assert (client.recv(1), peer.recv(1)) == (b"", b"")
    with pytest.raises(ConnectionRefusedError):
        connect(gate)
    gate.open()


def holds(gate: Gate, client: socket.socket, peer: socket.socket) -> None:
    gate.hold()
    with connect(gate) as late:
        for each in (client, late):
            each.sendall(b"question")
        assert select.select([client, late, peer], [], [], 0.1)[0] == []
        gate.open()
        for each in (client, late):
            try:
                assert each.recv(1) == b""
            except ConnectionResetError:  # the gate had not come to take it yet
                continue


@pytest.mark.parametrize("trouble", [refuses, holds], ids=lambda trouble: trouble.__name__)
def test_a_gate_ends_or_holds_all_connections_and_passes_both_ways_when_it_is_opened(
    trouble: Callable[[Gate, socket.socket, socket.socket], None], server: socket.socket
) -> None:
    with Gate(f"http://127.0.0.1:{server.getsockname()[1]}") as gate:
        with connect(gate) as client, server.accept()[0] as peer:
            trouble(gate, client, peer)

        with connect(gate) as client, server.accept()[0] as peer:
            for one, other in ((client, peer), (peer, client)):
                one.sendall(b"words")
                assert other.recv(5) == b"words"
            peer.close()
            assert client.recv(1) == b""
