"""An overview as JSON: names in camelCase, times in RFC 3339, durations in seconds, null for the unknown."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from typing import Any

from secrets_manager.overview.model import DefinitionLine, Overview


def as_data(overview: Overview) -> dict[str, Any]:
    """The overview as mappings, lists and plain values, in the order of the model."""
    return {camel(field.name): _plain(getattr(overview, field.name)) for field in fields(overview)}


def definition_data(line: DefinitionLine) -> dict[str, Any]:
    """One definition, as it stands in an overview."""
    return {camel(field.name): _plain(getattr(line, field.name)) for field in fields(line)}


def time_data(moment: datetime) -> str:
    """A moment in RFC 3339, UTC and whole seconds."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _plain(value: object) -> Any:
    if isinstance(value, datetime):
        return time_data(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if is_dataclass(value):
        return {camel(field.name): _plain(getattr(value, field.name)) for field in fields(value)}
    return str(value) if isinstance(value, str) else value


def camel(name: str) -> str:
    """The name of a field in JSON."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
