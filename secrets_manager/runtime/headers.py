"""The head of a reply, read as HTTP and no more.

`http.client` hands headers to the parser of the `email` package, which also knows of multipart bodies and
character sets: a fifteenth of all that the daemon does. The rest of a reply is left to `http.client`.

Stricter than that parser, as Go's net/textproto is: a line that is no header, and a head that breaks off, are
errors here and not the end of the headers.
"""

from __future__ import annotations

import http.client
import types
from collections.abc import Iterator
from http.client import HTTPException, HTTPMessage, HTTPResponse, IncompleteRead, LineTooLong
from typing import BinaryIO

# The limits of http.client, which has no public names for them.
MAX_LINE = 64 * 1024
MAX_HEADERS = 100
_BLANKS = " \t"


def read_headers(stream: BinaryIO, **_: object) -> HTTPMessage:
    """The headers up to the empty line after them, in their order; stands in for http.client.parse_headers.

    A value that goes on in the next line is joined by one space (RFC 9112, section 5.2). Raises HTTPException
    for what is no header and for more than 100 lines, LineTooLong above 64 KiB, IncompleteRead when the head
    breaks off; none of them quotes the reply.
    """
    fields: list[tuple[str, str]] = []
    for line in _lines(stream):
        if line[0] not in _BLANKS:
            fields.append(_field(line))
        elif fields:
            name, value = fields[-1]
            fields[-1] = name, f"{value} {line.strip(_BLANKS)}".strip(_BLANKS)
        else:
            raise HTTPException("the first header begins with a space")
    message = HTTPMessage()
    for name, value in fields:
        message.set_raw(name, value)
    return message


def _lines(stream: BinaryIO) -> Iterator[str]:
    number = 0
    while line := _line(stream):
        number += 1
        if number > MAX_HEADERS:
            raise HTTPException(f"more than {MAX_HEADERS} lines of headers")
        yield line


def _line(stream: BinaryIO) -> str:
    line = stream.readline(MAX_LINE + 1)
    if len(line) > MAX_LINE:
        raise LineTooLong("header line")
    if not line.endswith(b"\n"):
        raise IncompleteRead(b"")
    line = line.rstrip(b"\r\n")
    if b"\r" in line or b"\0" in line:
        raise HTTPException("a line of the head has signs that no header may have")
    return line.decode("iso-8859-1")


def _field(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not (name and colon and name.isascii() and name.isprintable()) or " " in name:
        raise HTTPException("a line of the head is not a header")
    return name, value.strip(_BLANKS)


class PlainResponse(HTTPResponse):
    """A reply of http.client whose headers are read by ``read_headers``."""

    # It asks a global of its module for them and has no other place to say so.
    begin = types.FunctionType(
        HTTPResponse.begin.__code__, {**vars(http.client), "parse_headers": read_headers}, "begin"
    )
