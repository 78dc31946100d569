"""Fields of a foreign spec as values of the right type; pure.

Each function gets the map, the name of the field in it, and ``where`` the map is, for the InvalidSpec that it
raises. That message is kept with the definition, so no part of it is as long as a text that somebody wrote.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from enum import StrEnum
from typing import Any, TypeVar

from secrets_manager.cluster.base import Json
from secrets_manager.domain.errors import InvalidSpec
from secrets_manager.domain.wording import truncate

Word = TypeVar("Word", bound=StrEnum)
T = TypeVar("T")

# Bytes of a name in a message: those of the longest data key that a Secret may have.
_LONGEST_SHOWN = 253
_LONGEST_WORD = 40
_JSON_TYPES: dict[type, str] = {
    str: "string",
    bool: "bool",
    int: "number",
    float: "number",
    list: "list",
    dict: "map",
    type(None): "null",
}


def string(raw: Json, name: str, where: str, default: str | None = None) -> str:
    """A text; ``default`` where it is absent or null, unless that is None."""
    value = raw.get(name)
    if value is None and default is not None:
        return default
    return as_string(value, f"{where}.{name}")


def optional_string(raw: Json, name: str, where: str) -> str | None:
    """A text; None where it is absent or null."""
    return None if raw.get(name) is None else string(raw, name, where)


def word(raw: Json, name: str, where: str, words: type[Word], default: Word | None = None) -> Word:
    """One of some words; ``default`` where it is absent or null, unless that is None."""
    text = string(raw, name, where, default=default)
    try:
        return words(text)
    except ValueError:
        may_be = ", ".join(filter(None, words))
        absent = "" if default is None else " or absent"
        raise InvalidSpec(f"{where}.{name} is {text[:_LONGEST_WORD]!r}; it may be {may_be}{absent}") from None


def flag(raw: Json, name: str, where: str) -> bool:
    """A bool; false where it is absent or null."""
    value = raw.get(name)
    if value is not None and not isinstance(value, bool):
        raise InvalidSpec(f"{where}.{name} is {found(value)}, not a bool")
    return value is True


def section(raw: Json, name: str, where: str) -> Json:
    """A map; an empty one where it is absent or null."""
    return {} if raw.get(name) is None else as_map(raw[name], f"{where}.{name}")


def texts(raw: Json, name: str, where: str) -> dict[str, str]:
    """A map of texts; an empty one where it is absent or null."""
    named, at = section(raw, name, where), f"{where}.{name}"
    return {sys.intern(str(key)): as_string(value, place(at, str(key))) for key, value in named.items()}


def items(raw: Json, name: str, where: str) -> list[Any]:
    """A list; an empty one where it is absent or null."""
    value = raw.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise InvalidSpec(f"{where}.{name} is {found(value)}, not a list")
    return value


def each(raw: Json, name: str, where: str, make: Callable[[Json, str], T]) -> dict[str, T]:
    """A map of maps, each made into a value by ``make``, which gets it and where it is."""
    named = section(raw, name, where)
    return {
        sys.intern(str(key)): make(as_map(value, at), at)
        for key, value in named.items()
        if (at := place(f"{where}.{name}", str(key)))
    }


def as_map(value: object, where: str) -> Json:
    """``value`` if it is a map."""
    if not isinstance(value, dict):
        raise InvalidSpec(f"{where} is {found(value)}, not a map")
    return value


def as_string(value: object, where: str) -> str:
    """``value`` if it is a text."""
    if not isinstance(value, str):
        raise InvalidSpec(f"{where} is {found(value)}, not a string")
    return value


def place(where: str, key: str) -> str:
    """The place of an entry of a map."""
    return f"{where}[{truncate(key, _LONGEST_SHOWN)}]"


def found(value: object) -> str:
    """The type of a value in words."""
    return "missing" if value is None else f"a {_JSON_TYPES.get(type(value), 'value of another type')}"
