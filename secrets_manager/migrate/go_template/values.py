"""What a part of a Go template is in ours: an expression, and what is known of its value; pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import IntEnum

from secrets_manager.migrate.go_template.dialects import Spelled
from secrets_manager.migrate.go_template.kinds import Kind
from secrets_manager.migrate.go_template.literals import written

# Stands for the map of all names until it is known whether any expression needs it as a whole.
WHOLE_DOT = "\x00data"


class Level(IntEnum):
    """How tightly an expression holds together, the tightest first."""

    ATOM = 0
    FILTER = 1
    CONCAT = 2
    COMPARE = 3
    LOGIC = 4
    CHOICE = 5


class _No:
    """No constant."""


NO_CONSTANT = _No()


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """An expression and its value.

    ``of`` is the kind of the parts of a list or map, None if they have several. ``constant`` is what a
    constant is. ``loose`` marks a map that Go has as a map of anything, which some functions ask for. A
    ``bare`` one may be undefined without having failed yet. An ``absent`` one may be undefined where Go
    goes on: with an empty text, or ``nil``. ``optional`` is another expression for it, which nobody must
    provide. A ``steady`` one is always the same, so it can be asked for again. A ``filled`` list has a part
    in any case. ``path`` are the fields on the way from a dot that has the values in a field.
    ``spelled`` is that of the dialect, where this is the dot.
    """

    text: str
    kind: Kind
    level: Level = Level.ATOM
    of: Kind | None = None
    constant: object = NO_CONSTANT
    loose: bool = False
    bare: bool = False
    absent: bool = False
    nil: bool = False
    optional: str = ""
    steady: bool = False
    filled: bool = False
    path: tuple[str, ...] = ()
    spelled: Callable[[str], Spelled] | None = None

    def under(self, level: Level) -> str:
        """The expression where one of this level may stand, in brackets if it is a looser one."""
        return self.text if self.level <= level else f"({self.text})"


def text_constant(text: str) -> Value:
    """A text in quotes."""
    return Value(text=written(text), kind=Kind.TEXT, constant=text)


def piped(value: Value, through: str, kind: Kind = Kind.TEXT) -> Value:
    """``value`` through a filter with its arguments."""
    return Value(text=f"{value.under(Level.FILTER)} | {through}", kind=kind, level=Level.FILTER)


def joined(values: list[Value]) -> Value:
    """Texts one after the other; constants beside each other become one."""
    parts: list[Value] = []
    for value in values:
        if value.constant == "":
            continue
        if parts and isinstance(value.constant, str) and isinstance(parts[-1].constant, str):
            parts[-1] = text_constant(parts[-1].constant + value.constant)
        else:
            parts.append(value)
    if not parts:
        return text_constant("")
    if len(parts) == 1:
        return forced(parts[0])
    text = " ~ ".join(part.under(Level.CONCAT) for part in parts)
    return Value(text=text, kind=Kind.TEXT, level=Level.CONCAT)


def forced(value: Value) -> Value:
    """``value`` such that it fails at once where it is undefined, as far as there is a way to say so."""
    if value.bare and value.kind in {Kind.TEXT, Kind.BYTES}:
        return replace(piped(value, "string", value.kind), absent=False)
    return value


def merged(values: list[Value]) -> Kind:
    """The kind of a value that is one of these."""
    kinds = {value.kind for value in values}
    if len(kinds) == 1:
        return kinds.pop()
    if Kind.ANY in kinds and kinds <= {Kind.ANY, Kind.TEXT, Kind.WHOLE, Kind.DIGITS}:
        return Kind.ANY
    return Kind.DIGITS if kinds <= {Kind.TEXT, Kind.WHOLE, Kind.DIGITS} else Kind.MIXED


def shared(values: list[Value]) -> Kind | None:
    """The one kind of all these, or None."""
    kinds = {value.kind for value in values}
    return kinds.pop() if len(kinds) == 1 else None


def softened(value: Value) -> Value:
    """``value`` such that it is an empty text where it is not there and Go goes on."""
    if not value.absent:
        return value
    found = replace(value, text=value.optional or value.text)
    return replace(piped(found, 'default("")', value.kind), of=value.of)


def compared(left: Value, sign: str, right: Value) -> Value:
    """A comparison of two."""
    text = f"{left.under(Level.CONCAT)} {sign} {right.under(Level.CONCAT)}"
    return Value(text=text, kind=Kind.TRUTH, level=Level.COMPARE)
