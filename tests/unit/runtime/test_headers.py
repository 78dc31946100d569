"""Heads of replies: what the parser of `http.client` makes of good ones is right; bad ones are errors."""

from __future__ import annotations

import http.client
import io
import re
import string
from http.client import HTTPException, HTTPResponse, IncompleteRead, LineTooLong

import pytest
import urllib3
from hypothesis import given
from hypothesis import strategies as st

from secrets_manager.runtime.deadline import Watchdog
from secrets_manager.runtime.headers import MAX_HEADERS, MAX_LINE, read_headers
from secrets_manager.runtime.http import HttpClient
from secrets_manager.runtime.messages import Request
from secrets_manager.runtime.transport_errors import Interrupted
from tests.unit.runtime.loopback import Connection, Loopback

# "From" is the mark of a mailbox to the parser that is the oracle.
NAMES = st.text(string.ascii_letters + string.digits + "-_.!~", min_size=1, max_size=12)
WORDS = st.text([chr(code) for code in range(0x21, 0x100) if not 0x7F <= code <= 0xA0], max_size=12)
VALUES = st.lists(WORDS, max_size=4).map(" ".join)
BLANKS = st.text(" \t", max_size=3)
ENDS = st.sampled_from(["\r\n", "\n"])


def parsed(head: bytes) -> list[tuple[str, str]]:
    return read_headers(io.BytesIO(head)).items()


@st.composite
def heads(draw: st.DrawFn) -> bytes:
    lines = draw(st.lists(st.tuples(NAMES, BLANKS, VALUES, ENDS), max_size=20))
    return "".join(f"{name}:{blanks}{value}{end}" for name, blanks, value, end in lines).encode("latin-1")


@given(heads(), st.binary(max_size=20))
def test_good_heads_are_read_as_http_client_reads_them_and_not_a_byte_further(
    head: bytes, body: bytes
) -> None:
    ours, theirs = (io.BytesIO(head + b"\r\n" + body) for _ in range(2))

    found, expected = read_headers(ours), http.client.parse_headers(theirs)

    # The other parser keeps a blank at the end of a value, which HTTP says is none of it.
    assert found.items() == [(name, value.rstrip(" \t")) for name, value in expected.items()]
    assert ours.read() == theirs.read() == body
    assert all(found.get_all(name.upper()) == found.get_all(name) for name in found)


@given(st.lists(st.tuples(WORDS.filter(bool), BLANKS), min_size=1, max_size=4))
def test_a_value_that_goes_on_in_further_lines_is_joined_by_single_spaces(
    lines: list[tuple[str, str]],
) -> None:
    folded = "\r\n ".join(f"{word}{blanks}" for word, blanks in lines)
    head = f"First: {folded}\r\nSecond: 2\r\n\r\n".encode("latin-1")

    assert re.split("[ \t]+", parsed(head)[0][1]) == [word for word, _ in lines]
    assert parsed(head)[1:] == [("Second", "2")]


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_without_being_quoted(head: bytes) -> None:
    found, refusal = [], ""
    try:
        found = parsed(head)
    except HTTPException as error:
        refusal = str(error)
    assert refusal in _REFUSALS
    assert all(name and not set(name) & set(" \t\r\n:") for name, _ in found)
    assert not any(set(value) & set("\r\n\0") for _, value in found)


_REFUSALS = {
    "",
    "the first header begins with a space",
    "a line of the head is not a header",
    "a line of the head has signs that no header may have",
    "IncompleteRead(0 bytes read)",
}


@pytest.mark.parametrize(
    "head",
    [
        b"no colon\r\n\r\n",
        b": no name\r\n\r\n",
        b"Name : blank before the colon\r\n\r\n",
        b"Na me: 1\r\n\r\n",
        b"N\xe4me: 1\r\n\r\n",
        b" Name: 1\r\n\r\n",
        b"Name: 1\rContent-Length: 5\r\n\r\n",
        b"Name: nul\0\r\n\r\n",
        b"\r: 1\r\n\r\n",
    ],
)
def test_what_is_no_header_is_an_error_and_not_the_end_of_the_head(head: bytes) -> None:
    with pytest.raises(HTTPException):
        parsed(head)


@pytest.mark.parametrize("head", [b"", b"Name", b"Name: 1", b"Name: 1\r\n"])
def test_a_head_that_breaks_off_is_an_error(head: bytes) -> None:
    with pytest.raises(IncompleteRead):
        parsed(head)


def test_a_head_may_have_so_many_lines_and_no_more() -> None:
    line = b"Name: 1\r\n"

    assert len(parsed(line * MAX_HEADERS + b"\r\n")) == MAX_HEADERS
    with pytest.raises(HTTPException, match="more than 100 lines"):
        parsed(line * (MAX_HEADERS + 1) + b"\r\n")


def test_a_line_may_have_so_many_bytes_and_no_more() -> None:
    rest = b"Name: \r\n"
    longest = b"Name: " + b"1" * (MAX_LINE - len(rest)) + b"\r\n"

    assert len(parsed(longest + b"\r\n")[0][1]) == MAX_LINE - len(rest)
    with pytest.raises(LineTooLong):
        parsed(b"1" + longest + b"\r\n")


def test_a_value_that_goes_on_for_ever_is_cut_off() -> None:
    with pytest.raises(HTTPException, match="more than 100 lines"):
        parsed(b"Name: 1\r\n" + b" more\r\n" * 1000 + b"\r\n")


def test_http_client_asks_for_headers_where_it_is_given_ours() -> None:
    """Should it stop to do so in a later Python, ours would be dead code without anybody noticing."""
    assert "parse_headers" in HTTPResponse.begin.__code__.co_names


@pytest.mark.parametrize("head", [b"garbage\r\n\r\n", b"Content-Length: 2\r\n"])
def test_a_reply_with_a_bad_head_is_no_reply(head: bytes) -> None:
    def answer(connection: Connection) -> None:
        connection.receive()
        connection.send(b"HTTP/1.1 200 OK\r\n" + head)

    client = HttpClient(urllib3.PoolManager(), Watchdog())
    with Loopback(answer) as server, pytest.raises(Interrupted):
        client.call(Request(method="GET", url=server.url, timeout=5.0))
