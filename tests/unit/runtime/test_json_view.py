"""JSON that is read in place: the same content as from a parser, for the memory of its bytes."""

from __future__ import annotations

import gc
import json
import sys
import tracemalloc
import weakref
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secrets_manager.runtime.json_spans import JsonText, JsonValue, Malformed
from secrets_manager.runtime.json_view import MOST_PARTS, JsonMap, TooManyParts, view
from tests.unit.foreign_input import ANY_JSON, TEXT, as_bytes, mangled

MIB = 1024 * 1024
MAPS = st.dictionaries(TEXT, ANY_JSON, max_size=6)
SPACED: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [{}, {"indent": 1}, {"indent": "\t", "separators": (" ,", "\r\n: ")}, {"ensure_ascii": False}]
)


def shown(found: object) -> object:
    """What a view holds, lists without their content."""
    if isinstance(found, Mapping):
        return {key: shown(found[key]) for key in found}
    return [] if isinstance(found, list) else found


def text_in(found: object) -> str:
    assert isinstance(found, JsonText)
    return found.text()


def made(found: object) -> object:
    """The value at a place of a view."""
    return json.loads(found.literal()) if isinstance(found, JsonValue) else found and text_in(found)


@given(MAPS, SPACED)
def test_a_view_of_a_map_equals_the_map(document: dict[str, Any], layout: dict[str, Any]) -> None:
    body = json.dumps(document, **layout).encode("utf-8", "surrogatepass")
    try:
        body.decode()
    except UnicodeDecodeError:
        with pytest.raises(Malformed):
            view(body)
        return
    found = view(body)

    assert shown(found) == shown(document)
    assert len(found) == len(document)
    assert [type(found[key]) for key in document if not isinstance(document[key], dict)] == [
        type(document[key]) for key in document if not isinstance(document[key], dict)
    ]


@given(mangled(as_bytes({"a": {"b": ['"]}', {"c": "\\"}], "d": "x\\"}, "e": 1.5})) | st.binary(max_size=20))
def test_any_bytes_are_a_map_or_malformed(body: bytes) -> None:
    try:
        shown(view(body))
    except Malformed:
        with pytest.raises(ValueError):
            _strict(body)


def _strict(body: bytes) -> None:
    found = json.loads(body.decode())
    if not isinstance(found, dict):
        raise ValueError("no map")  # noqa: TRY004 - what the parser raises, too


@pytest.mark.parametrize(
    "body",
    [
        b"", b" ", b"[]", b'"a"', b"1", b"{", b'{"a"', b'{"a":', b'{"a":}', b'{"a":1', b'{"a":1,',
        b'{"a":1,}', b'{"a":1 "b":2}', b'{"a":[}', b'{"a":["]}', b'{"a":"\\"}', b"{a:1}", b'{"a":1}x',
        b'{"a":1}{}', b'{"a":"\xff"}', b'{"\xc3":1}', b'{"a":1,,"b":2}', b"{,}", b'{"a" 1}',
    ],
    ids=repr,
)  # fmt: skip
def test_a_document_that_is_not_one_whole_map_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        shown(view(body))

    assert body not in str(caught.value).encode() or not body.strip()


def test_among_members_with_the_same_name_the_last_counts_as_for_a_parser() -> None:
    body = b'{"a":"1","\\u0061":"2","b":0,"a":{"c":3}}'
    assert shown(view(body)) == json.loads(body)


@pytest.mark.parametrize("count", [10, 64, 65, 1_000])
def test_the_wanted_members_are_found_among_few_and_among_many(count: int) -> None:
    found = view(as_bytes({f"key-{number}": str(number) for number in range(count)}))
    only = found.only(("key-9", "key-3", "nowhere"))

    assert {key: text_in(text) for key, text in only.items()} == {"key-9": "9", "key-3": "3"}
    assert found["key-9"] == "9"
    assert "nowhere" not in found


NAMES = st.one_of(
    TEXT, st.sampled_from(["", '"', "%b", "a|b", "(?!", "\\", "\u20ac", "key-00099", "key-0009"])
)


@given(MAPS, st.sets(NAMES, max_size=12), NAMES, SPACED)
def test_among_many_members_the_wanted_members_are_found_whatever_their_names(
    some: dict[str, Any], wanted: set[str], there: str, layout: dict[str, Any]
) -> None:
    many: dict[str, Any] = {f"key-{number:05}": "v" if number % 3 else number for number in range(150)}
    document = {**many, **some, there: "here", **{f"more-{number}": None for number in range(80)}}
    body = json.dumps(document, **layout).encode("utf-8", "replace")
    expected = json.loads(body)
    found = view(body).only(wanted)

    assert {key: made(value) for key, value in found.items()} == {
        key: expected[key] for key in wanted & expected.keys()
    }


