"""One value of a reading: as a text, as JSON text, or as a template has it.

A value is a text, another value that Python's JSON parser makes, or one that is still JSON: a JsonText or a
JsonValue. ``path`` and ``key`` name it in faults.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from secrets_manager.domain.errors import DecodeError, KeyNotFound, NotAString
from secrets_manager.runtime import json_exact
from secrets_manager.runtime.json_spans import JsonText, JsonValue, Malformed

T = TypeVar("T")

# Names of JSON types for messages: people know these words from the backend, not those of Python.
_JSON_TYPES: dict[type, str] = {
    bool: "bool",
    int: "number",
    float: "number",
    json_exact.Number: "number",
    list: "list",
    dict: "map",
}


def string(path: str, key: str, value: object) -> str:
    """The text that ``value`` is; raises KeyNotFound for null, NotAString, and DecodeError for no JSON."""
    if value is None:
        raise KeyNotFound(path, key)
    if isinstance(value, JsonText):
        return _made(path, key, value.text)
    if not isinstance(value, str):
        raise NotAString(path, key, _made(path, key, lambda: _type_name(value)))
    return value


def text(path: str, key: str, value: object) -> str:
    """The text that ``value`` is, or its JSON text; raises KeyNotFound for null, otherwise a KeyFault.

    A JSON text has no blanks, names in the order of their letters, and numbers as the backend has them.
    """
    if value is None or isinstance(value, (str, JsonText)):
        return string(path, key, value)
    return _made(path, key, lambda: json_exact.text(_exact(value)))


def natural(path: str, key: str, value: object) -> Any:
    """A str, bool, int, float, list or dict; raises KeyNotFound for null, otherwise a KeyFault.

    A number with digits that neither int of 64 bits nor float keeps is the str of its digits.
    """
    if value is None or isinstance(value, (str, JsonText)):
        return string(path, key, value)
    return _made(path, key, lambda: json_exact.natural(_exact(value)))


def floor(value: object) -> int:
    """A lower bound of the bytes of `text`, line ends left out; nothing is made.

    Where a map has several members of one name, it counts all of them.
    """
    if isinstance(value, (JsonText, JsonValue)):
        return value.floor()
    if isinstance(value, str):
        return len(value) - value.count("\n") - value.count("\r")
    return 0 if value is None else json_exact.floor(value)


def _exact(value: object) -> Any:
    return value.exact() if isinstance(value, JsonValue) else value


def _type_name(value: object) -> str:
    if isinstance(value, JsonValue):
        return value.kind()
    return _JSON_TYPES.get(type(value), "value of another type")


def _made(path: str, key: str, make: Callable[[], T]) -> T:
    try:
        return make()
    except json_exact.NotExact as fault:
        raise DecodeError(path, key, fault.form) from None
    except Malformed:
        raise DecodeError(path, key, "JSON") from None
