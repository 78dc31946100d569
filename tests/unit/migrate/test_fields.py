"""Each field of a foreign object is found in a table, and whatever is not is told."""

from __future__ import annotations

import pytest

from secrets_manager.migrate.fields import Table, converted, idle, noted, one_of, refused
from secrets_manager.migrate.originals import Key, Original
from secrets_manager.migrate.remarks import Verdict, verdict_of

TABLE = Table(
    "Tool",
    (
        converted("spec.path"),
        converted("spec.count", int),
        converted("spec.items[].name"),
        converted("spec.free.*"),
        converted("spec.named.*.text"),
        converted("spec.named.*.parts[].name"),
        idle("spec.speed", "is only speed"),
        noted("spec.soft", "is lost", "usual"),
        refused("spec.hard", "matters", False),
        refused("spec.tree.**", "is a tree"),
        converted("spec.choice.**"),
    ),
)


def said(spec: object, **more: object) -> list[str]:
    body = {"apiVersion": "tool/v1", "kind": "Thing", "metadata": {"name": "a"}, "spec": spec, **more}
    found = Original(key=Key("Thing", "", "a"), group="tool", version="v1", body=body)
    return [str(remark) for remark in TABLE.remarks(found)]


def test_fields_that_are_converted_or_change_nothing_have_no_remark() -> None:
    spec = {
        "path": "p",
        "count": 3,
        "items": [{"name": "n"}, {"name": "m"}],
        "free": {"a.b": "c"},
        "choice": {"any": ["thing"]},
        "named": {"a.b": {"text": "t"}, "c": {"parts": [{"name": "n"}]}, "empty": {"parts": []}, "e": {}},
        "speed": 1,
    }

    assert said(spec, status={"any": [{"thing": 1}]}) == []


@pytest.mark.parametrize(
    ("spec", "remark"),
    [
        ({"soft": "other"}, "spec.soft is lost"),
        ({"hard": True}, "spec.hard matters"),
        ({"tree": {"a": {"b": [1]}}}, "spec.tree is a tree"),
        ({"new": 1}, "spec.new is no field that Tool has there, or one that is not known here"),
        ({"items": [{"name": "n"}, {"nam": "m"}]}, "spec.items[1].nam is no field"),
        ({"a b": {"c": 1}}, "spec['a b'].c is no field"),
        ({"new": {}}, "spec.new is no field"),
        ({"choice": False}, "spec.choice is true or false, which Tool does not take there"),
        ({"path": 1}, "spec.path is a number, which Tool does not take there"),
        ({"path": {"a": "b"}}, "spec.path.a is no field"),
        ({"count": True}, "spec.count is true or false, which Tool does not take there"),
        ({"items": "n"}, "spec.items is no field"),
        ("text", "spec is no field"),
        ({"free": {"a": {"b": "c"}}}, "spec.free.a.b is no field"),
        ({"named": {"a.b": {"txt": "t"}}}, "spec.named['a.b'].txt is no field"),
        ({"named": {"a": {"text": {}}}}, "spec.named.a.text is a map"),
        ({"named": {"a": "t"}}, "spec.named.a is no field"),
    ],
)
def test_all_else_has_one_that_names_the_field(spec: object, remark: str) -> None:
    (found,) = said(spec)

    assert found.startswith(remark)


@pytest.mark.parametrize(
    "spec", [{"soft": "usual"}, {"hard": False}, {"hard": None}, {"items": []}, {"tree": {}}, {}]
)
def test_values_that_say_what_holds_anyway_have_none(spec: object) -> None:
    assert said(spec) == []


def test_the_same_is_said_once_of_a_field() -> None:
    assert said({"tree": {"a": 1, "b": 2}}) == ["spec.tree is a tree"]


def test_a_refusal_outweighs_a_note() -> None:
    body = {"spec": {"soft": "x", "hard": True}}
    found = Original(key=Key("Thing", "", "a"), group="tool", version="v1", body=body)

    assert verdict_of(TABLE.remarks(found)) is Verdict.REFUSED
    assert verdict_of(()) is Verdict.CONVERTED


def test_a_word_that_nobody_knows_is_not_taken_for_the_usual_one() -> None:
    table = Table("Tool", (one_of("spec.way", "Fast", "Slow"),))

    def said_of(word: str) -> list[str]:
        body = {"spec": {"way": word}}
        found = Original(key=Key("Thing", "", "a"), group="tool", version="v1", body=body)
        return [str(remark) for remark in table.remarks(found) if remark.refuses]

    assert said_of("Fast") == said_of("") == []
    assert said_of("fast") == ["spec.way is none of the words that may stand there: Fast, Slow"]


def test_a_placeholder_of_another_tool_is_told_but_not_in_a_template() -> None:
    table = Table("Tool", (converted("spec.path"), converted("spec.template.*")))
    body = {"spec": {"path": "a/${CANARY}", "template": {"a": "${CANARY}"}}}
    found = Original(key=Key("Thing", "", "a"), group="tool", version="v1", body=body)

    (remark,) = table.remarks(found)

    assert str(remark).startswith("spec.path has a placeholder such as Flux fills in")
    assert not remark.refuses
    assert "CANARY" not in str(remark)


def test_a_value_is_in_no_remark() -> None:
    assert "canary" not in str(said({"path": ["canary"], "new": "canary", "hard": "canary"}))


def test_what_is_no_part_of_an_object_is_told_and_does_no_harm() -> None:
    body = {"apiVersion": "tool/v1", "kind": "Thing", "metadata": {"name": "a"}, "namespace": "b"}
    found = Original(key=Key("Thing", "", "a"), group="tool", version="v1", body=body)
    (remark,) = TABLE.remarks(found)

    assert str(remark) == "namespace is no part of an object, and the API server drops it"
    assert not remark.refuses
