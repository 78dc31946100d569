"""The parts of a Go template. Each has in ``at`` the offset of where it stands."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "Action",
    "Branch",
    "Chain",
    "Command",
    "Constant",
    "Dot",
    "Function",
    "If",
    "Jump",
    "Node",
    "Operand",
    "Pipeline",
    "Range",
    "Text",
    "Variable",
    "With",
]


@dataclass(frozen=True, slots=True)
class Dot:
    """``.``, or with fields of it a Chain."""

    at: int


@dataclass(frozen=True, slots=True)
class Variable:
    """``$name``; the name is "" for ``$``, which is the dot at the start."""

    at: int
    name: str


@dataclass(frozen=True, slots=True)
class Constant:
    """A text, number, bool or nil."""

    at: int
    value: str | float | bool | None


@dataclass(frozen=True, slots=True)
class Function:
    """The name of a function, which may have arguments beside it."""

    at: int
    name: str


@dataclass(frozen=True, slots=True)
class Chain:
    """Fields of something."""

    at: int
    of: Dot | Variable | Pipeline
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Command:
    """Operands beside each other: a function and its arguments, or one value."""

    at: int
    operands: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Commands, each with the result of the one before as its last argument.

    ``declares`` are the variables that get the result, or are ``assigned`` it if they are there already.
    """

    at: int
    declares: tuple[str, ...]
    assigned: bool
    commands: tuple[Command, ...]


Operand = Dot | Variable | Constant | Function | Chain | Pipeline


@dataclass(frozen=True, slots=True)
class Text:
    """Text outside of actions."""

    at: int
    text: str


@dataclass(frozen=True, slots=True)
class Action:
    """A pipeline whose result is printed, unless it declares variables."""

    at: int
    pipeline: Pipeline


@dataclass(frozen=True, slots=True)
class Branch:
    """What is done where the pipeline is true."""

    pipeline: Pipeline
    body: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class If:
    """The first branch that is true, or ``otherwise``."""

    at: int
    branches: tuple[Branch, ...]
    otherwise: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class With:
    """As If, and the dot is in each branch what its pipeline gives."""

    at: int
    branches: tuple[Branch, ...]
    otherwise: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Range:
    """The body for each part of what the pipeline gives, or ``otherwise`` where it has none."""

    at: int
    branch: Branch
    otherwise: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Jump:
    """``break`` or ``continue``."""

    at: int
    word: str


Node = Text | Action | If | With | Range | Jump
