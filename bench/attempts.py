"""Counts attempts to connect to a loopback port, refused ones above all: no server records those.

The kernel shows us a copy of each packet that begins a connection (Linux; with the right to capture packets).
"""

from __future__ import annotations

import ctypes
import socket
import struct
from typing import Self

_SO_ATTACH_FILTER = 26
_IP = 0x0800


class AttemptCounter:
    """Counts from its making on."""

    def __init__(self, port: int) -> None:
        """PermissionError when this process may not capture packets."""
        # No packet may arrive before the filter is in place, so the socket takes none until it is bound.
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
        try:
            _attach(self._socket, _beginnings_of_connections_to(port))
            self._socket.bind(("lo", _IP))
            self._socket.setblocking(False)
        except BaseException:
            self._socket.close()
            raise
        self._count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def count(self) -> int:
        """How many there were so far; call it before thousands have come in."""
        while True:
            try:
                _, address = self._socket.recvfrom(64)
            except BlockingIOError:
                return self._count
            # The kernel may show a packet on loopback twice: as it leaves, and as it comes in.
            self._count += address[2] == socket.PACKET_HOST


def _beginnings_of_connections_to(port: int) -> list[tuple[int, int, int, int]]:
    """A classic BPF program over an IPv4 packet: TCP, to this port, with SYN and without ACK."""
    load_byte, load_half_at_x, load_byte_at_x = 0x30, 0x48, 0x50
    header_length_to_x, bits_and, jump_if_equal, give = 0xB1, 0x54, 0x15, 0x06
    return [
        (load_byte, 0, 0, 9),
        (jump_if_equal, 0, 7, socket.IPPROTO_TCP),
        (header_length_to_x, 0, 0, 0),
        (load_half_at_x, 0, 0, 2),
        (jump_if_equal, 0, 4, port),
        (load_byte_at_x, 0, 0, 13),
        (bits_and, 0, 0, 0x12),
        (jump_if_equal, 0, 1, 0x02),
        (give, 0, 0, 64),
        (give, 0, 0, 0),
    ]


def _attach(taker: socket.socket, program: list[tuple[int, int, int, int]]) -> None:
    code = b"".join(struct.pack("HBBI", *each) for each in program)
    buffer = ctypes.create_string_buffer(code)
    taker.setsockopt(
        socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HL", len(program), ctypes.addressof(buffer))
    )
