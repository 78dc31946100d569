"""A key may point into the value of another, whatever way that came."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secrets_manager.backends.base import Exact, Reading, Source
from secrets_manager.backends.documents import Documents
from secrets_manager.backends.vault.kv import kv_reading
from secrets_manager.domain.errors import DecodeError, KeyFault, KeyNotFound, NotAString
from secrets_manager.runtime import huge_numbers
from secrets_manager.runtime.json_exact import MOST_BYTES, MOST_VALUES
from secrets_manager.runtime.json_view import Parsed, view
from tests.unit.backends.tables import rows
from tests.unit.foreign_input import as_bytes

SOURCE = Source("secret/data/app")


def parsed(values: str) -> Reading:
    """As a small answer of Vault comes."""
    body = f'{{"data": {{"data": {values}, "metadata": {{"version": 1}}}}}}'.encode()
    return kv_reading("kv2", SOURCE, Parsed(huge_numbers.loads(body), body))


def viewed(values: str) -> Reading:
    """As a large answer of Vault comes."""
    return kv_reading("kv1", SOURCE, view(f'{{"data": {values}}}'.encode()))


def given_as_values(values: str) -> Reading:
    """As the memory backend and plug-ins give it."""
    return Reading(SOURCE, "1", json.loads(values))


WAYS = [parsed, viewed, given_as_values]
VALUES = json.dumps(
    {
        "main": {"password": "p", "port": 5432, "": {"": "empty"}, "a/b": {"m~n": "odd"}},
        "users": [{"name": "u"}, {"name": "v", "tags": ["x", None]}],
        "text": '{"inside": {"password": "t", "again": "{\\"no\\": \\"further\\"}"}, "list": ["l"]}',
        "plain": "canary",
        "half": '{"a": "canary',
        "number": 4711,
        "gone": None,
        "data": {"d": "of data"},
        "#/main/literal": "literal",
        "#/main": "whole name",
        "#/gone/too": None,
    }
)
POINTERS = {
    "#/main/password": "p",
    "#/main//": "empty",
    "#/main/a~1b/m~0n": "odd",
    "#/main/a%7e1b/m%7E0n": "odd",
    "#/users/0/name": "u",
    "#/users/1/tags/0": "x",
    "#/text": json.loads(VALUES)["text"],
    "#/text/inside/password": "t",
    "#/text/inside/again": '{"no": "further"}',
    "#/text/list/0": "l",
    "#/plain": "canary",
    "#/main/literal": "literal",
    "#/main": "whole name",
    "#/%23~1main": "whole name",
    "#/data/d": "of data",
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("together", [False, True])
def test_a_pointer_leads_into_maps_lists_and_texts_and_a_key_of_that_name_wins(
    way: Any, together: Any
) -> None:
    reading = way(VALUES)
    found = reading.narrow(POINTERS.keys()) if together else reading

    assert {key: found.pick(key) for key in POINTERS} == POINTERS
    assert {key: found.text_of(key) for key in POINTERS} == POINTERS
    assert {key: found.value_of(key) for key in POINTERS} == POINTERS


FAULTS = rows(
    {
        "no such key": ("#/nowhere/a", KeyNotFound, "no key '#/nowhere/a'"),
        "no such key at all": ("#/nowhere", KeyNotFound, "no key '#/nowhere'"),
        "no such member": ("#/main/nowhere", KeyNotFound, "no key"),
        "no such index": ("#/users/2/name", KeyNotFound, "no key"),
        "the index after the last": ("#/users/-", KeyNotFound, "no key"),
        "an index with a zero before it": ("#/users/00", KeyNotFound, "no key"),
        "an index with a sign": ("#/users/+0", KeyNotFound, "no key"),
        "an index of other digits": ("#/users/%C2%B2", KeyNotFound, "no key"),
        "a name in a list": ("#/users/name", KeyNotFound, "no key"),
        "null": ("#/gone", KeyNotFound, "no key"),
        "null in a list": ("#/users/1/tags/1", KeyNotFound, "no key"),
        "into null": ("#/gone/a", KeyNotFound, "no key"),
        "a key of that name that is null": ("#/gone/too", KeyNotFound, "no key"),
        "into a number": ("#/number/a", KeyNotFound, "no key"),
        "into a text inside": ("#/text/inside/again/no", KeyNotFound, "no key"),
        "a bad escape": ("#/main/a~2", KeyNotFound, "no key"),
        "an empty name": ("#/", KeyNotFound, "no key '#/'"),
        "a number": ("#/main/port", NotAString, "'#/main/port'.* is a number"),
        "a map": ("#/users/0", NotAString, "is a map"),
        "a list": ("#/users", NotAString, "is a list"),
        "into a text that is no JSON": (
            "#/plain/a",
            DecodeError,
            "points into a value that is not valid JSON",
        ),
        "into half of JSON": ("#/half/a", DecodeError, "points into a value that is not valid JSON"),
    }
)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize(("key", "error", "words"), FAULTS)
def test_a_pointer_that_leads_to_no_text_is_a_fault_of_its_key(
    way: Any, together: Any, key: str, error: type[KeyFault], words: str
) -> None:
    reading = way(VALUES)
    found = reading.narrow([key, "#/main/password", "#/plain/b"]) if together else reading

    assert found.floor(key) <= 10
    assert found.floor_of_text(key) <= 60
    with pytest.raises(error, match=words) as caught:
        found.pick(key)
    assert caught.value.key == key
    assert "canary" not in caught.value.message
    assert "4711" not in caught.value.message


@pytest.mark.parametrize("way", [parsed, viewed])
def test_what_a_pointer_leads_to_keeps_its_digits(way: Any) -> None:
    found = way('{"a": {"b": [1.10, {"d": 1e400, "c": 2}]}, "t": "{\\"n\\": 12345678901234567890123}"}')

    assert found.text_of("#/a/b") == '[1.10,{"c":2,"d":1e400}]'
    assert found.text_of("#/a/b/0") == "1.10"
    assert found.value_of("#/a/b") == ["1.10", {"d": "1e400", "c": 2}]
    assert found.text_of("#/t/n") == "12345678901234567890123"


def test_the_empty_name_is_no_short_form_in_a_pointer() -> None:
    found = parsed('{"": {"a": "of the empty name"}, "data": {"a": "of data"}}')

    assert found.pick("#//a") == "of the empty name"
    assert found.pick("#/data/a") == "of data"


MEMBERS = st.recursive(
    st.text(max_size=3) | st.integers(0, 9) | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=8,
)
TOKENS = st.text(max_size=2) | st.sampled_from(["0", "1", "-", "~0", "~1", "~"])


@given(
    st.dictionaries(st.text(max_size=2), MEMBERS, max_size=4),
    st.lists(st.lists(TOKENS, min_size=1, max_size=3), min_size=1, max_size=4),
)
def test_every_way_to_read_it_finds_the_same(values: dict[str, Any], pointers: list[list[str]]) -> None:
    keys = ["#/" + "/".join(tokens) for tokens in pointers]
    body = as_bytes(values).decode()
    one, *others = (
        [outcome(found, key) for key in keys] for way in WAYS for found in (way(body), way(body).narrow(keys))
    )

    assert others == [one] * len(others)


def outcome(found: Reading, key: str) -> str | KeyFault:
    try:
        return found.text_of(key)
    except KeyFault as fault:
        return fault


@pytest.mark.parametrize("way", [parsed, viewed])
def test_a_value_that_is_nested_too_deep_is_a_fault_of_the_pointers_into_it(way: Any) -> None:
    for deep in ('{"a":' * 1_000 + "1" + "}" * 1_000, json.dumps("[" * 1_000 + "]" * 1_000)):
        found = viewed(f'{{"deep": {deep}, "good": {{"a": "x"}}}}').narrow(["#/deep/a", "#/good/a"])

        assert found.pick("#/good/a") == "x"
        with pytest.raises(DecodeError, match="not valid JSON of at most 100 levels"):
            found.pick("#/deep/a")


def test_a_pointer_leads_into_no_value_of_many_megabytes() -> None:
    wide = "\U0001f511" * (MOST_BYTES // 4 + 1)
    for value in (json.dumps([wide], ensure_ascii=False), [wide]):
        body = json.dumps({"a": value, "b": {"c": "x"}}, ensure_ascii=False)
        found = viewed(body).narrow(["#/a/0", "#/b/c"])

        assert found.pick("#/b/c") == "x"
        with pytest.raises(DecodeError, match=f"not valid JSON of at most {MOST_BYTES} bytes"):
            found.pick("#/a/0")


def test_a_value_is_parsed_once_for_all_pointers_into_it() -> None:
    body = json.dumps({"t": json.dumps(["x" * 10] * 40_000), "m": {"a": "b"}})
    keys = [f"#/t/{number}" for number in range(20_000)]
    found = viewed(body).narrow(keys)

    # To parse it for each of them would take minutes.
    assert {found.pick(key) for key in keys} == {"x" * 10}


def test_the_values_that_are_parsed_are_bounded_in_sum() -> None:
    half = json.dumps("[" + "0," * (MOST_VALUES // 2) + '"x"]')
    found = viewed(f'{{"a": {half}, "b": {half}, "c": {{"d": "small"}}}}')
    narrowed = found.narrow(["#/a/25000", "#/b/25000", "#/c/d"])

    assert narrowed.pick("#/a/25000") == "x"
    assert narrowed.pick("#/c/d") == "small"
    with pytest.raises(DecodeError, match=f"not valid JSON of at most {MOST_VALUES} values"):
        narrowed.pick("#/b/25000")


def test_a_narrowed_reading_shows_no_value() -> None:
    for way in WAYS:
        assert "canary" not in repr(
            way('{"a": {"b": "canary"}, "c": "[\\"canary\\"]"}').narrow(["#/a/b", "#/c/0"])
        )


def test_a_plug_in_s_numbers_have_their_digits_where_it_gives_the_bytes() -> None:
    body = b'{"a": {"b": 1.10}, "t": "x"}'
    found = Reading(SOURCE, "", json.loads(body), exact=Exact(body))

    assert found.text_of("#/a/b") == found.narrow(["#/a/b"]).text_of("#/a/b") == "1.10"


def test_a_text_with_a_bad_escape_is_no_json_and_no_text() -> None:
    found = viewed('{"a": "{\\x}", "b": {"c": "x"}}')

    for key in ("#/a/b", "#/a"):
        with pytest.raises(DecodeError, match="not valid JSON"):
            found.narrow([key]).pick(key)


def test_documents_show_no_value() -> None:
    assert "canary" not in repr(Documents(["a"], {"a": '["canary"]'}.get))
