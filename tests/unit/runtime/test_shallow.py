"""JSON that is too deep for the parser loses its deep levels and nothing else."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest

from secrets_manager.runtime.shallow import DEPTH, cut, loads

# The API server takes ten thousand levels.
LEVELS = [1_025, 1_500, 9_900]
NESTS = {
    "maps": (b'{"f:a":', b"}"),
    "lists": (b"[", b"]"),
    "both": (b'[{"a":', b"}]"),
    "with brackets in texts": (b'{"]}\\"[":', b"}"),
    "with blanks": (b'\n { "a" :\t', b" } "),
    "beside others": (b'{"x":[[1],{"y":[]}],"a":', b',"z":"}"}'),
}


def nest(kind: str, levels: int) -> bytes:
    opening, closing = NESTS[kind]
    return opening * levels + b"1" + closing * levels


@pytest.mark.parametrize("levels", LEVELS)
@pytest.mark.parametrize("kind", NESTS)
def test_values_beside_a_deep_part_are_read(kind: str, levels: int) -> None:
    deep = nest(kind, levels)

    found = loads(b'{"before":["a",{"b":[2]}],"deep":%b,"after":{"c":"\\u00e4]"}}' % deep)

    assert found["before"] == ["a", {"b": [2]}]
    assert found["after"] == {"c": "ä]"}


def test_deep_parts_of_one_object_do_not_hide_another_object() -> None:
    items = b",".join(b'{"name":"%d","deep":%b}' % (number, nest("maps", 2_000)) for number in range(5))

    assert [item["name"] for item in loads(b'{"items":[%b]}' % items)["items"]] == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize("levels", [1, DEPTH, 300])
def test_a_document_that_can_be_parsed_stays_whole(levels: int) -> None:
    body = nest("both", levels)

    assert loads(body) == orjson.loads(body)


@pytest.mark.parametrize(
    ("body", "left"),
    [
        (b"[1,[2,[3,[4]]],5]", [1, [2, None], 5]),
        (b'{"a":{"b":{"c":1}},"d":[[]]}', {"a": {"b": None}, "d": [None]}),
        (b"[[[1],[2]],[[3]]]", [[None, None], [None]]),
        (b"[[]]", [[]]),
        (b'"[[["', "[[["),
    ],
)
def test_null_stands_for_each_part_that_lies_deeper(body: bytes, left: Any) -> None:
    assert json.loads(cut(body, depth=2)) == left


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[" * 5_000,
        b"[" * 5_000 + b"]" * 4_999,
        nest("lists", 5_000) + b"]",
        b'{"a":' * 5_000 + b'"' + b"}" * 5_000,
        nest("maps", 5_000)[:-20],
    ],
    ids=["empty", "html", "open", "open by one", "closed once too often", "half a text", "cut off"],
)
def test_bytes_that_are_not_json_are_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        loads(body)


# ── numbers ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "number", [b"1e999", b"-1E+999", b"1" + b"0" * 5000], ids=lambda number: number[:5].decode()
)
def test_a_number_that_no_float_holds_makes_nothing_beside_it_unreadable(number: bytes) -> None:
    items = b'[{"metadata":{"name":"a"},"spec":{"odd":%b}},{"metadata":{"name":"1e999"},"n":[-0,12,2.5]}]'
    odd, other = loads(items % number)

    assert isinstance(odd["spec"]["odd"], float)
    assert (odd["spec"]["odd"] < 0) is number.startswith(b"-")
    assert other == {"metadata": {"name": "1e999"}, "n": [0, 12, 2.5]}


def test_nor_does_one_that_lies_deep_or_beside_what_does() -> None:
    found = loads(b'{"n":1e999,"deep":%b,"last":"x"}' % nest("maps", 1500).replace(b":1}", b":1e999}"))

    assert isinstance(found["n"], float)
    assert found["last"] == "x"


@pytest.mark.parametrize(
    "literal", [b"NaN", b"Infinity", b"-Infinity", b"01", b"1e", b"--1e999", b"1e999x", b".1e999"]
)
def test_what_is_no_number_of_json_stays_an_error(literal: bytes) -> None:
    for body in (b"[%b]", b"[1e999,%b]"):
        with pytest.raises(orjson.JSONDecodeError):
            loads(body % literal)
