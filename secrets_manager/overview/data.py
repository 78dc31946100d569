"""An overview as JSON: names in camelCase, times in RFC 3339, durations in seconds, null for the unknown."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from typing import Any

from secrets_manager.overview.model import DefinitionLine, Overview

_KNOWN: dict[type[Any], tuple[tuple[str, str], ...]] = {}


def as_data(overview: Overview) -> dict[str, Any]:
    """The overview as mappings, lists and plain values, in the order of the model."""
    return _members(overview)


def definition_data(line: DefinitionLine) -> dict[str, Any]:
    """One definition, as it stands in an overview."""
    return _members(line)


def time_data(moment: datetime) -> str:
    """A moment in RFC 3339, UTC and whole seconds."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _plain(value: object) -> Any:
    if isinstance(value, datetime):
        return time_data(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if is_dataclass(value):
        return _members(value)
    return str(value) if isinstance(value, str) else value


def _members(value: object) -> dict[str, Any]:
    return {key: _plain(getattr(value, name)) for name, key in _names(type(value))}


def _names(kind: type[Any]) -> tuple[tuple[str, str], ...]:
    """The fields of a class, each with its name in JSON; found once, since there may be thousands of one."""
    if kind not in _KNOWN:
        _KNOWN[kind] = tuple((field.name, camel(field.name)) for field in fields(kind))
    return _KNOWN[kind]


def camel(name: str) -> str:
    """The name of a field in JSON."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
