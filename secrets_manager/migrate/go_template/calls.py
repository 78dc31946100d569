"""One use of a function in a Go template: its arguments, taken as the function takes them in Go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from secrets_manager.migrate.go_template import notes
from secrets_manager.migrate.go_template.faults import Refused, shown
from secrets_manager.migrate.go_template.kinds import Kind
from secrets_manager.migrate.go_template.values import (
    Level,
    Value,
    forced,
    merged,
    piped,
    softened,
    text_constant,
)

# Letters of one expression; more would be refused when the template of ours is compiled.
LONGEST = 16_384
# What no list, map or JSON is made of here.
_NOT_KEPT = {Kind.ROOT, Kind.PARTS, Kind.MIXED, Kind.DIGITS, Kind.NOTHING, Kind.BYTES}
WIDEST = 200


@dataclass(frozen=True, slots=True)
class Call:
    """A function by its name, at its place, with its arguments; ``note`` takes a sentence of notes.py."""

    name: str
    at: int
    values: tuple[Value, ...]
    note: Callable[[str], None]

    def refuse(self, reason: str) -> Refused:
        """The error to raise."""
        return Refused(self.at, shown(self.name), reason)

    def takes(self, least: int, most: int | None = None) -> None:
        """Check how many arguments there are: ``least``, or up to ``most``, which is -1 for any number."""
        most = least if most is None else most
        count = len(self.values)
        if count < least or (most >= 0 and count > most):
            raise self.refuse("gets a number of arguments that it does not take")

    def text(self, at: int) -> Value:
        """An argument that must be a text."""
        value = self.values[at]
        if value.kind is Kind.ANY:
            self.note(notes.OUT_OF_JSON)
            value = replace(value, kind=Kind.TEXT)
        elif value.kind is not Kind.TEXT:
            raise self.refuse(f"gets {value.kind.value} where it takes a text")
        return self.noted(value)

    def printable(self, at: int) -> Value:
        """An argument of any kind, as the text that Go makes of it."""
        value = self.values[at]
        if value.kind in {Kind.TEXT, Kind.ANY}:
            return self.text(at)
        if value.kind is Kind.DIGITS:
            return replace(value, kind=Kind.TEXT)
        if value.kind is Kind.TRUTH:
            return piped(value, "tojson")
        if value.kind in {Kind.WHOLE, Kind.NUMBER}:
            if isinstance(value.constant, (int, float)):
                return text_constant(str(value.constant))
            return piped(value, "string")
        raise self.refuse(f"gets {value.kind.value}, which Go writes in a way of its own")

    def kept(self, at: int) -> Value:
        """An argument that is kept as it is, and fails where it is not there."""
        value = self.noted(self.values[at])
        if value.kind in _NOT_KEPT:
            raise self.refuse(f"gets {value.kind.value}")
        if value.kind is Kind.ANY:
            self.note(notes.OUT_OF_JSON)
        return forced(value)

    def condition(self, at: int) -> Value:
        """An argument whose truth is asked for."""
        value = self.values[at]
        if value.kind in {Kind.ROOT, Kind.PARTS, Kind.NOTHING}:
            raise self.refuse(f"gets {value.kind.value}")
        if value.kind is Kind.ANY:
            self.note(notes.OUT_OF_JSON)
        return softened(value)

    def constant_text(self, at: int) -> str:
        """An argument that must be a constant text."""
        constant = self.values[at].constant
        if not isinstance(constant, str):
            raise self.refuse("gets a value where a constant text is needed here")
        return constant

    def constant_whole(self, at: int) -> int:
        """An argument that must be a constant whole number."""
        constant = self.values[at].constant
        if not isinstance(constant, int) or isinstance(constant, bool):
            raise self.refuse("gets something where a constant whole number is needed here")
        return constant

    def width(self, at: int) -> str:
        """An argument that is a constant number of spaces, as these spaces."""
        width = self.constant_whole(at)
        if not 0 <= width <= WIDEST:
            raise self.refuse(f"gets a width that is not from 0 to {WIDEST}")
        return " " * width

    def twice(self, value: Value) -> Value:
        """``value``, which is used more than once: not for very long ones."""
        if len(value.text) > LONGEST // 8:
            raise self.refuse("gets an expression that would become too long")
        return value

    def noted(self, value: Value) -> Value:
        """``value``, which fails here where it is not there."""
        if value.absent:
            self.note(notes.NO_ENTRY)
        return replace(value, absent=False, nil=False) if value.nil else value


def chosen(condition: Value, then: Value, otherwise: Value) -> Value:
    """One of two values."""
    parts = [each.under(Level.COMPARE) for each in (then, condition, otherwise)]
    return Value(
        text=f"{parts[0]} if {parts[1]} else {parts[2]}",
        kind=merged([then, otherwise]),
        level=Level.CHOICE,
        of=then.of if then.of is otherwise.of else None,
        bare=then.bare or otherwise.bare,
    )
