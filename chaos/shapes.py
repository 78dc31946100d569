"""The ways in which a definition can say where its values come from; each gives the same data. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any

Json = dict[str, Any]


class Shape(Enum):
    """The part of the spec that has the data."""

    KEYS_MAP = "keysMap"
    WHOLE_PATH = "dataFrom"
    TEMPLATE = "template"


def shape_of(number: int) -> Shape:
    """All shapes in turn."""
    shapes = tuple(Shape)
    return shapes[number % len(shapes)]


def data_of(shape: Shape, path: str, keys: Sequence[str], *, first: str = "") -> Json:
    """The part of a spec that gives these keys of a path, which has no others.

    The first one is taken from the key ``first`` instead, if that is given.
    """
    begin, *others = keys
    first = first or begin
    if shape is Shape.WHOLE_PATH:
        return {"dataFrom": [{"path": path, "exclude": [begin]}, {"path": path, "include": [first]}]}
    if shape is Shape.TEMPLATE:
        names = {begin: first, **{name: name for name in others}}
        texts = {key: f"{{{{ all.{name} }}}}" for key, name in names.items()}
        return {"inputs": {"all": {"path": path}}, "template": texts}
    rest = {name: {"path": path, "key": name} for name in others}
    return {"keysMap": {begin: {"path": path, "key": first}, **rest}}
