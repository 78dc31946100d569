"""Values of JSON keep each digit of their numbers, and are bounded before anything is made of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secrets_manager.runtime.json_exact import (
    MOST_BYTES,
    MOST_LEVELS,
    MOST_VALUES,
    TOO_DEEP,
    TOO_LONG,
    TOO_MANY,
    NotExact,
    floor,
    natural,
    parse,
    parts,
    text,
)
from tests.unit.foreign_input import ANY_JSON

LITERALS = ["0", "-0", "1.10", "1e400", "-1E-7", "12345678901234567890123", "0.1", "9" * 5000, "1.0e0"]
SPACED: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [{}, {"indent": "\t", "separators": (" ,", "\r\n: ")}, {"ensure_ascii": False}]
)


@pytest.mark.parametrize("literal", LITERALS)
def test_a_number_is_written_as_it_was(literal: str) -> None:
    body = f'{{"b": [ {literal} ], "a": {literal}}}'.encode()

    assert text(parse(body)) == f'{{"a":{literal},"b":[{literal}]}}'


@given(ANY_JSON, SPACED)
def test_the_text_of_a_value_is_compact_and_in_order_whatever_its_layout(
    document: Any, layout: dict[str, Any]
) -> None:
    body = json.dumps(document, **layout).encode("utf-8", "replace")
    expected = json.dumps(json.loads(body), sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    assert text(parse(body)) == expected


@given(ANY_JSON)
def test_values_of_python_have_the_same_text(document: Any) -> None:
    expected = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    assert text(document) == expected


@pytest.mark.parametrize(
    ("literal", "found"),
    [
        ("5432", 5432), ("-1", -1), ("0", 0), ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)),
        ("0.5", 0.5), ("1.0", 1.0), ("true", True), ("false", False), ("null", None), ('"a"', "a"),
        ("9223372036854775808", "9223372036854775808"), ("-0", "-0"), ("1.10", "1.10"), ("1e3", "1e3"),
        ("0.30000000000000004", "0.30000000000000004"), ("1e400", "1e400"), ("0.00001", "0.00001"),
    ],
)  # fmt: skip
def test_a_number_is_natural_where_its_digits_stay(literal: str, found: object) -> None:
    made = natural(parse(literal.encode()))

    assert made == found
    assert type(made) is type(found)
    assert natural(parse(f'{{"a":[{literal}]}}'.encode())) == {"a": [found]}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"tru",
        b"[1",
        b'{"a"}',
        b"NaN",
        b"[Infinity]",
        b"01",
        b"1.",
        b'"\\x"',
        b"[1] 2",
        b"'a'",
        b'"\xff"',
    ],
)
def test_what_is_no_json_is_refused_without_a_word_of_it(body: bytes) -> None:
    with pytest.raises(NotExact) as caught:
        parse(body)

    assert caught.value.args == ("JSON",)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("levels", [MOST_LEVELS + 1, 1_000, 100_000])
@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_too_many_levels_are_refused(levels: int, opening: bytes, closing: bytes) -> None:
    with pytest.raises(NotExact, match=TOO_DEEP):
        parse(opening * levels + b"0" + closing * levels)


@given(ANY_JSON)
def test_the_floor_of_a_text_is_never_above_its_length(document: Any) -> None:
    assert floor(document) <= len(text(document))
    assert floor(parse(json.dumps(document).encode())) <= len(text(document))


def test_the_floor_grows_with_each_value() -> None:
    assert floor(parse(b"[" + b"1," * 1000 + b"1]")) > 2000
    assert floor(parse(json.dumps({"a": ["x" * 1000]}).encode())) > 1000


def test_as_many_levels_as_are_allowed_are_read() -> None:
    body = b"[" * MOST_LEVELS + b"]" * MOST_LEVELS

    assert text(parse(body)) == body.decode()
    assert natural(parse(body)) is not None


@pytest.mark.parametrize("make", [text, natural])
def test_too_many_levels_of_pythons_are_refused(make: Any) -> None:
    deep: list[Any] = []
    for _ in range(1_000):
        deep = [deep]

    with pytest.raises(NotExact, match=TOO_DEEP):
        make(deep)


@pytest.mark.parametrize("make", [text, natural])
@pytest.mark.parametrize(
    "strange", [{1: "canary"}, {"a": b"canary"}, float("nan"), float("inf"), {"c"}, [10**5000]]
)
def test_values_that_json_does_not_have_are_refused(make: Any, strange: object) -> None:
    with pytest.raises(NotExact, match=r"^JSON$"):
        make({"a": [strange]})


@pytest.mark.parametrize("inside", [b"[],", b"1,", b'"a",', b'{"a":0},'])
def test_too_many_values_are_refused_before_they_are_made(inside: bytes) -> None:
    with pytest.raises(NotExact, match=TOO_MANY):
        parse(b"[" + inside * MOST_VALUES + b"0]")


def test_a_very_long_document_is_refused_before_it_is_read() -> None:
    assert parse(b'"' + b"x" * (MOST_BYTES - 2) + b'"') == "x" * (MOST_BYTES - 2)
    with pytest.raises(NotExact, match=TOO_LONG):
        parse(b'"' + b"x" * (MOST_BYTES - 1) + b'"')


def test_commas_and_brackets_in_a_text_are_no_parts() -> None:
    assert parts(b'["' + b",[{" * MOST_VALUES + b'\\"]"]') < 10
