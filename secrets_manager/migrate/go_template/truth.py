"""Functions about truth, as sprig and Go have them, in ours: conditions, comparisons, fallbacks."""

from __future__ import annotations

from collections.abc import Callable

from secrets_manager.migrate.go_template import notes
from secrets_manager.migrate.go_template.calls import Call, chosen
from secrets_manager.migrate.go_template.kinds import Kind
from secrets_manager.migrate.go_template.values import Level, Value, compared, merged, softened

_COMPARED = {Kind.TEXT, Kind.WHOLE, Kind.NUMBER, Kind.TRUTH}


def _all_of(word: str) -> Callable[[Call], Value]:
    def translated(call: Call) -> Value:
        call.takes(1, -1)
        values = [call.condition(at) for at in range(len(call.values))]
        if any(value.nil for value in call.values):
            call.note(notes.EMPTY_ENTRY)
        if len(values) == 1:
            return values[0]
        return Value(
            text=f" {word} ".join(value.under(Level.COMPARE) for value in values),
            kind=merged(values),
            level=Level.LOGIC,
            of=shared_parts(values),
            bare=any(value.bare for value in values),
        )

    return translated


def shared_parts(values: list[Value]) -> Kind | None:
    """The kind of the parts of lists or maps, if it is one."""
    kinds = {value.of for value in values}
    return kinds.pop() if len(kinds) == 1 else None


def negated(call: Call) -> Value:
    """Not, and sprig's empty."""
    call.takes(1)
    return Value(text=f"not {call.condition(0).under(Level.COMPARE)}", kind=Kind.TRUTH, level=Level.LOGIC)


def equal(call: Call) -> Value:
    """Eq FIRST ANY...: whether it is one of the others."""
    call.takes(2, -1)
    tests = [_comparison(call, "==", at) for at in range(1, len(call.values))]
    if len(tests) == 1:
        return tests[0]
    return Value(text=" or ".join(test.text for test in tests), kind=Kind.TRUTH, level=Level.LOGIC)


def _by(sign: str) -> Callable[[Call], Value]:
    def translated(call: Call) -> Value:
        call.takes(2)
        if sign != "!=" and Kind.TRUTH in {value.kind for value in call.values}:
            raise call.refuse("gets a bool, which has no order")
        return _comparison(call, sign, 1)

    return translated


def _comparison(call: Call, sign: str, at: int) -> Value:
    left, right = call.values[0], call.values[at]
    kinds = {left.kind, right.kind}
    if Kind.ANY in kinds and kinds <= {Kind.ANY, Kind.TEXT}:
        call.note(notes.OUT_OF_JSON)
    elif len(kinds) > 1 or not kinds <= _COMPARED:
        raise call.refuse(f"compares {left.kind.value} and {right.kind.value}, which fails there")
    for value in (left, right):
        if value.nil:
            call.note(notes.NO_ENTRY)
    # Nil is not equal to an empty text.
    sides = [value if value.nil else softened(value) for value in (left, right)]
    return compared(sides[0], sign, sides[1])


def default(call: Call) -> Value:
    """Default FALLBACK VALUE."""
    call.takes(2)
    return _first_true(call, [call.condition(1), call.values[0]])


def coalesce(call: Call) -> Value:
    """Coalesce ANY...; nothing is true at the end of it only in Go."""
    call.takes(1, -1)
    values = [call.condition(at) for at in range(len(call.values))]
    if not values[-1].constant or not isinstance(values[-1].constant, (str, int)):
        raise call.refuse("must end here with a constant that is not empty")
    return _first_true(call, values)


def _first_true(call: Call, values: list[Value]) -> Value:
    if any(value.bare for value in values[1:]):
        call.note(notes.LAZY)
    if values[-1].absent:
        call.note(notes.NO_ENTRY)
    if values[-1].kind is Kind.NOTHING or (len(values) == 1):
        raise call.refuse("gets nil, or one value alone")
    return Value(
        text=" or ".join(value.under(Level.COMPARE) for value in values),
        kind=merged(values),
        level=Level.LOGIC,
        of=shared_parts(values),
        bare=values[-1].bare,
    )


def ternary(call: Call) -> Value:
    """Ternary THEN OTHERWISE TRUTH."""
    call.takes(3)
    if call.values[2].kind is not Kind.TRUTH:
        raise call.refuse(f"gets {call.values[2].kind.value} where it takes a bool")
    then, otherwise = call.kept(0), call.kept(1)
    if call.values[0].bare or call.values[1].bare:
        call.note(notes.LAZY)
    return chosen(call.values[2], then, otherwise)


TRUTH: dict[str, Callable[[Call], Value]] = {
    "and": _all_of("and"),
    "coalesce": coalesce,
    "default": default,
    "empty": negated,
    "eq": equal,
    "ge": _by(">="),
    "gt": _by(">"),
    "le": _by("<="),
    "lt": _by("<"),
    "ne": _by("!="),
    "not": negated,
    "or": _all_of("or"),
    "ternary": ternary,
}
