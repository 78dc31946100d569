"""Foreign texts stay on one line, move no terminal, and are bounded in bytes."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secrets_manager.domain.wording import in_quotes, one_line, printable, truncate

MARKS_OF_DIRECTION = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text, äöü, 文, 😀", "plain text, äöü, 文, 😀"),
        ("two\nlines\r\n", "two\\nlines\\r\\n"),
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("\x9b2J", "\\x9b2J"),
        ("\x00\x7f", "\\x00\\x7f"),
        ("a\u202eb\u2066c\u2028d", "a\\u202eb\\u2066c\\u2028d"),
        ("pay\u200bload \xad\u2060\U000e0041", "pay\\u200bload \\xad\\u2060\\U000e0041"),
        ("half \ud800 pair", "half \\ud800 pair"),
    ],
)
def test_characters_that_do_not_show_are_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_a_text_that_fits_stays_as_it_is() -> None:
    assert truncate("é" * 5, 10) == "é" * 5


@pytest.mark.parametrize("letter", ["x", "é", "文", "😀"])
def test_a_long_text_is_cut_between_characters_and_says_so(letter: str) -> None:
    cut = truncate(letter * 5000, 1024)

    assert cut.endswith(letter + "...")
    assert 1024 - 4 < len(cut.encode()) <= 1024


@given(st.text(st.characters(codec=None)), st.integers(min_value=3, max_value=60))
def test_every_text_comes_out_within_its_bound_and_can_be_encoded(text: str, most: int) -> None:
    line = one_line(text * 3, most)

    assert len(line.encode()) <= most
    assert not {unicodedata.category(letter) for letter in line} & {"Cc", "Cs", "Zl", "Zp"}
    assert not {unicodedata.bidirectional(letter) for letter in line} & MARKS_OF_DIRECTION


def test_a_quote_of_a_long_text_is_cut() -> None:
    assert len(in_quotes("k" * 10**6)) < 1100
    assert in_quotes("a'b") == repr("a'b")
