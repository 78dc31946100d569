"""Documents become trees that know their lines, and whatever a text holds, reading it has an end."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from secrets_manager.commands.files import documents as module
from secrets_manager.commands.files.documents import documents
from secrets_manager.commands.files.tree import Mark, Node, Unusable


def plain(text: str) -> list[Any]:
    """The documents as plain values, each that cannot be read as the line and what is said of it."""
    found = []
    for each in documents(text):
        if isinstance(each, Node):
            found.append(each.plain())
        else:
            found.append((each.mark.line if each.mark else None, each.why))
    return found


def only(text: str) -> Node:
    (found,) = documents(text)
    assert isinstance(found, Node)
    return found


def why(text: str) -> str:
    (found,) = documents(text)
    assert isinstance(found, Unusable)
    return found.why


@pytest.fixture(autouse=True, params=["CLoader", "Loader"])
def loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With libyaml and without."""
    monkeypatch.setattr(module, "_Loader", getattr(yaml, request.param))


def test_each_document_is_found_and_empty_ones_are_left_out() -> None:
    assert plain("a: 1\n---\n# nothing\n---\n- b\n---\n---\n") == [{"a": 1}, ["b"]]


def test_a_document_that_cannot_be_read_hides_no_other() -> None:
    first, (line, said), last = plain("a: 1\n---\nb: [\n---\nc: 3\n")

    assert (first, last) == ({"a": 1}, {"c": 3})
    assert line in {3, 4}
    assert said.startswith("is not valid YAML: ")


def test_a_separator_ends_a_document_even_inside_of_a_text() -> None:
    assert plain("a: |\n  x\n--- \nb: 2\n") == [{"a": "x\n"}, {"b": 2}]


def test_directives_belong_to_the_document_behind_them() -> None:
    assert plain("# of mine\n%YAML 1.1\n---\na: 1\n") == [{"a": 1}]


def test_what_stands_behind_the_end_of_a_document_is_not_lost_silently() -> None:
    first, (line, _) = plain("a: 1\n...\nb: 2\n")

    assert (first, line) == ({"a": 1}, 3)


def test_values_know_their_places_across_documents() -> None:
    _, second = documents("a: 1\n---\nspec:\n  keys:\n    A:\n      path: p\n  list:\n    - x\n    - y: 2\n")
    assert isinstance(second, Node)

    assert second.place(("spec", "keys", "A", "path")) == Mark(6, 7)
    assert second.place(("spec", "list", 1, "y")) == Mark(9, 7)
    assert second.place(("spec", "list", 0)) == Mark(8, 7)
    # As far as it leads.
    assert second.place(("spec", "keys", "B", "path")) == Mark(4, 3)
    assert second.place(("spec", "list", 7)) == Mark(7, 3)
    assert second.place(()) == Mark(3, 1)


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_lines_may_end_as_on_windows(ends: str) -> None:
    found = only(ends.join(["a: 1", "b:", "  c: 2", ""]))

    assert found.plain() == {"a": 1, "b": {"c": 2}}
    assert found.place(("b", "c")) == Mark(3, 3)


def test_json_is_read_with_tabs_and_with_its_own_escapes() -> None:
    text = '{\n\t"a": "\\ud83d\\ude00\\/"\n}'

    assert plain(text) == [json.loads(text)]


def test_json_that_is_no_yaml_knows_the_line_of_its_document() -> None:
    _, second = documents('---\na: 1\n---\n{"a": ["\\ud83d\\ude00", 1]}\n')
    assert isinstance(second, Node)

    assert second.plain() == {"a": ["\U0001f600", 1]}
    # Python's own parser reads it as YAML.
    assert second.place(("a",)).line in {3, 4}


@pytest.mark.parametrize(
    "text",
    ['{"a": [1}', "{ nothing", '{"a": "\\q"}', "a:\n\tb: 1\n", "a: b: c", "%YAML", "- @x", "a: \x07", "\x00"],
)
def test_what_is_no_yaml_is_told_without_its_words(text: str) -> None:
    assert why(text).startswith("is not valid YAML: ")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("!!str 1", "1"),
        ("'1'", "1"),
        ('"yes"', "yes"),
        ("! 12", "12"),
        ("!own x", "x"),
        ("!!int '3'", 3),
        ("!!binary aGVsbG8=", "hello"),
        ("1e3", 1000.0),
        ("|\n  yes\n", "yes\n"),
    ],
)
def test_quotes_and_tags_decide_what_a_scalar_is(text: str, value: object) -> None:
    assert only(f"a: {text}\n").plain() == {"a": value}


