"""The backend that a spec, or an entry of it, names."""

from __future__ import annotations

from typing import Any

import pytest

from secrets_manager.cluster import manifests
from secrets_manager.domain.definition import SecretSpec
from secrets_manager.domain.errors import DefinitionError, InvalidSpec
from secrets_manager.domain.location import MAX_BACKENDS, Location
from tests.unit.cluster.objects import raw_definition

LABEL = "x" * 63


def parsed(spec: dict[str, Any]) -> SecretSpec | DefinitionError:
    return manifests.definition(raw_definition(spec={"name": "app", **spec})).spec


def locations(spec: dict[str, Any]) -> set[tuple[str, str]]:
    found = parsed(spec)
    assert isinstance(found, SecretSpec)
    return {(location.path, location.backend) for location in found.locations}


def everywhere(own: object, of_spec: object = None) -> dict[str, Any]:
    """An entry of each kind with a backend of its own, in a spec with another."""
    named = {} if own is None else {"backend": own}
    spec = {} if of_spec is None else {"backend": of_spec}
    return {
        **spec,
        "keysMap": {"k": {"path": "key", "key": "k", **named}},
        "dataFrom": [{"path": "whole", **named}],
        "inputs": {"i": {"path": "input", **named}},
    }


@pytest.mark.parametrize(
    ("own", "of_spec", "backend"),
    [
        (None, None, "default"),
        ("", "", "default"),
        (None, "eu", "eu"),
        ("", "eu", "eu"),
        ("us", "eu", "us"),
        ("us", None, "us"),
        ("default", "eu", "default"),
        (LABEL, None, LABEL),
        ("0-1", None, "0-1"),
    ],
)
def test_an_entry_is_of_its_own_backend_or_of_that_of_the_spec_or_of_the_default_one(
    own: object, of_spec: object, backend: str
) -> None:
    paths = ("key", "whole", "input")

    assert locations(everywhere(own, of_spec)) == {(path, backend) for path in paths}


def test_one_path_of_two_backends_is_two_locations() -> None:
    keys = {"a": {"path": "p", "key": "k"}, "b": {"path": "p", "key": "k", "backend": "eu"}}
    found = parsed({"keysMap": keys})

    assert isinstance(found, SecretSpec)
    assert found.locations == (Location("p"), Location("p", "", "eu"))


@pytest.mark.parametrize("name", ["EU", "eu_1", "-eu", "eu-", "a.b", "eu\n", "é", "x" * 64, "a" * 10**5, " "])
@pytest.mark.parametrize(
    ("where", "spec"),
    [
        ("spec", {"keysMap": {"k": {"path": "p", "key": "k", "backend": "us"}}}),
        ("spec.keysMap[k]", {"keysMap": {"k": {"path": "p", "key": "k"}}}),
        ("spec.dataFrom[1]", {"dataFrom": [{"path": "p"}, {"path": "p"}]}),
        ("spec.inputs[i]", {"keysMap": {}, "inputs": {"i": {"path": "p"}}}),
    ],
)
def test_a_name_that_no_backend_can_have_is_refused_where_it_stands(
    where: str, spec: dict[str, Any], name: str
) -> None:
    found = parsed(_with(spec, where, name))

    assert isinstance(found, InvalidSpec)
    assert found.message.startswith(f"{where}.backend ")
    assert "lower case letters" in found.message
    assert len(found.message) < 250


@pytest.mark.parametrize(("value", "kind"), [(5, "number"), (True, "bool"), (["eu"], "list"), ({}, "map")])
@pytest.mark.parametrize("where", ["spec", "spec.keysMap[k]", "spec.dataFrom[0]", "spec.inputs[i]"])
def test_a_backend_that_is_no_text_is_refused_where_it_stands(where: str, value: object, kind: str) -> None:
    found = parsed(_with(everywhere(None), where, value))

    assert isinstance(found, InvalidSpec)
    assert found.message == f"{where}.backend is a {kind}, not a string"


def test_a_definition_may_name_so_many_backends_and_no_more() -> None:
    keys = {f"k{n}": {"path": "p", "key": "k", "backend": f"b{n}"} for n in range(MAX_BACKENDS + 1)}
    refused = parsed({"keysMap": keys})
    keys.popitem()

    assert isinstance(parsed({"keysMap": keys}), SecretSpec)
    assert isinstance(refused, InvalidSpec)
    assert refused.message == f"spec names {MAX_BACKENDS + 1} backends, more than {MAX_BACKENDS}"


def _with(spec: dict[str, Any], where: str, backend: object) -> dict[str, Any]:
    """The spec with a backend at that place."""
    _, _, place = where.partition(".")
    if not place:
        return {**spec, "backend": backend}
    field, _, entry = place.removesuffix("]").partition("[")
    if field == "dataFrom":
        entries = list(spec[field])
        entries[int(entry)] = {**entries[int(entry)], "backend": backend}
        return {**spec, field: entries}
    return {**spec, field: {**spec[field], entry: {**spec[field][entry], "backend": backend}}}
