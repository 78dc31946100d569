"""One request and its whole reply on a connection that is open, by `http.client` and nothing above it.

urllib3 makes the connections, keeps them and knows of proxies; but on one that is open its layers take two
thirds of the time of a short call, for what is not wanted here: retries, redirects, decoding, streaming.
"""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
from collections.abc import Callable, Mapping
from email.message import Message
from http.client import HTTPResponse
from typing import NamedTuple

from urllib3 import HTTPHeaderDict

from secrets_manager.runtime.headers import PlainResponse
from secrets_manager.runtime.messages import Reply, Request
from secrets_manager.runtime.transport_errors import ReplyTooLarge, UnusableReply

# A body up to this goes out with the head in one piece; a larger one is not copied for it.
_SMALL = 64 * 1024
# Of a large reply a piece at a time, since it is copied on the way.
_PIECE = 1024 * 1024
_EXPECT_A_BODY = frozenset({"POST", "PUT", "PATCH"})
# As http.client has it: a target with any of these could be more than a target.
_NOT_IN_A_TARGET = re.compile(r"[^\x21-\x7e]")


class Exchanged(NamedTuple):
    """A reply, and whether the connection can take another request."""

    reply: Reply
    reusable: bool


def head_of(request: Request, host: str, target: str) -> bytes:
    """The request line and the headers of ``request`` to ``host``, with the empty line after them.

    Raises ValueError, without quoting it, for what would be read as more than one header or target.
    """
    lines = [f"{request.method} {target} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in request.headers.items()]
    given = {name.lower() for name in request.headers}
    if "accept-encoding" not in given:
        lines.append("Accept-Encoding: identity")
    if "content-length" not in given and (request.body is not None or request.method in _EXPECT_A_BODY):
        lines.append(f"Content-Length: {len(request.body or b'')}")
    head = "\r\n".join(lines)
    if _NOT_IN_A_TARGET.search(target) or {head.count("\r"), head.count("\n")} != {len(lines) - 1}:
        raise ValueError("a header or the target has signs in it that it must not have")
    return f"{head}\r\n\r\n".encode("latin-1")


def exchange(sock: socket.socket, request: Request, head: bytes, max_bytes: int) -> Exchanged:
    """Send ``request``, whose ``head`` is given, and read its reply of up to ``max_bytes``.

    Raises ReplyTooLarge and UnusableReply, and what the socket and http.client raise. Whatever it raises, the
    connection is to be closed.
    """
    response = PlainResponse(sock, method=request.method)
    try:
        _send(sock, head, request.body)
        response.begin()
        body = _whole(response, max_bytes)
        reply = Reply(response.status, HTTPHeaderDict(response.headers.items()), body)
        return Exchanged(reply, reusable=not response.will_close)
    except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
        # TLS was agreed long since: the peer closed, as it may between two calls.
        raise ConnectionResetError("the peer closed the connection") from None
    finally:
        response.close()


def _send(sock: socket.socket, head: bytes, body: bytes | None) -> None:
    # Who refuses a body may answer and close before it was sent; what follows finds the answer, or none.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        if body is None or len(body) <= _SMALL:
            sock.sendall(head + (body or b""))
        else:
            sock.sendall(head)
            sock.sendall(body)


def gathered(read: Callable[[int], bytes], max_bytes: int) -> bytes:
    """What ``read`` gives, a piece at a time, until it gives nothing; raises ReplyTooLarge."""
    chunks: list[bytes] = []
    room = max_bytes
    try:
        # To the end and past it: only a read that finds nothing notices that the reply was cut short.
        while chunk := read(min(room + 1, _PIECE)):
            chunks.append(chunk)
            room -= len(chunk)
            if room < 0:
                raise _too_large(max_bytes)
        return b"".join(chunks)
    finally:
        # The frames of an error live until they are collected, and must not keep the bytes till then.
        chunks.clear()


def refuse_compressed(headers: Message | Mapping[str, str]) -> None:
    """Raise UnusableReply for a body that is not the plain bytes that were asked for."""
    if headers.get("content-encoding", "identity") != "identity":
        raise UnusableReply("the reply is compressed although plain bytes were asked for")


def _whole(response: HTTPResponse, max_bytes: int) -> bytes:
    refuse_compressed(response.headers)
    if response.length is None:
        return gathered(response.read, max_bytes)
    if response.length > max_bytes:
        raise _too_large(max_bytes)
    return response.read()


def _too_large(max_bytes: int) -> ReplyTooLarge:
    return ReplyTooLarge(f"the reply is larger than {max_bytes} bytes")
