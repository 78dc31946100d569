"""Validation by a structural schema, as the API server does it; pure.

It knows what the CRD of SecretDefinitions uses and no more; a test sees to it that the CRD uses nothing else.
Source: apiextensions-apiserver pkg/apiserver/schema, kube-openapi pkg/validation/validate.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from typing import Any

from secrets_manager.commands.schema.faults import Path, SchemaFault

Schema = Mapping[str, Any]

# What is understood; a description says nothing to a machine.
KEYWORDS = frozenset(
    {
        "type",
        "description",
        "properties",
        "required",
        "additionalProperties",
        "items",
        "enum",
        "pattern",
        "minLength",
        "maxLength",
        "maxItems",
        "maxProperties",
        "x-kubernetes-validations",
    }
)
_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
}
_NAMES = {dict: "an object", list: "an array", str: "a string", bool: "a boolean", type(None): "null"}
_LONGEST_NAME = 64


def unknown_fields(schema: Schema, value: object, path: Path = ()) -> Iterator[SchemaFault]:
    """Fields that the schema does not have: kubectl has the API server refuse them."""
    if isinstance(value, list) and "items" in schema:
        for number, item in enumerate(value):
            yield from unknown_fields(schema["items"], item, (*path, number))
    if not isinstance(value, dict):
        return
    for name, member in value.items():
        below = _schema_of(schema, name)
        if below is not None:
            yield from unknown_fields(below, member, (*path, name))
        elif "properties" in schema:
            near = get_close_matches(name[:_LONGEST_NAME], schema["properties"], n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            yield SchemaFault((*path, name), f"is no field that there is{hint}")


def without_nulls(schema: Schema, value: Any) -> Any:
    """The value as it is validated: null in a map stands for nothing."""
    if isinstance(value, dict):
        kept = {name: member for name, member in value.items() if member is not None}
        return {name: without_nulls(_schema_of(schema, name) or {}, member) for name, member in kept.items()}
    if isinstance(value, list):
        return [without_nulls(schema.get("items", {}), item) for item in value]
    return value


def faults(schema: Schema, value: object, path: Path = ()) -> Iterator[SchemaFault]:
    """What the schema refuses, save for its rules."""
    wanted = schema.get("type", "")
    if not _is(value, wanted):
        yield SchemaFault(path, f"is {_found(value)}, and must be {_a(wanted)}")
        return
    for check in _CHECKS[wanted]:
        yield from (SchemaFault(path, message) for message in check(schema, value))
    if isinstance(value, dict):
        for name in schema.get("required", ()):
            if name not in value:
                yield SchemaFault((*path, name), "is missing, and is required")
        for name, member in value.items():
            below = _schema_of(schema, name)
            if below is not None:
                yield from faults(below, member, (*path, name))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from faults(schema.get("items", {}), item, (*path, number))


def places(schema: Schema, value: object, path: Path = ()) -> Iterator[tuple[Path, Schema, Any]]:
    """Every value with its schema, those of a valid object."""
    yield path, schema, value
    if isinstance(value, dict):
        for name, member in value.items():
            below = _schema_of(schema, name)
            if below is not None:
                yield from places(below, member, (*path, name))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from places(schema.get("items", {}), item, (*path, number))


def _schema_of(schema: Schema, name: str) -> Schema | None:
    """The schema of a member, None for one that is not in it."""
    found: Schema | None = schema.get("properties", {}).get(name)
    return schema.get("additionalProperties") if found is None else found


def _is(value: object, wanted: str) -> bool:
    if isinstance(value, bool):
        return wanted == "boolean"
    return not wanted or isinstance(value, _TYPES[wanted])


def _found(value: object) -> str:
    return next((name for kind, name in _NAMES.items() if isinstance(value, kind)), "a number")


def _a(wanted: str) -> str:
    return f"{'an' if wanted[0] in 'aio' else 'a'} {wanted}"


# ── checks of one value, each with its message ───────────────────────────────────────────────────────


def _enum(schema: Schema, value: str) -> Iterator[str]:
    words = schema.get("enum")
    if words is not None and value not in words:
        yield f"is not one of {', '.join(map(repr, words))}"


def _length(schema: Schema, value: str) -> Iterator[str]:
    if len(value) > schema.get("maxLength", len(value)):
        yield f"has {len(value)} characters, more than {schema['maxLength']}"
    if len(value) < schema.get("minLength", 0):
        yield f"has {len(value)} characters, fewer than {schema['minLength']}"


def _pattern(schema: Schema, value: str) -> Iterator[str]:
    if "pattern" in schema and not _compiled(schema["pattern"]).search(value):
        yield f"does not match {schema['pattern']}"


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    # Go's $ matches at the end alone, and Python's before a line break there, too.
    return re.compile(re.sub(r"(?<!\\)\$\Z", r"\\Z", pattern), re.ASCII)


def _items(schema: Schema, value: list[Any]) -> Iterator[str]:
    if len(value) > schema.get("maxItems", len(value)):
        yield f"has {len(value)} entries, more than {schema['maxItems']}"


def _properties(schema: Schema, value: dict[str, Any]) -> Iterator[str]:
    if len(value) > schema.get("maxProperties", len(value)):
        yield f"has {len(value)} entries, more than {schema['maxProperties']}"


_Check = Callable[[Schema, Any], Iterator[str]]
_CHECKS: dict[str, tuple[_Check, ...]] = {
    "": (),
    "object": (_properties,),
    "array": (_items,),
    "string": (_enum, _length, _pattern),
    "boolean": (),
    "integer": (),
}
