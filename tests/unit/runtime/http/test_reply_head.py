"""Heads of replies: good ones are read as `http.client` reads them, and bad ones are refused."""

from __future__ import annotations

import http.client
import io
import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secrets_manager.runtime.http.reply_head import (
    CHUNKED,
    MAX_FIELDS,
    TO_THE_END,
    Framing,
    Head,
    Headers,
    framing,
    parse_head,
)
from secrets_manager.runtime.http.transport_errors import MalformedReply

# "From" is the mark of a mailbox to the parser that is the oracle.
NAMES = st.text(string.ascii_letters + string.digits + "-_.!~", min_size=1, max_size=12)
WORDS = st.text([chr(code) for code in range(0x21, 0x100) if not 0x7F <= code <= 0xA0], max_size=12)
VALUES = st.lists(WORDS, max_size=4).map(" ".join)
BLANKS = st.text(" \t", max_size=3)
FIRST = b"HTTP/1.1 200 OK\r\n"


def fields(lines: bytes) -> dict[str, str]:
    return parse_head((FIRST + lines).removesuffix(b"\r\n")).fields


def framed(*lines: str, status: int = 200, method: str = "GET", minor: int = 1) -> Framing:
    head = "\r\n".join((f"HTTP/1.{minor} {status} Word", *lines)).encode("latin-1")
    return framing(method, parse_head(head))


# ── the fields ───────────────────────────────────────────────────────────────────────────────────────


@given(st.lists(st.tuples(NAMES, BLANKS, VALUES), max_size=20))
def test_good_heads_are_read_as_http_client_reads_them(lines: list[tuple[str, str, str]]) -> None:
    content = "".join(f"{name}:{blanks}{value}\r\n" for name, blanks, value in lines).encode("latin-1")

    theirs = http.client.parse_headers(io.BytesIO(content + b"\r\n"))

    # The other parser keeps a blank at the end of a value, which HTTP says is none of it.
    expected: dict[str, list[str]] = {}
    for name, value in theirs.items():
        expected.setdefault(name.lower(), []).append(value.strip(" \t"))
    assert fields(content) == {name: ", ".join(values) for name, values in expected.items()}


@given(st.lists(st.tuples(WORDS.filter(bool), BLANKS), min_size=1, max_size=4))
def test_a_value_that_goes_on_in_further_lines_is_joined_by_single_spaces(
    lines: list[tuple[str, str]],
) -> None:
    folded = "\r\n ".join(f"{word}{blanks}" for word, blanks in lines)
    found = fields(f"First: {folded}\r\nSecond: 2\r\n".encode("latin-1"))

    assert re.split("[ \t]+", found["first"]) == [word for word, _ in lines]
    assert found["second"] == "2"


@given(st.binary(max_size=200) | st.binary(max_size=100).map(lambda rest: FIRST + rest))
def test_any_bytes_are_read_or_refused_without_being_quoted(block: bytes) -> None:
    refusal = ""
    try:
        head = parse_head(block)
    except MalformedReply as error:
        refusal = str(error)
    else:
        assert all(re.fullmatch(r"[!#$%&'*+.^_`|~0-9a-z-]+", name) for name in head.fields)
        assert not any(set(value) & set("\r\n\0") for value in head.fields.values())
    assert not refusal or refusal in _REFUSALS


_REFUSALS = {
    f"the reply is not valid HTTP: {fault}"
    for fault in (
        "the first header begins with a blank",
        "a line of the head is not a header",
        "a header holds a character that is not allowed",
        "it does not begin with an HTTP/1 status line",
    )
}


@pytest.mark.parametrize(
    "line",
    [
        b"no colon",
        b": no name",
        b"Name : blank before the colon",
        b"Name\t: 1",
        b"Na me: 1",
        b"N\xe4me: 1",
        b"Name\x7f: 1",
        b"(Name): 1",
        b" Name: 1",
        b"\tName: 1",
        b"Name: 1\rContent-Length: 5",
        b"Name: 1\nContent-Length: 5",
        b"Name: 1\n\rContent-Length: 5",
        b"Name: nul\0",
        b"\r: 1",
        b"",
    ],
)
def test_an_invalid_header_line_is_a_fault_and_not_the_end_of_the_head(line: bytes) -> None:
    with pytest.raises(MalformedReply):
        fields(line + b"\r\n" if line else b"\r\nName: 1\r\n")


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\xff",
        b"HTTP/2 200 OK",
        b"HTTP/1.2 200 OK",
        b"HTTP/1.10 200 OK",
        b"HTTP/0.9 200 OK",
        b"http/1.1 200 OK",
        b" HTTP/1.1 200 OK",
        b"HTTP/1.1  200 OK",
        b"HTTP/1.1\t200 OK",
        b"HTTP/1.1 2000 OK",
        b"HTTP/1.1 20 OK",
        b"HTTP/1.1 099 OK",
        b"HTTP/1.1 +20 OK",
        b"HTTP/1.1 2_0 OK",
        "HTTP/1.1 \N{ARABIC-INDIC DIGIT TWO}00 OK".encode(),
        b"HTTP/1.1 200OK",
        b"HTTP/1.1 200 O\rK",
        b"HTTP/1.1 200 O\0K",
        b"ICY 200 OK",
        b"<html>",
    ],
)
def test_an_invalid_status_line_is_a_fault(line: bytes) -> None:
    with pytest.raises(MalformedReply):
        parse_head(line + b"\r\nContent-Length: 0")


