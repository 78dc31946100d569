"""Percent signs are decoded to the end, and in one pass."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import unquote, unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secrets_manager.backends.vault.kv import locate
from secrets_manager.backends.vault.percent import unfold
from secrets_manager.domain.errors import InvalidPath

# Pieces that make escapes, halves of them, escapes of escapes, and characters of two to four bytes.
PIECES = st.sampled_from(
    [*"%%%0123456789abcdefABCDEF./\\gZ", "%25", "%2", "%2e", "%2F", "%c3%a9", "é", "你", "😀", "%E4"]
)
TEXTS = st.lists(PIECES, max_size=60).map("".join)


def by_repetition(text: str) -> bytes:
    """The definition: decode until nothing changes."""
    encoded = text.encode()
    while (once := unquote_to_bytes(encoded)) != encoded:
        encoded = once
    return encoded


def by_repeated_text(text: str) -> str:
    """The same with the text in between, in which broken UTF-8 becomes replacement characters."""
    while (once := unquote(text)) != text:
        text = once
    return text


@given(TEXTS)
def test_unfolding_gives_the_same_as_decoding_until_nothing_changes(text: str) -> None:
    assert unfold(text) == by_repetition(text)


@given(st.text(max_size=40), st.integers(0, 6))
def test_any_text_that_was_escaped_any_number_of_times_comes_out(text: str, times: int) -> None:
    encodable = text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    escaped = encodable
    for _ in range(times):
        escaped = "".join(f"%{byte:02x}" for byte in escaped.encode())[:4000]

    assert unfold(escaped) == by_repetition(escaped)


@given(TEXTS)
def test_dot_segments_are_found_exactly_where_a_decoder_of_texts_finds_them(text: str) -> None:
    as_text = by_repeated_text(text).replace("\\", "/").split("/")
    as_bytes = unfold(text).replace(b"\\", b"/").split(b"/")

    assert ({".", ".."} & set(as_text) != set()) == ({b".", b".."} & set(as_bytes) != set())


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("%252525252e", b"."),
        ("%%32%65", b"."),
        ("%%%32%35%32%65", b"%."),
        ("%2%35", b"%"),
        ("%2%352e", b"."),
        ("%", b"%"),
        ("%2", b"%2"),
        ("%zz", b"%zz"),
        ("%C3%A9", "é".encode()),
        ("%25C3%A9é", "éé".encode()),
        ("", b""),
    ],
)
def test_an_escape_may_be_put_together_from_others(text: str, plain: bytes) -> None:
    assert unfold(text) == plain == by_repetition(text)


@pytest.mark.parametrize("depth", [1, 7, 400, 2000])
@pytest.mark.parametrize("dots", ["%2e", "%2E%2e", ".%2e", "%2e%2f.."])
def test_a_segment_of_dots_is_found_however_deep_it_is_hidden(depth: int, dots: str) -> None:
    hidden = dots.replace("%", "%" + "25" * (depth // dots.count("%") if "%" in dots else 0), 1)

    with pytest.raises(InvalidPath, match=r"'\.' or '\.\.' segment"):
        locate(f"secret/{hidden}")


class CountedBytes(bytes):
    """Text whose encoded form counts how often it was read."""

    passes = 0

    def __iter__(self) -> Iterator[int]:
        type(self).passes += 1
        return super().__iter__()


class CountedText(str):
    """See CountedBytes."""

    __slots__ = ()

    def encode(self, *_: str) -> CountedBytes:
        return CountedBytes(str.encode(self))


@pytest.mark.parametrize("deep", [10, 100_000])
def test_the_text_is_read_once_however_deep_its_escapes_are(deep: int) -> None:
    CountedBytes.passes = 0

    assert unfold(CountedText("%" + "25" * deep + "2e")) == b"."
    assert CountedBytes.passes == 1
