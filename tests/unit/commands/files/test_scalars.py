"""A plain scalar means what it means to kubectl, which tests/integration/test_check_schema.py asks."""

from __future__ import annotations

import math

import pytest

from secrets_manager.commands.files.scalars import plain


@pytest.mark.parametrize("text", ["y", "YES", "on", "true", "TRUE"])
def test_words_of_yaml_1_1_are_true(text: str) -> None:
    assert plain(text) is True


@pytest.mark.parametrize("text", ["n", "No", "off", "False"])
def test_words_of_yaml_1_1_are_false(text: str) -> None:
    assert plain(text) is False


@pytest.mark.parametrize("text", ["", "~", "null", "NULL"])
def test_nothing_is_null(text: str) -> None:
    assert plain(text) is None


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("+1", 1),
        ("-017", -15),
        ("0o17", 15),
        ("0x1F", 31),
        ("-0b11", -3),
        ("1_000", 1000),
        ("18446744073709551615", 2**64 - 1),
        ("1e3", 1000.0),
        ("1.", 1.0),
        (".5", 0.5),
        ("08", 8.0),
        ("18446744073709551616", 2.0**64),
        (".inf", math.inf),
        ("-.inf", -math.inf),
    ],
)
def test_numbers_are_numbers(text: str, number: float) -> None:
    assert plain(text) == number
    assert type(plain(text)) is type(number)


@pytest.mark.parametrize(
    "text",
    ["12:30", "2001-01-01", "1e", "0x", "0b2", "1e400", "+", "-", "..", "._5", "tRUE", "inf", "٣", "9" * 401],
)
def test_what_only_looks_like_a_number_is_a_text(text: str) -> None:
    assert plain(text) == text
