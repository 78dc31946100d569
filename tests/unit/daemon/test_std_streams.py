"""Standard streams that are closed, full, or a reader's that has gone."""

from __future__ import annotations

import subprocess
import sys

SOCKET = """
import os
from secrets_manager.daemon.std_streams import hold_closed_descriptors
hold_closed_descriptors()
import socket
opened = socket.socket()
os._exit(0 if opened.fileno() > 2 else 1)
"""
WRITE = """
import os
from secrets_manager.daemon.std_streams import hold_closed_descriptors, write_to_stdout
hold_closed_descriptors()
try:
    write_to_stdout("a report")
except OSError:
    os._exit(7)
"""


def run(program: str, redirection: str) -> int:
    """The exit code of a Python program whose streams a shell has redirected."""
    command = ["/bin/sh", "-c", f'exec "$0" -c "$1" {redirection}', sys.executable, program]
    return subprocess.run(command, timeout=60, check=False).returncode


def test_no_socket_gets_the_place_of_a_stream_that_is_closed() -> None:
    for closed in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
        assert run(SOCKET, closed) == 0, closed


def test_what_is_written_to_a_stream_that_was_closed_is_not_taken_for_written() -> None:
    assert run(WRITE, ">&-") == 7
