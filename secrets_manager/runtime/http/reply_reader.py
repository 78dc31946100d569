"""Reads heads, lines and bodies from a connection, each to its end and no further.

It keeps no more than the bytes that were asked for and one piece. This module must not know what a reply is
for, nor how much of it is needed: its caller stops reading when it has enough.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Protocol

from secrets_manager.runtime.http.reply_head import (
    CHUNKED,
    MAX_FIELDS,
    MAX_HEAD,
    TO_THE_END,
    Framing,
    Head,
    check_trailer,
    parse_head,
)
from secrets_manager.runtime.http.transport_errors import MalformedReply

# The most interim replies before the final one (RFC 9110, section 15.2).
MAX_INTERIM = 8

_PIECE = 64 * 1024
_START = b"HTTP/1."
_LINE_END = b"\r\n"
_HEAD_END = b"\r\n\r\n"
_LONE_LINE_FEED = re.compile(rb"(?<!\r)\n")
# The text after a semicolon is an extension, which a client may ignore.
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,15})(?:[ \t]*;[^\0\r\n]*)?")
_CHUNK_LINE = 4096
# The same limit as in Go's client: bytes of framing beyond an allowance for each chunk and each byte of data.
_OVERHEAD = 16 * 1024
_OVERHEAD_OF_A_CHUNK = 16
_SWITCHING = 101


class Receiver(Protocol):
    """A socket, with TLS or without."""

    def recv(self, size: int, /) -> bytes:
        """At least one byte, or b"" at the end."""

    def recv_into(self, room: memoryview, /) -> int:
        """The same into ``room``; returns the number of bytes."""


class ReplyReader:
    """Reads one reply from a connection; ``started`` says whether any byte of it came."""

    __slots__ = ("_buffer", "_sock", "started")

    def __init__(self, sock: Receiver) -> None:
        self._sock = sock
        self._buffer = bytearray()
        self.started = False

    def some(self, most: int) -> bytes:
        """At least one byte and at most ``most``, or b"" at the end of the connection."""
        if self._buffer:
            piece = bytes(self._buffer[:most])
            del self._buffer[:most]
            return piece
        return self._sock.recv(min(most, _PIECE))

    def exactly(self, size: int) -> bytes:
        """Exactly ``size`` bytes; raises EOFError."""
        if size > _PIECE:
            return self._large(size)
        while len(self._buffer) < size:
            self._more()
        return self.some(size) if size else b""

    def until(self, end: bytes, limit: int, start: bytes = b"") -> bytearray:
        """The bytes before ``end``, at most ``limit`` of them, which must begin with ``start``.

        Raises MalformedReply, EOFError, and ConnectionResetError when no byte came at all.
        """
        buffer, searched = self._buffer, 0
        if not buffer:
            self._more()
        while (at := buffer.find(end, searched)) < 0:
            self._check_beginning(searched, limit, start)
            searched = max(0, len(buffer) - len(end) + 1)
            self._more()
        if at > limit:
            raise MalformedReply(f"a head or a line of more than {limit} bytes")
        block = buffer[:at]
        del buffer[: at + len(end)]
        return block

    def end_of_line(self) -> None:
        """Read the end of a line; raises MalformedReply for anything else, and EOFError."""
        while len(self._buffer) < len(_LINE_END):
            self._more()
        if not self._buffer.startswith(_LINE_END):
            raise MalformedReply("a chunk that is longer than its size")
        del self._buffer[: len(_LINE_END)]

    def is_empty(self) -> bool:
        """Whether no bytes are left over, as far as that is known without waiting."""
        pending = getattr(self._sock, "pending", None)
        return not self._buffer and (pending is None or not pending())

    def _large(self, size: int) -> bytes:
        # The buffer becomes the value, so there are never two copies of a large body.
        with io.BytesIO() as whole:
            whole.seek(size - 1)
            whole.write(b"\0")
            with whole.getbuffer() as room:
                filled = len(self._buffer[:size])
                room[:filled] = self.some(size) if filled else b""
                while filled < size:
                    with room[filled:] as rest:
                        came = self._sock.recv_into(rest)
                    if not came:
                        raise EOFError("the reply broke off")
                    filled += came
            return whole.getvalue()

    def _more(self) -> None:
        piece = self._sock.recv(_PIECE)
        if not piece:
            if not self.started:
                raise ConnectionResetError("the peer closed the connection")
            raise EOFError("the reply broke off")
        self.started = True
        self._buffer += piece

    def _check_beginning(self, searched: int, limit: int, start: bytes) -> None:
        """Raise MalformedReply as soon as the bytes can no longer become a valid reply."""
        if not self._buffer.startswith(start[: len(self._buffer)]):
            raise MalformedReply("it does not begin with an HTTP/1 status line")
        if len(self._buffer) > limit:
            raise MalformedReply(f"a head or a line of more than {limit} bytes")
        if _LONE_LINE_FEED.search(self._buffer, searched):
            raise MalformedReply("a line that ends without a carriage return")


def read_head(reader: ReplyReader) -> Head:
    """The head of the final reply; after interim replies, which are skipped, it is not plain.

    Raises MalformedReply, EOFError, and ConnectionResetError when no byte came at all.
    """
    for number in range(MAX_INTERIM + 1):
        head = parse_head(reader.until(_HEAD_END, MAX_HEAD, _START))
        if head.status >= 200:
            return head if number == 0 else head._replace(plain=False)
        if head.status == _SWITCHING:
            raise MalformedReply("it switches to another protocol")
        if "content-length" in head.fields or "transfer-encoding" in head.fields:
            raise MalformedReply("an interim reply with a body")
    raise MalformedReply(f"more than {MAX_INTERIM} interim replies")


def body_of(reader: ReplyReader, framed: Framing) -> Iterator[bytes]:
    """The body in pieces, none of them empty; raises MalformedReply and EOFError."""
    if framed.length == CHUNKED:
        return _chunks(reader)
    if framed.length == TO_THE_END:
        return iter(lambda: reader.some(_PIECE), b"")
    return _counted(reader, framed.length)


def _counted(reader: ReplyReader, left: int) -> Iterator[bytes]:
    while left:
        piece = reader.some(left)
        if not piece:
            raise EOFError("the reply broke off")
        left -= len(piece)
        yield piece


def _chunks(reader: ReplyReader) -> Iterator[bytes]:
    overhead = 0
    while True:
        line = reader.until(_LINE_END, _CHUNK_LINE)
        size = _chunk_size(line)
        overhead = max(0, overhead + len(line) - _OVERHEAD_OF_A_CHUNK - 2 * size)
        if overhead > _OVERHEAD:
            raise MalformedReply("chunks with too much framing")
        if size == 0:
            break
        yield from _counted(reader, size)
        reader.end_of_line()
    _read_trailer(reader)


def _chunk_size(line: bytearray) -> int:
    found = _CHUNK.fullmatch(line)
    if found is None:
        raise MalformedReply("a chunk without a size")
    return int(found[1], 16)


def _read_trailer(reader: ReplyReader) -> None:
    room = MAX_HEAD
    for _ in range(MAX_FIELDS + 1):
        line = reader.until(_LINE_END, room)
        if not line:
            return
        room -= len(line)
        check_trailer(line)
    raise MalformedReply(f"more than {MAX_FIELDS} lines of trailers")
