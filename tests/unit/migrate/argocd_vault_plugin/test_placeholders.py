"""What a placeholder is, by the rules of argocd-vault-plugin."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from secrets_manager.migrate.argocd_vault_plugin.placeholders import (
    Placeholder,
    are_in,
    leaves_with,
    of_text,
)
from secrets_manager.migrate.originals import Json
from tests.unit.migrate.objects import filled_secret

INLINE = Placeholder(path="secret/data/a", key="k")
NAMES_PATH = {"avp.kubernetes.io/path": "secret/data/a"}


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", []),
        ("plain", ["plain"]),
        ("<path:secret/data/a#k>", [INLINE]),
        ("a<path:secret/data/a#k>b", ["a", INLINE, "b"]),
        ("<path:secret/data/a#k><path:secret/data/a#k>", [INLINE, INLINE]),
        ("<path:p#k#3>", [Placeholder(path="p", key="k", version="3")]),
        ("<path:p# k | base64encode>", [Placeholder(path="p", key="k", modifiers=("base64encode",))]),
        (
            "<path:p#k#3 | jsonPath {.a} | sha256sum >",
            [Placeholder(path="p", key="k", version="3", modifiers=("jsonPath {.a}", "sha256sum"))],
        ),
        ("<path:p>", ["<path:p>"]),
        ("<other>", ["<other>"]),
        ("<a><path:p#k>", ["<a>", Placeholder(path="p", key="k")]),
    ],
)
def test_without_a_path_of_the_object_only_those_with_a_path_are_some(text: str, parts: list[Any]) -> None:
    assert of_text(text, names_path=False) == parts


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("<key>", [Placeholder(path="", key="key")]),
        ("< key | base64encode>", [Placeholder(path="", key="key", modifiers=("base64encode",))]),
        ("<a>:<path:p#k>", [Placeholder(path="", key="a"), ":", Placeholder(path="p", key="k")]),
        ("<a\nb>", ["<a\nb>"]),
        ("a > b", ["a > b"]),
    ],
)
def test_with_a_path_of_the_object_every_name_in_angle_brackets_is_one(text: str, parts: list[Any]) -> None:
    assert of_text(text, names_path=True) == parts


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "body",
    [
        filled_secret(),
        filled_secret("", data={"a": encoded("x <path:p#k>")}),
        filled_secret("<key>", annotations=NAMES_PATH),
        {"kind": "Deployment", "spec": {"args": ["a", "<path:p#k>"]}},
        {"kind": "ConfigMap", "metadata": {"labels": {"a": "<path:p#k>"}}},
        filled_secret(annotations={"avp.kubernetes.io/ignore": "no"}),
    ],
)
def test_an_object_with_one_is_found_whatever_its_kind(body: Json) -> None:
    assert are_in(body)


@pytest.mark.parametrize(
    "body",
    [
        {},
        filled_secret("<key>"),
        filled_secret("text", annotations=NAMES_PATH),
        filled_secret(annotations={"avp.kubernetes.io/ignore": "true"}),
        filled_secret("a", annotations={"kubectl.kubernetes.io/last-applied-configuration": "<path:p#k>"}),
        {"kind": "ConfigMap", "data": {"a": encoded("<path:p#k>")}},
        {"kind": "ConfigMap", "data": {"<path:p#k>": "a name of a field is none"}},
        {"kind": "Secret", "data": "text", "metadata": ["<a>"]},
    ],
)
def test_every_other_object_is_none_of_the_plug_in(body: Json) -> None:
    assert not are_in(body)


def test_each_text_with_one_is_told_by_its_place() -> None:
    body = filled_secret(
        "<path:p#k>", data={"a": encoded("<path:p#k>"), "b": encoded("<b>")}, type="<path:p#k>"
    )

    assert sorted(leaves_with(body)) == [("data", "a"), ("stringData", "KEY"), ("type",)]


@pytest.mark.parametrize("text", ["<" * 2**20, "<path:" * 2**17, "<path:a#" * 2**15, "<path:a" * 2**16 + "#"])
def test_a_long_text_of_beginnings_is_gone_through_once_and_is_text(text: str) -> None:
    assert of_text(text, names_path=True) == [text]
    assert of_text(text, names_path=False) == [text]
