"""A reading gives the same texts for the same JSON, whatever its size and however it was parsed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from secrets_manager.backends.azure_key_vault.objects import item_of, locate
from secrets_manager.backends.azure_key_vault.readings import secret_reading
from secrets_manager.backends.base import Exact, Reading, Source, WholePath
from secrets_manager.backends.vault.kv import kv_reading
from secrets_manager.backends.whole_path import MOST_NAMES
from secrets_manager.domain.errors import DecodeError, KeyNotFound, NotAMap, NotAString, SourceTooLarge
from secrets_manager.runtime import huge_numbers
from secrets_manager.runtime.json_exact import MOST_LEVELS, MOST_VALUES
from secrets_manager.runtime.json_view import MOST_PARTS, Parsed, view
from tests.unit.foreign_input import ANY_JSON, TEXT, as_bytes

SOURCE = Source("secret/data/app")
LITERALS = ["1.10", "12345678901234567890123", "1e400", "-0", "0.1e-7", "18446744073709551616", "7"]
NUMBERS = st.sampled_from(LITERALS) | st.from_regex(r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,9})?", fullmatch=True)


class Written(str):
    """JSON that is written as it is into a document of the tests."""

    __slots__ = ()


def written(document: Any) -> str:
    """A document as JSON, its Written parts as they are, without blanks and with names in their order."""
    if isinstance(document, Written):
        return str(document)
    if isinstance(document, dict):
        return "{" + ",".join(f"{quoted(name)}:{written(document[name])}" for name in sorted(document)) + "}"
    if isinstance(document, list):
        return "[" + ",".join(map(written, document)) + "]"
    return quoted(document)


def quoted(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


EXACT = st.recursive(
    NUMBERS.map(Written) | ANY_JSON,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=10,
)
MAPS = st.dictionaries(TEXT, EXACT, max_size=6)


def parsed(values: str) -> WholePath:
    """As a small answer of Vault comes."""
    body = f'{{"data": {{"data": {values}, "metadata": {{"version": 1}}}}}}'.encode()
    return kv_reading("kv2", SOURCE, Parsed(huge_numbers.loads(body), body)).whole()


def viewed(values: str) -> WholePath:
    """As a large answer of Vault comes."""
    body = f'{{"data": {values}}}'.encode()
    return kv_reading("kv1", SOURCE, view(body)).whole()


def stored(values: str) -> WholePath:
    """As the text of a secret of Key Vault."""
    source = locate("app")
    return secret_reading(item_of(source), source, "v", values, "").whole()


ALL = [parsed, viewed, stored]


def expected(values: dict[str, Any]) -> dict[str, str]:
    return {
        name: value if isinstance(value, str) and not isinstance(value, Written) else written(value)
        for name, value in values.items()
        if value is not None
    }


def no_halves(text: str) -> bool:
    """Whether it holds no half of a surrogate pair, which the parser of small answers refuses."""
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


@given(MAPS)
@example({"": "", "data": Written("1.10")})
@example({"a": {"b": Written("1e400"), "": [None, True, Written("-0")]}, '"\\/\n\x7f': '\u2028"\\\t\x01'})
def test_every_way_to_read_it_gives_the_same_texts(values: dict[str, Any]) -> None:
    body = written(values)
    if not no_halves(body):
        return
    for way in ALL:
        found = way(body)

        assert set(found.names()) == set(expected(values))
        assert {name: found.text_of(name) for name in found.names()} == expected(values)
        for name in found.names():
            assert found.floor(name) <= len(found.text_of(name).encode())


@given(MAPS)
def test_every_way_to_read_it_gives_the_same_values(values: dict[str, Any]) -> None:
    body = written(values)
    if not no_halves(body):
        return
    one, *others = (way(body).value() for way in ALL)

    assert [repr(other) for other in others] == [repr(one)] * len(others)


@pytest.mark.parametrize("way", ALL)
def test_a_value_keeps_its_type_and_its_digits(way: Any) -> None:
    found = way('{"i": 5, "f": 0.5, "b": false, "n": null, "l": [1.10, "a"], "m": {"p": 5432, "q": 1e400}}')

    assert found.value() == {"i": 5, "f": 0.5, "b": False, "l": ["1.10", "a"], "m": {"p": 5432, "q": "1e400"}}
    assert found.value_of("m") == {"p": 5432, "q": "1e400"}
    assert found.text_of("m") == '{"p":5432,"q":1e400}'


@pytest.mark.parametrize("way", ALL)
def test_null_is_absent(way: Any) -> None:
    found = way('{"a": null, "b": [null]}')

    assert set(found.names()) == {"b"}
    assert found.text_of("b") == "[null]"
    for name in ("a", "nowhere"):
        for ask in (found.text_of, found.value_of):
            with pytest.raises(KeyNotFound):
                ask(name)


@pytest.mark.parametrize("way", ALL)
def test_of_equal_names_the_last_counts(way: Any) -> None:
    found = way('{"a": "1", "b": {"c": 1, "c": 2}, "d": "1", "a": [2], "d": null}')

    assert set(found.names()) == {"a", "b"}
    assert found.text_of("a") == "[2]"
    assert found.text_of("b") == '{"c":2}'


@pytest.mark.parametrize("way", ALL)
def test_no_name_is_short_for_another_or_points_at_another(way: Any) -> None:
    found = way('{"": "empty", "data": "d", "#/data": "named so", "a/b": "e"}')

    assert {name: found.text_of(name) for name in found.names()} == {
        "": "empty",
        "data": "d",
        "#/data": "named so",
        "a/b": "e",
    }


@pytest.mark.parametrize("way", ALL)
@pytest.mark.parametrize("levels", [MOST_LEVELS + 1, 500])
def test_a_value_of_too_many_levels_is_that_key_s_fault_alone(way: Any, levels: int) -> None:
    found = way('{"deep": ' + "[" * levels + '"canary"' + "]" * levels + ', "good": "x"}')

    assert found.text_of("good") == "x"
    for ask in (lambda: found.text_of("deep"), lambda: found.value_of("deep"), found.value):
        with pytest.raises((DecodeError, SourceTooLarge)) as caught:
            ask()
        assert "canary" not in caught.value.message


def test_a_thousand_levels_are_found_too_many_in_a_view() -> None:
    found = viewed('{"deep": ' + '{"a":' * 1_000 + "1" + "}" * 1_000 + "}")

    with pytest.raises(DecodeError, match=r"'deep'.* is not valid JSON of at most 100 levels"):
        found.text_of("deep")


@pytest.mark.parametrize("way", ALL)
@pytest.mark.parametrize("count", [64, 65, 1_024, 3_000])
def test_many_keys_are_all_there(way: Any, count: int) -> None:
    values = {f"key-{number}": number if number % 3 else str(number) for number in range(count)}
    found = way(as_bytes(values).decode())

    assert {name: found.text_of(name) for name in found.names()} == {
        name: str(value) for name, value in values.items()
    }
    assert found.value() == values


def test_a_mebibyte_of_values_has_its_text() -> None:
    inner = [{"name": f"user-{number}", "roles": ["a", "b"], "limit": 1.5} for number in range(4_500)]
    body = json.dumps({"users": inner, "more": "x" * 700_000}, indent=2)

    assert viewed(body).text_of("users") == json.dumps(
        [dict(sorted(one.items())) for one in inner], separators=(",", ":")
    )
    assert viewed(body).floor_of_all() > 900_000


@pytest.mark.parametrize("way", ALL)
def test_too_many_names_are_refused(way: Any) -> None:
    body = "{" + ",".join(f'"{number}":0' for number in range(MOST_NAMES + 1)) + "}"
    if way is parsed:
        # Its replies are small.
        return

    with pytest.raises(SourceTooLarge, match=f"path '.*' holds more than {MOST_NAMES} keys"):
        way(body)


def test_too_many_values_in_sum_are_refused_as_a_whole_and_had_one_by_one() -> None:
    half = "[" + "0," * (MOST_VALUES // 2) + "0]"
    found = viewed(f'{{"a": {half}, "b": {half}, "c": {half}}}')

    assert found.text_of("a") == half
    with pytest.raises(SourceTooLarge):
        found.value()


def test_what_is_no_json_within_a_view_is_that_key_s_fault() -> None:
    found = viewed('{"good": [1], "bad": [canary], "worse": canary, "text": "\\x"}')

    assert found.text_of("good") == "[1]"
    for name in ("bad", "worse", "text"):
        with pytest.raises(DecodeError, match=f"{name!r}.* is not valid JSON$"):
            found.text_of(name)


def test_a_whole_path_shows_no_value() -> None:
    for way in ALL:
        assert "canary" not in repr(way('{"a": "canary", "b": ["canary"]}'))


@pytest.mark.parametrize("value", ["canary", '"canary"', "[1]", "4711", "", "{canary}", '{"a": "canary'])
def test_a_secret_that_is_no_json_object_is_no_whole_path(value: str) -> None:
    with pytest.raises(NotAMap, match="path 'app' holds a text that is no JSON object") as caught:
        stored(value)

    assert "canary" not in caught.value.message


# ── single keys ──────────────────────────────────────────────────────────────────────────────────────


def test_a_key_has_its_json_text_and_its_floor() -> None:
    body = b'{"a": {"b": 1.10}, "t": "text", "n": null}'
    for reading in (
        Reading(SOURCE, "", json.loads(body), exact=Exact(body)),
        Reading(SOURCE, "", view(body)),
        Reading(SOURCE, "", view(body)).narrow(["a", "t", "n"]),
    ):
        assert reading.text_of("a") == '{"b":1.10}'
        assert reading.value_of("a") == {"b": "1.10"}
        assert reading.text_of("t") == reading.value_of("t") == "text"
        assert (reading.floor_of_text("t"), reading.floor_of_text("a")) == (4, 10)
        assert reading.floor("a") == 0
        for key in ("n", "nowhere"):
            with pytest.raises(KeyNotFound):
                reading.text_of(key)


def test_the_empty_key_of_vault_is_short_for_data() -> None:
    body = b'{"data": {"data": [1.0], "": "x"}}'
    for reply in (Parsed(json.loads(body), body), view(body)):
        reading = kv_reading("kv1", SOURCE, reply)

        assert reading.text_of("") == "[1.0]"
        assert reading.value_of("") == [1.0]
        assert reading.floor_of_text("") == 5


# ── changes ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("one", "other"),
    [("1.1", "1.10"), ("12345678901234567890123", "12345678901234567890124"), ("[1e400]", "[1e401]")],
)
def test_a_change_of_digits_that_a_parser_loses_is_a_change(one: str, other: str) -> None:
    assert canonical(f'{{"a": {one}}}') != canonical(f'{{"a": {other}}}')
    assert canonical(f'{{"a": {one}, "b": "c"}}') == canonical(f'{{"b": "c", "a": {one}}}')


def canonical(values: str) -> bytes:
    body = f'{{"data": {values}}}'.encode()
    return kv_reading("kv1", SOURCE, Parsed(huge_numbers.loads(body), body)).canonical()


def test_a_change_deep_in_a_value_is_a_change() -> None:
    one, other = ('{"a": ' + "[" * 300 + number + "]" * 300 + "}" for number in "12")

    assert canonical(one) != canonical(other)
    assert canonical(one) == canonical(one)


def test_the_bytes_that_are_kept_count_as_memory() -> None:
    body = b'{"a": "b", "n": [' + b"1," * 5_000 + b"1]}"
    values = {"a": "b"}

    assert Reading(SOURCE, "", values, exact=Exact(body)).weight() > len(body)


def test_what_differs_outside_of_the_values_is_no_change() -> None:
    one, other = (
        f'{{"request_id": "{mark}", "at": ":1.{mark}", "data": {{"a": [1.10, "x\\"1.5"]}}}}'.encode()
        for mark in ("1", "2")
    )

    readings = [kv_reading("kv1", SOURCE, Parsed(json.loads(body), body)) for body in (one, other)]
    assert readings[0].canonical() == readings[1].canonical()


# ── plug-ins ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("body", [b"", b"[1]", b'\xef\xbb\xbf{"a": 1.10}', b'{"a": 1.10'])
def test_bytes_that_are_no_json_map_are_left_alone_and_the_values_used(body: bytes) -> None:
    found = Reading(SOURCE, "", {"a": 1.1}, exact=Exact(body))

    assert found.text_of("a") == found.whole().text_of("a") == found.narrow(["a"]).text_of("a") == "1.1"


def test_bytes_of_too_many_parts_make_the_source_too_large() -> None:
    body = b'{"a": [' + b"[]," * MOST_PARTS + b"0]}"

    with pytest.raises(SourceTooLarge, match="holds more than 500000 values, names, lists and maps"):
        Reading(SOURCE, "", {"a": [0]}, exact=Exact(body)).text_of("a")


def test_a_number_of_thousands_of_digits_is_a_number_with_all_of_them() -> None:
    digits = "7" * 5_000

    assert viewed(f'{{"a": {digits}}}').text_of("a") == digits
    with pytest.raises(NotAString, match="is a number"):
        Reading(SOURCE, "", view(f'{{"a": {digits}}}'.encode())).pick("a")
