"""Faults of an object, each with the place that it is about; pure."""

from __future__ import annotations

from typing import NamedTuple

Path = tuple[str | int, ...]


class SchemaFault(NamedTuple):
    """What the API server would refuse. ``message`` follows the name of the field and quotes no value."""

    path: Path
    message: str

    def __str__(self) -> str:
        return f"{field(self.path)} {self.message}" if self.path else f"the object {self.message}"


def field(path: Path) -> str:
    """The path as messages have it: ``spec.keysMap[A].path``, ``spec.dataFrom[0]``."""
    named = ""
    for number, step in enumerate(path):
        if isinstance(step, int) or (number and path[number - 1] in _MAPS and path[0] in _ROOTS):
            named += f"[{step}]"
        else:
            named += f".{step}" if named else str(step)
    return named


# Fields whose members have names of the author's choice.
_MAPS = ("keysMap", "inputs", "template", "checks", "labels", "annotations")
_ROOTS = ("spec", "metadata")