@pytest.mark.parametrize(
    "line", [b"HTTP/1.1 200", b"HTTP/1.1 200 ", b"HTTP/1.1 200 \xe4 b", b"HTTP/1.0 200 OK"]
)
def test_the_words_of_a_status_line_do_not_matter(line: bytes) -> None:
    assert parse_head(line).status == 200


def test_a_head_may_have_so_many_lines_and_no_more() -> None:
    line = b"Name: 1\r\n"

    assert fields(line * MAX_FIELDS)["name"] == ", ".join("1" * MAX_FIELDS)
    with pytest.raises(MalformedReply, match="more than 100 lines"):
        fields(line * (MAX_FIELDS + 1))
    with pytest.raises(MalformedReply, match="more than 100 lines"):
        fields(line + b" more\r\n" * MAX_FIELDS)


def test_headers_are_found_in_any_case_and_not_shown() -> None:
    headers = Headers({"retry-after": "canary"})

    assert headers["Retry-After"] == headers.get("RETRY-AFTER") == "canary"
    assert "Retry-AFTER" in headers
    assert headers.get("Date") is None
    assert dict(headers) == {"retry-after": "canary"}
    assert "canary" not in repr(headers)
    assert "canary" not in repr(parse_head(b"HTTP/1.1 200 OK\r\nset-cookie: canary"))


# ── where the body ends ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-1",
        "+5",
        "5 5",
        "5,5",
        "5, 5",
        "5, 6",
        "0x5",
        "5_0",
        "5.0",
        "1e1",
        "\N{ARABIC-INDIC DIGIT FIVE}",
        "²",
        "five",
        "5\x0b",
        "9" * 19,
    ],
)
def test_a_length_that_is_not_one_plain_number_is_a_fault(text: str) -> None:
    with pytest.raises(MalformedReply, match="Content-Length"):
        framing("GET", Head(200, 1, {"content-length": text}, plain=True))


@pytest.mark.parametrize(("one", "other"), [("5", "5"), ("5", "6"), ("0", "5"), ("", "5")])
def test_two_lengths_are_a_fault_even_when_they_agree(one: str, other: str) -> None:
    with pytest.raises(MalformedReply, match="Content-Length"):
        framed(f"Content-Length: {one}", f"content-length: {other}")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "gzip",
        "identity",
        "gzip, chunked",
        "chunked, gzip",
        "chunked, chunked",
        "x-chunked",
        "chunked;q=1",
        "\x0bchunked",
    ],
)
def test_an_encoding_that_is_not_exactly_chunked_is_a_fault(text: str) -> None:
    with pytest.raises(MalformedReply, match="other than chunked"):
        framed(f"Transfer-Encoding: {text}")


def test_two_encodings_are_a_fault() -> None:
    with pytest.raises(MalformedReply, match="other than chunked"):
        framed("Transfer-Encoding: chunked", "Transfer-Encoding: chunked")


@pytest.mark.parametrize("length", ["0", "5", "-1", ""])
def test_an_encoding_and_a_length_are_a_fault(length: str) -> None:
    with pytest.raises(MalformedReply, match="both"):
        framed("Transfer-Encoding: chunked", f"Content-Length: {length}")


def test_chunks_in_http_1_0_are_a_fault() -> None:
    with pytest.raises(MalformedReply):
        framed("Transfer-Encoding: chunked", minor=0)


@pytest.mark.parametrize("text", ["5", "005"])
def test_a_length_is_believed(text: str) -> None:
    assert framed(f"Content-Length: \t{text} ") == Framing(5, keep=True)


def test_a_reply_without_a_length_ends_with_the_connection() -> None:
    assert framed() == Framing(TO_THE_END, keep=False)


@pytest.mark.parametrize("text", ["chunked", "Chunked", "CHUNKED"])
def test_chunks_are_known_in_any_case(text: str) -> None:
    assert framed(f"Transfer-Encoding: {text}") == Framing(CHUNKED, keep=True)


@pytest.mark.parametrize(
    "lines",
    [
        ["Connection: close"],
        ["connection: CLOSE"],
        ["Connection: keep-alive, Close"],
        ["Connection: keep-alive", "Connection: close"],
        ["Connection: keep-alive,\tclose ,x"],
        ["Connection: x,", " close"],
    ],
)
def test_a_connection_that_the_server_closes_is_not_kept(lines: list[str]) -> None:
    assert framed("Content-Length: 5", *lines) == Framing(5, keep=False)


def test_a_connection_of_http_1_0_is_not_kept_whatever_it_promises() -> None:
    assert framed("Content-Length: 5", "Connection: keep-alive", minor=0) == Framing(5, keep=False)


def test_a_connection_with_a_folded_header_is_not_kept() -> None:
    assert framed("Content-Length: 5", "X: 1", "\t2") == Framing(5, keep=False)


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304), ("PUT", 204)])
def test_a_reply_that_has_no_body_but_announces_one_ends_the_connection(method: str, status: int) -> None:
    def ends(*lines: str) -> Framing:
        return framed(*lines, method=method, status=status)

    assert ends() == ends("Content-Length: 0") == Framing(0, keep=True)
    assert ends("Content-Length: 5") == ends("Transfer-Encoding: chunked") == Framing(0, keep=False)
