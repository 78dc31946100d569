"""The values of the chart with what stands above them in values.yaml, which is where their texts are kept.

Pure, and no parser of YAML: it takes the form that values.yaml has, which a test keeps.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

__all__ = ["Described", "described"]

_KEY = re.compile(r"( *)([A-Za-z0-9-]+):(.*)")
# Its parts are described by the option table.
SETTINGS = "settings"


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """A value, or a table of values that has a comment, by the path to it from the top."""

    path: tuple[str, ...]
    text: str
    default: Any

    @property
    def name(self) -> str:
        """The path as Helm's `--set` writes it."""
        return ".".join(self.path)


def described(text: str) -> list[Described]:
    """The values of this values.yaml that have a comment, in its order.

    Comments at the top, before an empty line, are about the file.
    """
    values = yaml.safe_load(text)
    return [
        Described(path=path, text=" ".join(comment), default=_at(values, path))
        for path, comment in _keys(text)
        if comment and not (path[0] == SETTINGS and len(path) > 1)
    ]


def _keys(text: str) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """The path of each key, and the lines of comment right above it."""
    path: list[str] = []
    comment: list[str] = []
    for line in text.splitlines():
        if line.lstrip().startswith("#"):
            comment.append(line.lstrip().removeprefix("#").strip())
            continue
        if found := _KEY.fullmatch(line):
            del path[len(found[1]) // 2 :]
            path.append(found[2])
            yield tuple(path), comment
        comment = []


def _at(values: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    found: Any = values
    for key in path:
        found = found[key]
    return found
