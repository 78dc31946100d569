"""Text of the backend to bytes of a Secret: the rules of Go's base64.StdEncoding, to the letter."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secrets_manager.domain.decoding import Encoding, decode

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
CANARY = "canary-4711!"

# What `base64.StdEncoding.DecodeString` of Go 1.26 answers.
GO_DECODES = {
    "": b"",
    "YQ==": b"a",
    "YWI=": b"ab",
    "YWJj": b"abc",
    "YWJjZGVmZw==": b"abcdefg",
    "+/+/": b"\xfb\xff\xbf",
    "YQ=\n=": b"a",
    "\nY\rQ\n=\r\n=\n": b"a",
    "YQ==\n": b"a",
    "YWJj\n": b"abc",
    "\n\r": b"",
    "YR==": b"a",
    "YWJ=": b"ab",
}
GO_REFUSES = [
    "Y", "YQ", "YQ=", "YWJ", "YWJjZA", "YQ==YQ==", "YQ== ", "Y Q==", "YQ==\t", "YWJj=", "=", "==", "====",
    "Y===", "-_-_", "YWJj!", "YQ==\0", "ÿ", "YQ=a", "A=BC",
]  # fmt: skip


@pytest.mark.parametrize(("text", "value"), GO_DECODES.items())
def test_base64_that_go_accepts_is_decoded_as_go_does(text: str, value: bytes) -> None:
    assert decode(text, Encoding.BASE64) == value


@pytest.mark.parametrize("text", GO_REFUSES)
def test_base64_that_go_refuses_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="not base64"):
        decode(text, Encoding.BASE64)


def std_encoding(text: str) -> bytes | None:
    """Go's decoder by its documentation, letter by letter; None where it reports an error."""
    letters = [letter for letter in text if letter not in "\r\n"]
    padding = 0
    while letters and letters[-1] == "=" and padding < 2:
        letters.pop()
        padding += 1
    if any(letter not in ALPHABET for letter in letters) or (len(letters) + padding) % 4:
        return None
    bits = "".join(f"{ALPHABET.index(letter):06b}" for letter in letters)
    whole = len(bits) // 8 * 8
    if padding != (len(bits) - whole) // 2:
        return None
    return bytes(int(bits[at : at + 8], 2) for at in range(0, whole, 8))


@pytest.mark.parametrize("text", [*GO_DECODES, *GO_REFUSES])
def test_the_oracle_of_these_tests_agrees_with_go(text: str) -> None:
    assert std_encoding(text) == GO_DECODES.get(text)


near_base64 = st.text(alphabet=st.sampled_from("AQbz09+/=\r\n -_é"), max_size=12)


@given(near_base64 | st.text(max_size=12))
def test_any_text_is_decoded_or_refused_as_go_would(text: str) -> None:
    try:
        found = decode(text, Encoding.BASE64)
    except ValueError:
        assert std_encoding(text) is None
    else:
        assert found == std_encoding(text)


@given(value=st.binary(max_size=200), width=st.integers(min_value=1, max_value=80))
def test_encoded_text_is_decoded_whatever_the_line_length(value: bytes, width: int) -> None:
    encoded = base64.b64encode(value).decode()
    lines = "\r\n".join(encoded[at : at + width] for at in range(0, len(encoded), width))

    assert decode(lines, Encoding.BASE64) == value


@pytest.mark.parametrize("encoding", [Encoding.DEFAULT, Encoding.TEXT])
@given(text=st.text())
def test_text_is_its_utf_8_bytes(encoding: Encoding, text: str) -> None:
    assert decode(text, encoding) == text.encode()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("\ud800", "\ufffd"),
        ("a\ud800b", "a\ufffdb"),
        ("\udc00\ud800", "\ufffd\ufffd"),
        ("\ud83d\ude00", "\U0001f600"),
        ("\ud800\ud800x", "\ufffd\ufffdx"),
    ],
)
def test_a_lone_surrogate_becomes_the_replacement_character_as_in_go(text: str, value: str) -> None:
    assert decode(text, Encoding.TEXT) == value.encode()


@pytest.mark.parametrize("text", [CANARY, CANARY + "\xff"])
def test_the_error_holds_nothing_of_the_text(text: str) -> None:
    with pytest.raises(ValueError, match="not base64") as caught:
        decode(text, Encoding.BASE64)

    assert "canary" not in str(caught.value)
    # A UnicodeEncodeError would carry the text along.
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_the_words_of_the_crd_are_the_encodings() -> None:
    assert {word.value for word in Encoding} == {"", "text", "base64", "json"}
