"""A tunnel through a proxy to a server with TLS: CONNECT, and the answer of the proxy."""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping

from secrets_manager.runtime.http.reply_reader import ReplyReader, read_head
from secrets_manager.runtime.http.transport_errors import MalformedReply, ProxyAnswered

# As for the target of a request, and without a path.
_HOST = re.compile(r"[\x21-\x2e\x30-\x7e]+")


def open_tunnel(sock: socket.socket, host: str, port: int, headers: Mapping[str, str]) -> None:
    """Ask the proxy behind ``sock`` to connect to ``host``; ``headers`` are for the proxy alone.

    Raises ProxyAnswered when it answers with another status than 2xx, MalformedReply, EOFError, ValueError
    for a host or header that cannot be sent, and the errors of the socket.
    """
    address = f"[{host}]:{port}" if ":" in host and not host.startswith("[") else f"{host}:{port}"
    lines = [f"CONNECT {address} HTTP/1.1", f"Host: {address}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    head = "\r\n".join(lines)
    if not _HOST.fullmatch(address) or {head.count("\r"), head.count("\n")} != {len(lines) - 1}:
        raise ValueError("the host or a header for the proxy holds a character that is not allowed")
    sock.sendall(f"{head}\r\n\r\n".encode("latin-1"))
    reader = ReplyReader(sock)
    answer = read_head(reader)
    # Only a refusal has a body of the proxy: RFC 9110, section 9.3.6.
    if answer.status not in range(200, 300):
        raise ProxyAnswered(answer.status)
    if not reader.is_empty():
        raise MalformedReply("the proxy sent data after its answer")
