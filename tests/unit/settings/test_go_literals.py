"""Literals are read and written as Go does; the verdicts in go_verdicts.json are those of Go 1.26 itself."""

from __future__ import annotations

import json
import string
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secrets_manager.settings import go_literals

# Rows: text; ParseInt(text, 0, 64); ParseDuration in nanoseconds; that as String; ParseBool; %q.
VERDICTS = json.loads(Path(__file__).with_name("go_verdicts.json").read_text(encoding="utf-8"))


def verdict(parse: Callable[[str], object], text: str) -> str:
    try:
        return str(parse(text))
    except go_literals.GoSyntaxError as exc:
        return str(exc)


def test_there_are_verdicts_to_compare_with() -> None:
    assert len(VERDICTS) > 200


@pytest.mark.parametrize("row", VERDICTS, ids=lambda row: ascii(row[0]))
def test_every_literal_is_read_and_written_as_go_does(row: list[str]) -> None:
    text, integer, duration, written, boolean, quoted = row

    assert verdict(go_literals.parse_int, text) == integer
    assert verdict(go_literals.parse_duration, text) == duration
    assert verdict(go_literals.parse_bool, text).lower() == boolean
    assert go_literals.quote(text) == quoted
    if written:
        assert go_literals.format_duration(int(duration)) == written


@given(st.integers(min_value=-(1 << 63), max_value=(1 << 63) - 1))
def test_a_written_duration_is_read_back_as_it_was(nanoseconds: int) -> None:
    written = go_literals.format_duration(nanoseconds)

    # Go adds fractions of a second in floating point; nine digits are exact there.
    assert go_literals.parse_duration(written) == nanoseconds


@given(st.integers(min_value=-(1 << 63), max_value=(1 << 63) - 1), st.sampled_from(["d", "#x", "#o", "#b"]))
def test_an_integer_is_read_in_each_base(number: int, form: str) -> None:
    assert go_literals.parse_int(format(number, form)) == number


@given(st.integers(min_value=1 << 63) | st.integers(max_value=-(1 << 63) - 1))
def test_an_integer_beyond_64_bits_is_out_of_range(number: int) -> None:
    assert verdict(go_literals.parse_int, str(number)) == "value out of range"


@pytest.mark.parametrize("text", ["0b0b0", "0bb1", "0B_b1", "0x0x1", "0o0o1"])
def test_a_prefix_counts_once(text: str) -> None:
    assert verdict(go_literals.parse_int, text) == "parse error"


@pytest.mark.parametrize("text", ["0." + "9" * 5000 + "s", "1" * 5000 + "s", "1" * 5000, "0x" + "f" * 5000])
def test_however_many_digits_are_read_or_refused(text: str) -> None:
    assert verdict(go_literals.parse_int, text) in {"parse error", "value out of range"}
    assert verdict(go_literals.parse_duration, text) in {"parse error", "1000000000"}


@given(st.text(alphabet=string.printable + "µéπ٣"))
def test_no_text_raises_anything_but_a_syntax_error(text: str) -> None:
    verdict(go_literals.parse_int, text)
    verdict(go_literals.parse_duration, text)
    verdict(go_literals.parse_bool, text)


@given(st.text())
def test_a_quoted_text_is_one_printable_line(text: str) -> None:
    assert go_literals.quote(text).isprintable()


def test_a_byte_that_is_not_utf8_is_quoted_as_that_byte() -> None:
    assert go_literals.quote("a\udcffb") == '"a\\xffb"'
