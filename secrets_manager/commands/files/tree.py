"""A document as a tree whose values know their lines; pure.

Anchors are shared, so a few lines can stand for more values than there is memory. So each node knows how many
values it stands for, and nothing is made of a tree that stands for too many.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from secrets_manager.commands.files.scalars import Scalar

# Of one document. A SecretDefinition of the largest size that a cluster stores has a tenth of it.
MOST_VALUES = 200_000
# Levels of lists and maps in each other; manifests have some thirty.
DEEPEST = 200
_LETTERS_OF_A_VALUE = 64


class Mark(NamedTuple):
    """A place in a file; both count from 1."""

    line: int
    column: int = 1


class Unusable(Exception):
    """A file, or a document in one, cannot be read; ``why`` quotes no value of it."""

    def __init__(self, why: str, mark: Mark | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.mark = mark


class Member(NamedTuple):
    """A value of a map, and where its key stands."""

    mark: Mark
    node: Node


class Node:
    """A value: a scalar, a list or a map. Of one that is an alias there is only the one that it stands for.

    ``size`` is the number of values, where a long text counts as several, and ``height`` that of levels.
    """

    __slots__ = ("height", "mark", "size", "value")

    def __init__(self, value: Scalar | list[Node] | dict[str, Member], mark: Mark) -> None:
        """Raises Unusable where it stands for too many values, or is nested too deep."""
        self.value = value
        self.mark = mark
        parts = _parts(value)
        self.size: int = _weight(value) + sum(part.size for part in parts)
        self.height: int = 1 + max((part.height for part in parts), default=0)
        if self.size > MOST_VALUES:
            raise Unusable(f"stands for more than {MOST_VALUES} values", mark)
        if self.height > DEEPEST:
            raise Unusable(f"is nested deeper than {DEEPEST} levels", mark)

    def __repr__(self) -> str:
        return f"Node({type(self.value).__name__} at {self.mark.line})"

    def member(self, name: str) -> Node | None:
        """The value under a name, None where this is no map or has none."""
        found = self.value.get(name) if isinstance(self.value, dict) else None
        return found.node if found is not None else None

    def items(self) -> list[Node]:
        """The values of a list, none where this is no list."""
        return self.value if isinstance(self.value, list) else []

    def text(self) -> str:
        """The text, "" where this is none."""
        return self.value if isinstance(self.value, str) else ""

    def plain(self) -> Any:
        """The value as the JSON parser would make it."""
        if isinstance(self.value, dict):
            return {name: member.node.plain() for name, member in self.value.items()}
        return [item.plain() for item in self.value] if isinstance(self.value, list) else self.value

    def place(self, path: Iterable[str | int]) -> Mark:
        """Where the path leads, or as far as it leads."""
        mark, node = self.mark, self
        for step in path:
            if isinstance(node.value, dict) and step in node.value:
                mark, node = node.value[str(step)]
            elif isinstance(node.value, list) and isinstance(step, int) and step < len(node.value):
                node = node.value[step]
                mark = node.mark
            else:
                break
        return mark


def _parts(value: Scalar | list[Node] | dict[str, Member]) -> list[Node]:
    if isinstance(value, dict):
        return [member.node for member in value.values()]
    return value if isinstance(value, list) else []


def _weight(value: Scalar | list[Node] | dict[str, Member]) -> int:
    return 1 + len(value) // _LETTERS_OF_A_VALUE if isinstance(value, str) else 1
