"""One request and its reply on a connection that is open.

urllib3 makes the connections, keeps them and handles proxies; this package writes requests and reads replies.
The layers of urllib3 take two thirds of the time of a short call for features that are not needed here
(retries, redirects, decoding), and they trust a server about its replies where a connection must not be kept.
"""

from __future__ import annotations

import contextlib
import functools
import io
import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from secrets_manager.runtime.http.messages import Reply, Request
from secrets_manager.runtime.http.reply_head import Framing, Head, Headers, framing
from secrets_manager.runtime.http.reply_reader import ReplyReader, body_of, read_head
from secrets_manager.runtime.http.transport_errors import ReplyTooLarge, UnusableReply

# A body up to this size is sent with the head in one piece; a larger one is not copied for that.
_SMALL = 64 * 1024
_EXPECT_A_BODY = frozenset({"POST", "PUT", "PATCH"})
# The same rule as in http.client: a target with any of these could smuggle more than a target.
_NOT_IN_A_TARGET = re.compile(r"[^\x21-\x7e]")


class ExchangeResult(NamedTuple):
    """A reply, and whether the connection can take another request."""

    reply: Reply
    reusable: bool


class OpenReply(NamedTuple):
    """A reply whose head was read; ``body`` gives the rest as it arrives."""

    status: int
    headers: Headers
    body: Iterator[bytes]


def head_of(request: Request, host: str, target: str, for_proxy: Mapping[str, str] | None = None) -> bytes:
    """The request line and the headers of ``request`` to ``host``, with the empty line after them.

    ``for_proxy`` are more headers, for a proxy that passes the request on.

    Raises ValueError, without quoting it, for text that would be read as more than one header or target.
    """
    if _NOT_IN_A_TARGET.search(target):
        raise _not_a_head()
    fields = (*request.headers.items(), *for_proxy.items()) if for_proxy else (*request.headers.items(),)
    rest, tells_length = _after_the_target(host, fields)
    length = ""
    if not tells_length and (request.body is not None or request.method in _EXPECT_A_BODY):
        length = f"Content-Length: {len(request.body or b'')}\r\n"
    return f"{request.method} {target} {rest}{length}\r\n".encode("latin-1")


@functools.lru_cache(maxsize=64)
def _after_the_target(host: str, fields: tuple[tuple[str, str], ...]) -> tuple[str, bool]:
    """What follows the target in a head that has these fields, and whether one of them tells the length.

    They are the same in nearly every call: those of one token to one server.
    """
    lines = ["HTTP/1.1", f"Host: {host}", *(f"{name}: {value}" for name, value in fields)]
    given = {name.lower() for name, _ in fields}
    if "accept-encoding" not in given:
        lines.append("Accept-Encoding: identity")
    text = "\r\n".join((*lines, ""))
    if {text.count("\r"), text.count("\n")} != {len(lines)}:
        raise _not_a_head()
    return text, "content-length" in given


def _not_a_head() -> ValueError:
    return ValueError("a header or the target holds a character that is not allowed")


def exchange(sock: socket.socket, request: Request, head: bytes, max_bytes: int) -> ExchangeResult:
    """Send ``request``, whose ``head`` is given, and read its reply of up to ``max_bytes``.

    Raises ReplyTooLarge, UnusableReply, MalformedReply, EOFError, and the errors of the socket. After any
    error the connection must be closed.
    """
    reader = ReplyReader(sock)
    try:
        sent = _send(sock, head, request.body)
        found, framed = _begin(reader, request.method)
        refuse_compressed(found.fields)
        body = _whole(reader, framed, max_bytes)
    except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
        # TLS was established before: the peer closed the connection, as it may between two calls.
        raise ConnectionResetError("the peer closed the connection") from None
    reply = Reply(found.status, Headers(found.fields), body)
    return ExchangeResult(reply, reusable=framed.keep and sent and reader.is_empty())


def open_reply(sock: socket.socket, request: Request, head: bytes) -> OpenReply:
    """Send ``request`` and read the head of its reply; raises as ``exchange`` does, and ``body`` too.

    The connection cannot serve another call.
    """
    reader = ReplyReader(sock)
    _send(sock, head, request.body)
    found, framed = _begin(reader, request.method)
    return OpenReply(found.status, Headers(found.fields), body_of(reader, framed))


def gather(pieces: Iterator[bytes], max_bytes: int) -> bytes:
    """All of ``pieces``; raises ReplyTooLarge."""
    # The buffer becomes the value, so there are never two copies of a large reply.
    with io.BytesIO() as whole:
        for piece in pieces:
            if whole.tell() + len(piece) > max_bytes:
                raise _too_large(max_bytes)
            whole.write(piece)
        return whole.getvalue()


def _send(sock: socket.socket, head: bytes, body: bytes | None) -> bool:
    """Send head and body; returns whether all of it was sent."""
    # A server may answer and close before it has read the whole body; the read that follows returns its
    # answer.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        if body is None or len(body) <= _SMALL:
            sock.sendall(head + (body or b""))
        else:
            sock.sendall(head)
            sock.sendall(body)
        return True
    return False


def _begin(reader: ReplyReader, method: str) -> tuple[Head, Framing]:
    head = read_head(reader)
    return head, framing(method, head)


def _whole(reader: ReplyReader, framed: Framing, max_bytes: int) -> bytes:
    if framed.length > max_bytes:
        raise _too_large(max_bytes)
    if framed.length >= 0:
        return reader.exactly(framed.length)
    return gather(body_of(reader, framed), max_bytes)


def refuse_compressed(headers: Mapping[str, str]) -> None:
    """Raise UnusableReply for a compressed body, since plain bytes were asked for."""
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise UnusableReply("the reply is compressed although plain bytes were asked for")


def _too_large(max_bytes: int) -> ReplyTooLarge:
    return ReplyTooLarge(f"the reply is larger than {max_bytes} bytes")