@pytest.mark.parametrize("text", ["!!binary '*'", "!!binary //79"])
def test_a_binary_tag_needs_base64_of_a_text(text: str) -> None:
    assert why(f"a: {text}") == "has a value with the tag !!binary that is no text in base64"


@pytest.mark.parametrize(
    ("key", "name"), [("1", "1"), ("0x10", "16"), ("1e3", "1000"), ("1.5", "1.5"), ("on", "true")]
)
def test_keys_are_written_as_kubectl_writes_them_into_json(key: str, name: str) -> None:
    assert only(f"{key}: x").plain() == {name: "x"}


@pytest.mark.parametrize("key", ["~", "[a]", "{a: b}", "? - a\n"])
def test_a_key_that_is_no_text_is_refused(key: str) -> None:
    assert why(f"? {key}\n: x" if not key.startswith("?") else f"{key}: x") == "has a key that is no text"


def test_the_same_key_twice_in_one_map_is_refused_at_its_second_place() -> None:
    (found,) = documents("a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n")

    assert isinstance(found, Unusable)
    assert (found.why, found.mark) == ("has the same key twice in one map", Mark(5, 3))


def test_a_number_that_no_json_holds_is_refused() -> None:
    assert why("a: .inf") == "has a number that JSON cannot hold"


# ── anchors ──────────────────────────────────────────────────────────────────────────────────────────


def test_an_alias_stands_for_its_anchor() -> None:
    assert plain("a: &x {b: 1}\nc: *x\nd: [*x, &y t, *y]\n") == [
        {"a": {"b": 1}, "c": {"b": 1}, "d": [{"b": 1}, "t", "t"]}
    ]


def test_merge_keys_fill_in_what_is_not_written_out() -> None:
    text = "a: &a {x: 1, z: 1}\nb: &b {x: 2, t: 2}\nc:\n  x: 3\n  <<: [*a, *b]\nd:\n  <<: *b\ne:\n  '<<': 1\n"

    (found,) = plain(text)

    assert found["c"] == {"x": 3, "z": 1, "t": 2}
    assert found["d"] == {"x": 2, "t": 2}
    assert found["e"] == {"<<": 1}


def test_only_maps_can_be_merged() -> None:
    assert why("a:\n  <<: 1\n") == "has a << whose value is no map"


@pytest.mark.parametrize("text", ["a: *x", "a: &a [*a]", "a: &a {b: *a}", "a: *x\n---\nb: 1"])
def test_an_alias_without_an_anchor_before_it_is_refused(text: str) -> None:
    first = next(documents(text))

    assert isinstance(first, Unusable)
    assert first.why == "has an alias whose anchor does not end before it"


def test_an_anchor_holds_for_its_document_alone() -> None:
    first, second = documents("a: &x 1\n---\nb: *x\n")

    assert isinstance(first, Node)
    assert isinstance(second, Unusable)


def bomb(wide: int, deep: int) -> str:
    """Lines of which each stands for ten times the values of the one before."""
    lines = ["a0: &a0 [" + ",".join(["x"] * wide) + "]"]
    lines += [f"a{n}: &a{n} [" + ",".join([f"*a{n - 1}"] * wide) + "]" for n in range(1, deep)]
    return "\n".join(lines)


def test_a_text_that_stands_for_billions_of_values_is_refused_before_they_are_made() -> None:
    assert why(bomb(10, 12)) == "stands for more than 200000 values"
    assert why(bomb(2, 400)) in {"stands for more than 200000 values", "is nested deeper than 200 levels"}
    # The same by merges, and by one long text.
    assert why("a: &a " + "x" * 1_000_000 + "\nb: [" + ",".join(["*a"] * 1000) + "]\n").startswith(
        "stands for"
    )


def test_many_values_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_VALUES", 1000)

    assert why("[" + "1," * 1001 + "1]") == "has more than 1000 values"


@pytest.mark.parametrize("opening", ["[", '{"a":', "- "])
def test_deep_nesting_is_refused_and_overflows_no_stack(opening: str) -> None:
    for depth in (201, 500, 100_000):
        assert "is nested deeper than 200 levels" in why(opening * depth) or "not valid YAML" in why(
            opening * depth
        )


def test_aliases_cannot_build_a_tree_that_is_too_deep() -> None:
    lines = ["a0: &a0 [x]", *(f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 300))]

    assert why("\n".join(lines)) == "is nested deeper than 200 levels"
