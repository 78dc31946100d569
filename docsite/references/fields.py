"""The fields of a SecretDefinition, from its CRD: docs/reference/fields.md."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from docsite.references import Files, TextOf, table

_CRD = "config/crd/secretdefinitions.yaml"
_HEAD = """\
# Fields

Every field of a SecretDefinition, from [the CRD](../../config/crd/secretdefinitions.yaml).
The API server refuses what the last column rules out.
[SecretDefinitions](../definitions.md) explains them with examples.
`kubectl explain secretdefinition.spec` says the same in a terminal.

This page is made by `make docs`.
"""
Schema = dict[str, Any]


def written(text_of: TextOf) -> Files:
    """The page, all of which is made."""
    crd = yaml.safe_load(text_of(_CRD))
    (version,) = crd["spec"]["versions"]
    root = version["schema"]["openAPIV3Schema"]["properties"]
    parts = [_HEAD, *(part for name in ("spec", "status") for part in _object(name, root[name], "##"))]
    return {"docs/reference/fields.md": "\n".join(parts)}


def _object(name: str, schema: Schema, level: str) -> Iterator[str]:
    """The section of an object and those of the objects in it."""
    yield f"{level} {name}\n"
    yield f"{schema['description']}\n"
    rules = [f"- {rule}\n" for rule in _rules(schema)]
    if rules:
        yield "It is refused with one of these messages:\n"
        yield "".join(rules)
    yield table(("field", "type", "meaning", "limits"), _rows(schema))
    for field, child in schema["properties"].items():
        inner, below = _inner(f"{name}.{field}", child)
        if "properties" in below:
            described = {"description": child.get("description"), **below}
            yield from _object(inner, described, "###")


def _rows(schema: Schema) -> Iterator[tuple[str, ...]]:
    for field, child in schema["properties"].items():
        limits = [*(["required"] if field in schema.get("required", ()) else []), *_limits(child)]
        yield f"`{field}`", _type(child), child["description"], "; ".join(limits)


def _inner(name: str, schema: Schema) -> tuple[str, Schema]:
    """The name and the schema of what a field consists of: itself, or each entry of a map or a list."""
    if "additionalProperties" in schema:
        return _inner(f"{name}.KEY", schema["additionalProperties"])
    return _inner(f"{name}[]", schema["items"]) if "items" in schema else (name, schema)


def _type(schema: Schema) -> str:
    if "additionalProperties" in schema:
        return f"map of {_type(schema['additionalProperties'])}"
    if "items" in schema:
        return f"list of {_type(schema['items'])}"
    return str(schema.get("format", schema["type"]))


def _limits(schema: Schema) -> Iterator[str]:
    """What the API server demands of a value, and of the entries of a map or a list of plain values."""
    if "enum" in schema:
        yield "one of " + ", ".join(f"`{each}`" if each else "empty" for each in schema["enum"])
    if "pattern" in schema:
        yield f"matches `{schema['pattern']}`"
    most = ((f"max{noun}", noun) for noun in ("Length", "Items", "Properties"))
    words = {"Length": "characters", "Items": "entries", "Properties": "entries"}
    yield from (f"at most {schema[key]} {words[noun]}" for key, noun in most if key in schema)
    if schema.get("minLength"):
        yield "not empty"
    if "properties" not in schema:
        yield from (f'refused: "{rule}"' for rule in _rules(schema))
    entry = schema.get("additionalProperties") or schema.get("items")
    if entry and "properties" not in entry:
        yield from (f"each entry: {limit}" for limit in _limits(entry))


def _rules(schema: Schema) -> Iterator[str]:
    """The messages of the rules on a value."""
    return (" ".join(rule["message"].split()) for rule in schema.get("x-kubernetes-validations", ()))
