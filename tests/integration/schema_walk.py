"""Builds wrong values out of the chart's schema: a misspelt key in every table, a wrong type in every place.

It knows JSON schema as values.schema.json uses it. It must not know the chart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["MISSPELT", "Walk"]

Schema = Mapping[str, Any]

# A name that no place takes where names are chosen.
MISSPELT = "misSpelt"
# A name where the user chooses one.
_CHOSEN = "chosen"


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

    def _wrong(self, schema: Schema, place: str, closed: list[str], opened: list[str]) -> Any:
        schema = self._resolved(schema)
        if schema.get("type") == "array":
            return [self._wrong(schema["items"], f"{place}/0", closed, opened)]
        if schema.get("type") != "object":
            return None
        (closed if schema.get("additionalProperties") is False else opened).append(place)
        inner = self._children(schema)
        made = {key: self._wrong(child, f"{place}/{key}", closed, opened) for key, child in inner}
        return {key: value for key, value in made.items() if value not in (None, [None])} | {MISSPELT: "x"}

    def _other(self, schema: Schema, place: str, places: list[str]) -> Any:
        schema = self._resolved(schema)
        if schema.get("type") == "array":
            return [self._other(schema["items"], f"{place}/0", places)]
        if schema.get("type") == "object":
            return {
                key: self._other(child, f"{place}/{key}", places) for key, child in self._children(schema)
            }
        places.append(place)
        return _of_another_type(schema)

    def _resolved(self, schema: Schema) -> Schema:
        while "$ref" in schema:
            schema = self.root["definitions"][schema["$ref"].rpartition("/")[2]]
        return schema

    def _children(self, schema: Schema) -> Iterator[tuple[str, Schema]]:
        yield from ((key, child) for key, child in schema.get("properties", {}).items() if child is not False)
        yield from ((_CHOSEN, child) for child in schema.get("patternProperties", {}).values())
        if isinstance(schema.get("additionalProperties"), dict):
            yield _CHOSEN, schema["additionalProperties"]


def _of_another_type(schema: Schema) -> Any:
    types = schema.get("type", [])
    known = [types] if isinstance(types, str) else types
    return True if "boolean" not in known else "yes"
