"""Pipelines of a Go template to expressions of ours, with the variables and the dot as they are there."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from secrets_manager.migrate.go_template import notes
from secrets_manager.migrate.go_template.calls import LONGEST, Call
from secrets_manager.migrate.go_template.data import loose_map
from secrets_manager.migrate.go_template.dialects import Dialect
from secrets_manager.migrate.go_template.faults import Refused, shown
from secrets_manager.migrate.go_template.fields import entry, index, is_name, looked_up
from secrets_manager.migrate.go_template.functions import called
from secrets_manager.migrate.go_template.kinds import Kind
from secrets_manager.migrate.go_template.lexer import tokens_of
from secrets_manager.migrate.go_template.syntax import (
    Chain,
    Command,
    Constant,
    Dot,
    Function,
    Operand,
    Pipeline,
    Variable,
)
from secrets_manager.migrate.go_template.values import WHOLE_DOT, Level, Value, text_constant

# Templates of ours take no more: each is a word and a sign of one tag.
MOST_VALUES = 200
MOST_VARIABLES = 200


@dataclass(slots=True)
class Binding:
    """A variable of the template: its value, the loop it was declared in, and whether it was asked for."""

    name: str
    value: Value
    loop: int
    used: bool = False


@dataclass(slots=True)
class Scope:
    """What is known at one place: variables, the dot, and how many loops are around it."""

    dot: Value
    variables: list[Binding] = field(default_factory=list)
    loop: int = 0


class Expressions:
    """The place that is translated now, and what was seen so far: names, notes."""

    def __init__(self, source: str, dialect: Dialect) -> None:
        self.dialect = dialect
        self.names: set[str] = set()
        self.notes: dict[str, None] = {}
        self._taken = _words(source, dialect)
        self._numbers: dict[str, int] = {}
        self.root = Value(text="", kind=Kind.ROOT)
        if not dialect.values:
            self.root = self._values()
        self.scope = Scope(self.root)

    def _values(self) -> Value:
        kind = self.dialect.kind
        return Value(
            text=WHOLE_DOT,
            kind=Kind.MAP,
            of=kind,
            loose=kind is Kind.ANY,
            steady=True,
            spelled=self.dialect.spelled,
        )

    def note(self, sentence: str) -> None:
        """Say this about the template, once."""
        self.notes[sentence] = None

    def new_name(self, wish: str) -> str:
        """A name for a variable of ours that nothing else has, neither here nor in the definition."""
        wish = name = wish if is_name(wish) else "value"
        while name in self._taken:
            self._numbers[wish] = self._numbers.get(wish, 1) + 1
            name = f"{wish}_{self._numbers[wish]}"
        self._taken.add(name)
        return name

    def binding(self, at: int, name: str) -> Binding:
        """The variable of that name."""
        for binding in reversed(self.scope.variables):
            if binding.name == name:
                return binding
        raise Refused(at, shown(f"${name}"), "was not set before")

    def bind(self, at: int, name: str, value: Value) -> Binding:
        """A new variable in this scope."""
        scope = self.scope
        if len(scope.variables) >= MOST_VARIABLES:
            raise Refused(at, shown(f"${name}"), f"is one more than {MOST_VARIABLES} variables")
        scope.variables.append(Binding(name, value, scope.loop))
        return scope.variables[-1]

    def value(self, pipeline: Pipeline) -> Value:
        """What a pipeline gives."""
        result: Value | None = None
        for command in pipeline.commands:
            result = self._command(command, result)
            if len(result.text) > LONGEST:
                raise Refused(command.at, "an expression", "would become too long")
        if result is None:
            raise Refused(pipeline.at, "an action", "is empty")
        return result

    def _command(self, command: Command, last: Value | None) -> Value:
        first, *rest = command.operands
        if isinstance(first, Function):
            values = [self._operand(operand) for operand in rest]
            return self._called(first, [*values, *([] if last is None else [last])])
        if rest or last is not None:
            raise Refused(command.at, "a value", "gets arguments, but is no function")
        if isinstance(first, Constant) and first.value is None:
            raise Refused(command.at, shown("nil"), "cannot stand alone")
        return self._operand(first)

    def _called(self, function: Function, values: list[Value]) -> Value:
        if len(values) > MOST_VALUES:
            raise Refused(function.at, shown(function.name), f"gets more than {MOST_VALUES} values")
        call = Call(function.name, function.at, tuple(values), self.note)
        names: list[str] = []
        if function.name == "index":
            value = index(call, names)
        elif function.name == "get" and self.dialect.functions == "sprig":
            call.takes(2)
            value = looked_up(call, loose_map(call), call.constant_text(1), names)
        else:
            value = called(call, self.dialect.functions)
        self.names.update(names)
        return value

    def _operand(self, operand: Operand) -> Value:
        match operand:
            case Dot():
                return self.scope.dot
            case Variable(at, name):
                return self._variable(at, name)
            case Constant():
                return _constant(operand)
            case Function():
                return self._called(operand, [])
            case Chain(at, of, fields):
                value = self.value(of) if isinstance(of, Pipeline) else self._operand(of)
                for name in fields:
                    value = self._field(at, value, name)
                return value
        if operand.declares:
            raise Refused(operand.at, "a variable", "is set inside of brackets")
        return self.value(operand)

    def _variable(self, at: int, name: str) -> Value:
        if not name:
            return self.root
        binding = self.binding(at, name)
        binding.used = True
        return binding.value

    def _field(self, at: int, of: Value, name: str) -> Value:
        if of.kind is Kind.ROOT:
            return self._root_field(at, (*of.path, name))
        try:
            found = entry(of, name)
        except LookupError:
            found = None
        if found is None:
            kind = "a map of several kinds" if of.kind is Kind.MAP else of.kind.value
            raise Refused(at, shown(f".{name}"), f"is asked for in {kind}")
        if of.kind is Kind.ANY:
            self.note(notes.OUT_OF_JSON)
        if of.text == WHOLE_DOT:
            self.names.add(name)
        if of.absent:
            self.note(notes.NO_ENTRY)
        if self.dialect.missing_fails or of.kind not in {Kind.MAP, Kind.ANY}:
            return found
        return replace(found, absent=True, nil=True)

    def _root_field(self, at: int, path: tuple[str, ...]) -> Value:
        dotted = ".".join(path)
        if dotted == self.dialect.values:
            return self._values()
        if dotted in self.dialect.texts:
            return text_constant(self.dialect.texts[dotted])
        if any(known.startswith(f"{dotted}.") for known in self.dialect.texts):
            return replace(self.root, path=path)
        raise Refused(at, shown(f".{dotted}"), "is nothing that a definition reads")


def _constant(constant: Constant) -> Value:
    value = constant.value
    if isinstance(value, str):
        return text_constant(value)
    if value is None:
        return Value(text="none", kind=Kind.NOTHING)
    if isinstance(value, bool):
        return Value(text="true" if value else "false", kind=Kind.TRUTH, constant=value)
    kind = Kind.WHOLE if isinstance(value, int) else Kind.NUMBER
    return Value(text=str(value), kind=kind, level=Level.LOGIC if value < 0 else Level.ATOM, constant=value)


def _words(source: str, dialect: Dialect) -> set[str]:
    """What may be the name of a value: no variable of ours is called so."""
    tokens = tokens_of(source, dialect.delims)
    return {token.text.strip('"`') for token in tokens if token.kind in {"field", "string"}}
