"""Builds wrong values out of the chart's schema: a misspelt key in every table, a wrong type in every place.

It knows JSON schema as values.schema.json uses it. It must not know the chart.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["CHOSEN", "MISSPELT", "Walk"]

Schema = Mapping[str, Any]

# A name that no place takes where names are chosen.
MISSPELT = "misSpelt"
# A name where the user chooses one.
CHOSEN = "chosen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """One schema, walked through; places are written as Helm writes them: /settings/vault/url."""

    root: Schema

    def misspelt(self) -> tuple[dict[str, Any], list[str], list[str]]:
        """Values with a key too many in every table; the places of closed tables, and those of open ones."""
        closed: list[str] = []
        opened: list[str] = []
        values = self._wrong(self.root, "", closed, opened)
        return values, closed, opened

    def mistyped(self) -> tuple[dict[str, Any], list[str]]:
        """Values that are of another type than they must be, and their places."""
        places: list[str] = []
        return self._other(self.root, "", places), places

    def nulls(self, defaults: Mapping[str, Any], *, deep: bool) -> dict[str, Any]:
        """Values with null wherever it may be and ``defaults`` say nothing: for tables, or deep in them."""
        return self._nulls(self.root, defaults, deep=deep)

    def never_null(self, defaults: Mapping[str, Any]) -> list[str]:
        """The places outside of lists that may be left out, and are so in ``defaults``, and refuse null."""
        return list(self._never_null(self.root, defaults, ""))

    def _wrong(self, schema: Schema, place: str, closed: list[str], opened: list[str]) -> Any:
        schema = self._resolved(schema)
        if _may_be(schema, "array"):
            return [self._wrong(schema["items"], f"{place}/0", closed, opened)]
        if not _may_be(schema, "object"):
            return None
        (closed if _is_closed(schema) else opened).append(place)
        inner = self._children(schema)
        made = {key: self._wrong(child, f"{place}/{key}", closed, opened) for key, child in inner}
        return {key: value for key, value in made.items() if value not in (None, [None])} | {MISSPELT: "x"}

    def _other(self, schema: Schema, place: str, places: list[str]) -> Any:
        schema = self._resolved(schema)
        if _may_be(schema, "array"):
            return [self._other(schema["items"], f"{place}/0", places)]
        if _may_be(schema, "object"):
            return {
                key: self._other(child, f"{place}/{key}", places) for key, child in self._children(schema)
            }
        places.append(place)
        return _of_another_type(schema)

    def _nulls(self, schema: Schema, defaults: Mapping[str, Any], *, deep: bool) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for key, child in ((key, self._resolved(child)) for key, child in self._children(schema)):
            default, known, may = defaults.get(key), key in defaults, _may_be(child, "null")
            inside = deep and "required" not in child
            if _may_be(child, "object") and (inside or known or not may):
                made[key] = self._nulls(child, default if isinstance(default, dict) else {}, deep=deep)
            if not known and may and not made.get(key):
                made[key] = None
        return {key: value for key, value in made.items() if value != {}}

    def _never_null(self, schema: Schema, defaults: Mapping[str, Any], place: str) -> Iterator[str]:
        required = schema.get("required", [])
        for key, child in ((key, self._resolved(child)) for key, child in self._children(schema)):
            if key not in defaults and key not in required and not _may_be(child, "null"):
                yield f"{place}/{key}"
            if _may_be(child, "object"):
                default = defaults.get(key)
                yield from self._never_null(
                    child, default if isinstance(default, dict) else {}, f"{place}/{key}"
                )

    def _resolved(self, schema: Schema) -> Schema:
        while "$ref" in schema:
            schema = self.root["definitions"][schema["$ref"].rpartition("/")[2]]
        return schema

    def _children(self, schema: Schema) -> Iterator[tuple[str, Schema]]:
        yield from ((key, child) for key, child in schema.get("properties", {}).items() if child is not False)
        yield from ((CHOSEN, child) for child in schema.get("patternProperties", {}).values())
        if isinstance(schema.get("additionalProperties"), dict):
            yield CHOSEN, schema["additionalProperties"]


def _is_closed(schema: Schema) -> bool:
    """Whether the table refuses MISSPELT: no place in it is for a name that may be this one."""
    names = schema.get("patternProperties", {})
    return schema.get("additionalProperties") is False and not any(
        re.search(name, MISSPELT) for name in names
    )


def _may_be(schema: Schema, type_: str) -> bool:
    types = schema.get("type", [])
    if type_ == "null" and None in schema.get("enum", []):
        return True
    return type_ in ([types] if isinstance(types, str) else types)


def _of_another_type(schema: Schema) -> Any:
    return "yes" if _may_be(schema, "boolean") else True
