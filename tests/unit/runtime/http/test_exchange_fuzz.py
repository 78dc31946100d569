"""Any bytes in any pieces give the reply of a strict reading, or a fault.

The oracle reads the bytes as a whole, by a grammar; the program reads them as they come.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, cast

from hypothesis import example, given
from hypothesis import strategies as st

from secrets_manager.runtime.http.exchange import exchange
from secrets_manager.runtime.http.messages import Request
from secrets_manager.runtime.http.reply_reader import MAX_INTERIM
from secrets_manager.runtime.http.transport_errors import MalformedReply, ReplyTooLarge
from secrets_manager.runtime.terms import Deadline
from tests.unit.foreign_input import pieces

CAP = 40

HEAD = re.compile(
    rb"HTTP/1\.([01]) ([1-9][0-9]{2})(?: [^\r\n\0]*)?\r\n"
    rb"((?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\r\n\0]*\r\n(?:[ \t][^\r\n\0]*\r\n)*)*)\r\n"
)
FOLD = re.compile(rb"[ \t]*\r\n[ \t]+")
CHUNK = re.compile(rb"([0-9A-Fa-f]{1,15})(?:[ \t]*;[^\r\n\0]*)?\r\n")
TRAILER = re.compile(rb"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\r\n\0]*\r\n)*\r\n")


@dataclass(frozen=True)
class Right:
    """What a strict reading gives."""

    status: int
    body: bytes
    keep: bool


class Wire:
    """A socket on which these pieces come, and then the end."""

    def __init__(self, parts: list[bytes]) -> None:
        self._parts = list(parts)

    def pending(self) -> int:
        return sum(map(len, self._parts))

    def sendall(self, _: bytes) -> None:
        pass

    def recv(self, size: int) -> bytes:
        if not self._parts:
            return b""
        piece, rest = self._parts[0][:size], self._parts[0][size:]
        self._parts[:1] = [rest] if rest else []
        return piece


def strict(method: str, wire: bytes, interim: int = 0) -> Right | None:
    """The reply at the head of ``wire``, or None for a fault."""
    head = HEAD.match(wire)
    if head is None or interim > MAX_INTERIM:
        return None
    minor, status, lines = head[1], int(head[2]), head[3]
    rest, named = wire[head.end() :], values_of(FOLD.sub(b" ", lines))
    framed = named.get(b"content-length", []), named.get(b"transfer-encoding", [])
    if status < 200:
        return None if status == 101 or any(framed) else strict(method, rest, interim + 1)
    plain = not interim and b"\r\n " not in lines and b"\r\n\t" not in lines
    options = b",".join(named.get(b"connection", [])).lower().split(b",")
    keep = plain and minor == b"1" and b"close" not in [option.strip(b" \t") for option in options]
    if framed[1] and (framed[0] or minor == b"0" or [each.lower() for each in framed[1]] != [b"chunked"]):
        return None
    return body_of(Right(status, b"", keep), framed, rest, bodiless=method == "HEAD" or status in {204, 304})


def body_of(
    right: Right, framed: tuple[list[bytes], list[bytes]], wire: bytes, *, bodiless: bool
) -> Right | None:
    lengths, encodings = framed
    if lengths and (len(lengths) > 1 or not re.fullmatch(rb"[0-9]{1,18}", lengths[0])):
        return None
    if bodiless:
        silent = not encodings and int(b"".join(lengths) or b"0") == 0
        return Right(right.status, b"", right.keep and silent and not wire)
    if encodings:
        return chunked(right.status, wire, keep=right.keep)
    if not lengths:
        return Right(right.status, wire, keep=False)
    size = int(lengths[0])
    if len(wire) < size:
        return None if size <= CAP else Right(right.status, b"x" * size, keep=False)
    return Right(right.status, wire[:size], right.keep and len(wire) == size)


def chunked(status: int, wire: bytes, *, keep: bool) -> Right | None:
    body = b""
    while line := CHUNK.match(wire):
        size, wire = int(line[1], 16), wire[line.end() :]
        if size == 0:
            trailer = TRAILER.match(wire)
            return Right(status, body, keep and trailer.end() == len(wire)) if trailer else None
        body += wire[:size]
        if len(body) > CAP:
            break
        if wire[size : size + 2] != b"\r\n":
            return None
        wire = wire[size + 2 :]
    return Right(status, body, keep=False) if len(body) > CAP else None


def values_of(lines: bytes) -> dict[bytes, list[bytes]]:
    named: dict[bytes, list[bytes]] = {}
    for line in lines.split(b"\r\n")[:-1]:
        name, _, value = line.partition(b":")
        named.setdefault(name.lower(), []).append(value.strip(b" \t"))
    return named


# ── what servers send ────────────────────────────────────────────────────────────────────────────────

STATUS = st.sampled_from([100, 101, 102, 103, 199, 200, 204, 304, 404, 500, 999, 99, 1000])
FIRST = st.builds(
    lambda version, status, rest: f"HTTP/{version} {status}{rest}\r\n".encode(),
    st.sampled_from(["1.1"] * 6 + ["1.0", "0.9", "2", "1.2"]),
    STATUS,
    st.sampled_from([" OK", "", " ", " a b", "\n"]),
)
FIELD = st.sampled_from(
    [
        b"Content-Length: 4\r\n",
        b"Content-Length: 0\r\n",
        b"content-length:12\r\n",
        b"Content-Length: 41\r\n",
        b"Content-Length: 4, 4\r\n",
        b"Content-Length: +4\r\n",
        b"Content-Length: -1\r\n",
        b"Content-Length:\r\n",
        b"Content-Length : 4\r\n",
        b"Content-Length: 4\n",
        b"Content-Length:\r\n 4\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"transfer-encoding:Chunked \r\n",
        b"Transfer-Encoding: gzip, chunked\r\n",
        b"Transfer-Encoding: identity\r\n",
        b"Transfer-Encoding: \tchunked\r\n",
        b"Transfer-Encoding:\r\n\tchunked\r\n",
        b"Connection: close\r\n",
        b"Connection: keep-alive\r\n",
        b"X: 1\r\n",
        b" folded\r\n",
        b"nothing\r\n",
        b"X: \0\r\n",
        b"X: \r\r\n",
        b"X: \xe4\r\n",
        b"X:\r\n",
    ]
)
CHUNKS = st.sampled_from(
    [
        b"4\r\nbody\r\n",
        b"4;x=y\r\nbody\r\n",
        b"4 ;x\r\nbody\r\n",
        b"a\r\n0123456789\r\n",
        b"A\r\n0123456789\r\n",
        b"004\r\nbody\r\n",
        b"-1\r\n",
        b"+4\r\nbody\r\n",
        b"0x4\r\nbody\r\n",
        b" 4\r\nbody\r\n",
        b"4 \r\nbody\r\n",
        b"1_0\r\n0123456789abcdef\r\n",
        b"\r\nbody\r\n",
        b"4\nbody\r\n",
        b"4\r\nbody\n",
        b"4\r\nbodyX\r\n",
        b"4\r\nbod\r\n",
        b"fffffffffffffffff\r\nbody\r\n",
        b"0\r\n\r\n",
        b"0\r\nTrailer: 1\r\n\r\n",
        b"0\r\nContent-Length: 5\r\n\r\n",
        b"0\r\n folded\r\n\r\n",
        b"0\r\nno trailer\r\n\r\n",
        b"00\r\n\r\n",
    ]
)
REPLY = st.builds(
    lambda first, fields, body: first + b"".join(fields) + b"\r\n" + b"".join(body),
    FIRST,
    st.lists(FIELD, max_size=3),
    st.lists(
        CHUNKS | st.sampled_from([b"body", b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"]), max_size=4
    ),
)
GOOD = st.builds(
    lambda interim, head, body: interim + head + body,
    st.sampled_from([b""] * 3 + [b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\n", b"HTTP/1.1 100 Go\r\n\r\n" * 2]),
    st.sampled_from(
        [
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n",
        ]
    ),
    st.lists(CHUNKS, max_size=5).map(b"".join),
)


@st.composite
def wires(draw: st.DrawFn) -> list[bytes]:
    content = draw(
        GOOD | REPLY | st.lists(REPLY, min_size=2, max_size=3).map(b"".join) | st.binary(max_size=60)
    )
    cut = draw(st.integers(0, len(content)) | st.just(len(content)))
    return draw(pieces(content[:cut]))


@given(st.sampled_from(["GET", "PUT", "HEAD"]), wires())
@example("GET", [b"HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody"])
@example("GET", [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n" + b"x" * 1000])
def test_fuzz_a_reply_is_what_a_strict_reading_gives_or_none(method: str, parts: list[bytes]) -> None:
    wanted = strict(method, b"".join(parts))
    wire = Wire(parts)
    try:
        done = exchange(
            cast("Any", wire), Request(method=method, url="", deadline=Deadline.within(1)), b"", CAP
        )
    except ReplyTooLarge:
        assert wanted is not None
        assert len(wanted.body) > CAP
    except (MalformedReply, EOFError, ConnectionResetError):
        assert wanted is None
    else:
        assert wanted == Right(done.reply.status, done.reply.body, done.reusable)
