"""The gate passes everything on, refuses while it is closed, and is the same gate afterwards."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from bench.gate import Gate


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(30)
        yield listener


@pytest.fixture
def gate(server: socket.socket) -> Iterator[Gate]:
    with Gate(f"http://127.0.0.1:{server.getsockname()[1]}") as gate:
        yield gate


def connect(gate: Gate) -> socket.socket:
    host, _, port = gate.url.partition("://")[2].partition(":")
    return socket.create_connection((host, int(port)), timeout=30)


def test_bytes_pass_both_ways_and_so_does_the_end(gate: Gate, server: socket.socket) -> None:
    with connect(gate) as client:
        peer, _ = server.accept()
        with peer:
            client.sendall(b"question")
            assert peer.recv(8) == b"question"
            peer.sendall(b"answer")
            assert client.recv(6) == b"answer"
        assert client.recv(1) == b""


def test_a_closed_gate_ends_connections_and_refuses_new_ones(gate: Gate, server: socket.socket) -> None:
    with connect(gate) as client:
        peer, _ = server.accept()
        with peer:
            gate.close()
            assert client.recv(1) == b""
            assert peer.recv(1) == b""
    with pytest.raises(ConnectionRefusedError):
        connect(gate)


def test_a_gate_that_is_opened_again_lets_through(gate: Gate, server: socket.socket) -> None:
    gate.close()
    gate.open()

    with connect(gate), server.accept()[0]:
        pass


def test_a_gate_that_holds_takes_connections_and_answers_nothing(gate: Gate, server: socket.socket) -> None:
    with connect(gate) as early, server.accept()[0] as peer:
        gate.hold()
        with connect(gate) as late:
            early.sendall(b"question")
            late.sendall(b"question")
            peer.settimeout(0.2)
            for waiting in (early, late):
                waiting.settimeout(0.2)
                with pytest.raises(TimeoutError):
                    waiting.recv(1)
            with pytest.raises(TimeoutError):
                peer.recv(1)


def test_a_gate_that_is_opened_after_it_held_ends_what_hung_and_lets_through(
    gate: Gate, server: socket.socket
) -> None:
    with connect(gate) as early, server.accept()[0]:
        gate.hold()
        with connect(gate) as late:
            gate.open()
            assert has_ended(early)
            assert has_ended(late)

    with connect(gate), server.accept()[0]:
        pass


def has_ended(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:  # the gate had not come to take it yet
        return True
