"""The head of a reply, and what it says about the body: bytes in, values or an error out. Pure.

It is strict, since a connection serves many calls one after the other: a client that misjudges the end of one
reply takes the answer of one call for that of the next. So nothing is guessed here. A fault in the sense of
RFC 9112, even one that a reader may tolerate, is an error, and the connection is closed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from secrets_manager.runtime.http.transport_errors import MalformedReply

# Bytes of one head, and fields in it.
MAX_HEAD = 128 * 1024
MAX_FIELDS = 100

# Instead of a length: the body comes in chunks, or ends with the connection.
CHUNKED = -1
TO_THE_END = -2

_BLANKS = " \t"
# The reason may be missing together with the blank before it: RFC 9112, section 4.
_STATUS_LINE = re.compile(r"HTTP/1\.([01]) ([1-9][0-9][0-9])(?: .*)?")
_FIELD = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):(.*)")
# Nearly every head: a status line, and fields of one line each.
_USUAL_HEAD = re.compile(
    r"HTTP/1\.[01] [1-9][0-9][0-9](?: [^\r\n\0]*)?(?:\r\n[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\r\n\0]*)*"
)
_USUAL_FIELD = re.compile(r"\n([^:]+):([^\r]*)")
# int() would accept signs, blanks, underscores and the digits of other scripts.
_LENGTH = re.compile(r"[0-9]{1,18}")
_NO_BODY = frozenset({204, 304})


class Headers(Mapping[str, str]):
    """Header fields by name in any case; values of fields with the same name are joined by commas."""

    __slots__ = ("_fields",)

    def __init__(self, fields: dict[str, str]) -> None:
        """Take ``fields``, whose names are in lower case."""
        self._fields = fields

    def __getitem__(self, name: str) -> str:
        return self._fields[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)


class Head(NamedTuple):
    """The head of a reply: ``fields`` by their names in lower case.

    ``plain`` is false where the head is allowed but gives a reason not to keep the connection.
    """

    status: int
    minor: int
    fields: dict[str, str]
    plain: bool

    def __repr__(self) -> str:
        """Without the fields, which are the server's."""
        return f"Head({self.status})"


class Framing(NamedTuple):
    """The length of the body in bytes, or CHUNKED or TO_THE_END, and whether the connection is kept."""

    length: int
    keep: bool


def parse_head(block: bytes | bytearray) -> Head:
    """The head in ``block``, which lacks the empty line at its end.

    Raises MalformedReply, which quotes no part of it.
    """
    text = block.decode("latin-1")
    return _usual(text) or _line_by_line(text)


def _usual(text: str) -> Head | None:
    """The head in ``text``, read at one go; None where it has to be looked at line by line."""
    if _USUAL_HEAD.fullmatch(text) is None:
        return None
    found = _USUAL_FIELD.findall(text)
    fields = {name.lower(): value.strip(_BLANKS) for name, value in found}
    # Fields that stand there twice are joined, and too many are refused, where it is done line by line.
    if len(fields) != len(found) or len(fields) > MAX_FIELDS:
        return None
    return Head(int(text[9:12]), int(text[7]), fields, plain=True)


def _line_by_line(text: str) -> Head:
    first, *lines = text.split("\r\n")
    if "\0" in text or not text.count("\r") == text.count("\n") == len(lines):
        raise MalformedReply("a header holds a character that is not allowed")
    if len(lines) > MAX_FIELDS:
        raise MalformedReply(f"more than {MAX_FIELDS} lines of headers")
    status = _STATUS_LINE.fullmatch(first)
    if status is None:
        raise MalformedReply("it does not begin with an HTTP/1 status line")
    fields, plain = _fields(lines)
    return Head(int(status[2]), int(status[1]), fields, plain)


def framing(method: str, head: Head) -> Framing:
    """Where the body of the reply with ``head`` to a ``method`` ends; raises MalformedReply.

    As RFC 9112, section 6.3, says, without the faults that it tolerates.
    """
    encoding, length = head.fields.get("transfer-encoding"), head.fields.get("content-length")
    if encoding is not None:
        if length is not None:
            raise MalformedReply("both a length and a transfer encoding")
        if head.minor == 0 or encoding.lower() != "chunked":
            raise MalformedReply("a transfer encoding other than chunked")
    if length is not None and not _LENGTH.fullmatch(length):
        raise MalformedReply("a Content-Length that is not one number")
    keep = head.plain and head.minor == 1 and not _closes(head.fields.get("connection"))
    if head.status in _NO_BODY or method == "HEAD":
        # There is no body. If the head announces one, the server may send it all the same.
        return Framing(0, keep and encoding is None and int(length or 0) == 0)
    if encoding is not None:
        return Framing(CHUNKED, keep)
    return Framing(TO_THE_END, keep=False) if length is None else Framing(int(length), keep)


def check_trailer(line: bytes | bytearray) -> None:
    """Raise MalformedReply unless ``line`` is a valid field after the last chunk."""
    text = line.decode("latin-1")
    if {"\0", "\r", "\n"} & set(text):
        raise MalformedReply("a trailer holds a character that is not allowed")
    _field(text)


def _fields(lines: list[str]) -> tuple[dict[str, str], bool]:
    """The fields in ``lines``, and whether each is in one line.

    A value that continues in the next line is joined by one space (RFC 9112, section 5.2).
    """
    fields: dict[str, str] = {}
    plain, name = True, ""
    for line in lines:
        if line[:1] in {" ", "\t"}:
            if not name:
                raise MalformedReply("the first header begins with a blank")
            plain = False
            fields[name] = f"{fields[name]} {line.strip(_BLANKS)}".strip(_BLANKS)
            continue
        name, value = _field(line)
        fields[name] = f"{fields[name]}, {value}" if name in fields else value
    return fields, plain


def _field(line: str) -> tuple[str, str]:
    found = _FIELD.fullmatch(line)
    if found is None:
        raise MalformedReply("a line of the head is not a header")
    return found[1].lower(), found[2].strip(_BLANKS)


def _closes(connection: str | None) -> bool:
    if connection is None:
        return False
    return any(option.strip(_BLANKS).lower() == "close" for option in connection.split(","))
