"""The JSON of an overview back to its lines; pure. It came over a network, so nothing in it is trusted."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from secrets_manager.overview.data import camel
from secrets_manager.overview.model import Overview

_Made = TypeVar("_Made")


class NoOverview(ValueError):
    """It is not the JSON of an overview; the text names the field."""


def overview_from(data: object) -> Overview:
    """The overview that was made into this; raises NoOverview. Unknown fields are of a later release."""
    return _object(Overview, data, "the answer")


def _object(kind: type[_Made], data: object, where: str) -> _Made:
    if not isinstance(data, Mapping):
        raise NoOverview(f"{where} is not an object")
    hints = get_type_hints(kind)
    made: dict[str, Any] = {}
    for field in fields(kind):  # type: ignore[arg-type] # only dataclasses come here
        name = camel(field.name)
        made[field.name] = _value(hints[field.name], data.get(name), f"{where}.{name}")
    return kind(**made)


def _value(hint: Any, data: object, where: str) -> Any:
    if get_origin(hint) in {Union, types.UnionType}:
        if data is None:
            return None
        (hint,) = (each for each in get_args(hint) if each is not type(None))
    if get_origin(hint) is tuple:
        if not isinstance(data, list):
            raise NoOverview(f"{where} is not a list")
        return tuple(
            _value(get_args(hint)[0], item, f"{where}[{number}]") for number, item in enumerate(data)
        )
    if is_dataclass(hint):
        return _object(hint, data, where)  # type: ignore[arg-type] # a class, as all hints are
    return _plain(hint, data, where)


def _plain(hint: Any, data: object, where: str) -> Any:
    try:
        if hint is datetime and isinstance(data, str):
            return _moment(data)
        if isinstance(hint, type) and issubclass(hint, StrEnum) and isinstance(data, str):
            return hint(data)
    except ValueError:
        raise NoOverview(f"{where} is not legal") from None
    if hint is float and isinstance(data, int | float) and not isinstance(data, bool):
        return float(data)
    if type(data) is not hint:
        raise NoOverview(f"{where} is of the wrong type")
    return data


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("no time zone")
    return moment