def test_among_many_members_with_the_same_name_the_last_counts() -> None:
    others = b"".join(b',"k%d":0' % number for number in range(200))
    body = b'{"a":"1"' + others + b',"\\u0061":"2"' + others + b',"b":"3","a":"4"' + others + b"}"

    assert view(body)["a"] == "4"
    assert view(body.replace(b',"a":"4"', b""))["a"] == "2"
    assert view(b'{"b":0' + b',"a":0' * 100 + b',"c":"5","a":1}')["c"] == "5"


def calls_for(step: Callable[[], object]) -> int:
    """How many functions are called for it, those that are written in C among them."""
    count = 0

    def one(_frame: object, event: str, _arg: object) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    sys.setprofile(one)
    try:
        step()
    finally:
        sys.setprofile(None)
    return count


def test_unwanted_members_are_skipped_many_parts_at_a_time() -> None:
    members = b",".join(b'"key-%06d":"v"' % number for number in range(100_000))
    body = b'{"data":{"data":{' + members + b'},"metadata":{"version":1}}}'
    found = view(body)["data"]["data"]

    assert calls_for(lambda: view(body)["data"]["data"]) < 1_000
    assert calls_for(lambda: found.only(("key-000007", "key-099990"))) < 10_000


def test_a_document_in_a_text_is_no_part_but_the_text() -> None:
    inner = json.dumps({f"k{number}": "" for number in range(200_000)})
    body = as_bytes({"a": inner, "b": {"c": inner, "d": "e"}})

    assert view(body)["b"]["d"] == "e"


@given(TEXT)
def test_the_floor_of_a_text_is_never_above_its_bytes_without_line_ends(text: str) -> None:
    for written in (json.dumps(text), json.dumps(text, ensure_ascii=False)):
        body = b'{"a":' + written.encode("utf-8", "replace") + b"}"
        found = view(body).only("a")["a"]

        assert isinstance(found, JsonText)
        bare = found.text().replace("\n", "").replace("\r", "")
        assert found.floor() <= len(bare.encode("utf-8", "replace"))


def test_the_floor_of_a_plain_text_is_its_length() -> None:
    found = view(as_bytes({"a": "x" * 1000})).only("a")["a"]

    assert isinstance(found, JsonText)
    assert found.floor() == 1000


def test_marks_differ_with_the_content_and_are_equal_for_equal_content() -> None:
    one, same, other = (view(as_bytes({"a": {"b": text}}))["a"] for text in ("x", "x", "y"))

    assert one.mark() == same.mark() != other.mark()


def test_a_text_is_found_however_deep_and_only_within_the_map() -> None:
    found = view(b'{"a":{"b":[["s.token"]]},"c":{"s.token":1},"d":{"e":"f"},"g":"s.token"}')

    assert [found[key].mentions("s.token") for key in "acd"] == [True, True, False]


def test_no_repr_of_a_map_shows_its_content() -> None:
    found = view(b'{"a":"canary","canary":{}}')

    assert "canary" not in f"{found!r} {found.only(('a',))!r}"


DEEP_OR_WIDE = {
    "empty lists": b'{"a":[' + b"[]," * 40_000 + b"0]}",
    "maps": b'{"a":[' + b'{"":0},' * 25_000 + b"0]}",
    "numbers": b'{"a":[' + b"1.5," * 200_000 + b"0]}",
    "deep lists": b'{"a":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    "members": b'{"a":0' + b"".join(b',"k%06d":""' % number for number in range(25_000)) + b"}",
    "escapes": b'{"a":"' + b"\\n" * 1_000_000 + b'"}',
    "a long number": b'{"a":' + b"7" * 1_000_000 + b"}",
}


@pytest.mark.parametrize("kind", DEEP_OR_WIDE)
def test_members_that_are_not_wanted_take_no_memory(kind: str) -> None:
    body = DEEP_OR_WIDE[kind]
    tracemalloc.start()
    try:
        found = view(body)
        assert "b" not in found
        assert found.mark()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < MIB / 4 + len(body) / 8


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":[' + b"[]," * (MOST_PARTS // 2) + b"0]}",
        b'{"a":' + b"[" * MOST_PARTS + b"]" * MOST_PARTS + b"}",
        b'{"a":0' + b',"":0' * (MOST_PARTS // 2) + b"}",
        b'{"a":""' + b',"":""' * (MOST_PARTS // 2) + b"}",
        b'{"a":[' + b'"",' * MOST_PARTS + b"0]}",
    ],
    ids=["lists", "depth", "members", "texts of members", "texts"],
)
def test_more_parts_than_are_looked_at_are_refused(body: bytes) -> None:
    with pytest.raises(TooManyParts):
        view(body)


def test_the_held_object_is_released_with_the_last_value_that_was_found() -> None:
    class Hold:
        pass

    hold = Hold()
    gone = weakref.ref(hold)
    found: JsonMap | None = view(b'{"a":{"b":"c"}}', hold)
    del hold
    inner = found["a"] if found is not None else None
    text = inner.only("b")["b"] if inner is not None else None
    found = inner = None
    assert gone() is not None
    assert text is not None
    assert text.text() == "c"
    text = None
    gc.collect()

    assert gone() is None
