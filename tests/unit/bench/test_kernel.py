"""What the kernel tells the benchmark: CPU, memory, and attempts to connect."""

from __future__ import annotations

import contextlib
import os
import socket
import time

import pytest

from bench import proc
from bench.attempts import AttemptCounter
from tests.testbed.processes import free_port


def test_memory_and_cpu_time_are_what_the_process_has_and_used() -> None:
    status = "Name:\tpython (x)\nVmPeak:\t 900000 kB\nVmHWM:\t   81920 kB\nVmRSS:\t   61440 kB\n"
    assert proc.parse_memory(status) == proc.Memory(resident=60.0, peak=80.0)
    before, own = proc.cpu_seconds(os.getpid()), time.process_time()
    while time.process_time() - own < 0.1:
        sum(range(1000))

    assert proc.cpu_seconds(os.getpid()) - before >= 0.05


def test_each_attempt_at_the_port_counts_once_and_what_a_connection_carries_not_at_all() -> None:
    port = free_port()
    try:
        counter = AttemptCounter(port)
    except PermissionError:
        pytest.skip("this process may not capture packets")
    with counter as attempts:
        for tried in (free_port(), port, port, port):
            with contextlib.suppress(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", tried))
        assert attempts.count() == attempts.count() == 3
        with socket.create_server(("127.0.0.1", port)) as server:
            client = socket.create_connection(("127.0.0.1", port))
            with client, server.accept()[0] as peer:
                client.sendall(b"hello")
                assert peer.recv(5) == b"hello"

        assert attempts.count() == 4
