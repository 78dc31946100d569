"""The parts of a Go template to text and tags of ours: what is printed, set, asked and gone through."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from secrets_manager.migrate.go_template import notes
from secrets_manager.migrate.go_template.calls import Call
from secrets_manager.migrate.go_template.expressions import Binding, Expressions, Scope
from secrets_manager.migrate.go_template.faults import Refused, shown
from secrets_manager.migrate.go_template.kinds import Kind
from secrets_manager.migrate.go_template.pieces import Pieces
from secrets_manager.migrate.go_template.syntax import (
    Action,
    Branch,
    If,
    Jump,
    Node,
    Pipeline,
    Range,
    Text,
    With,
)
from secrets_manager.migrate.go_template.values import Level, Value, forced, piped, softened

_PRINTED = {Kind.TEXT, Kind.WHOLE, Kind.NUMBER, Kind.DIGITS, Kind.ANY}
_GO_PRINTS = "is printed in a way of Go's own; turn it into a text by toString, toJson or join"


class Blocks:
    """Writes parts of a template into pieces, in the scope of the expressions."""

    def __init__(self, expressions: Expressions, pieces: Pieces) -> None:
        self.expressions = expressions
        self.pieces = pieces

    def write(self, nodes: tuple[Node, ...]) -> None:
        """All of these."""
        for node in nodes:
            match node:
                case Text(_, text):
                    self.pieces.text(text)
                case Action(_, pipeline):
                    self._act(pipeline)
                case If(_, branches, otherwise):
                    with self._scope():
                        self._if(branches, otherwise)
                case With(_, branches, otherwise):
                    with self._scope():
                        self._with(branches, otherwise)
                case Range(at, branch, otherwise):
                    with self._scope():
                        self._range(at, branch, otherwise)
                case Jump(_, word):
                    self.pieces.tag(f"{{% {word} %}}")

    @contextmanager
    def _scope(self, dot: Value | None = None, loops: int = 0) -> Iterator[None]:
        """A block, after which its variables are gone."""
        before = self.expressions.scope
        inner = Scope(dot or before.dot, list(before.variables), before.loop + loops)
        self.expressions.scope = inner
        try:
            yield
        finally:
            self.expressions.scope = before

    # Actions.

    def _act(self, pipeline: Pipeline) -> None:
        value = self.expressions.value(pipeline)
        if pipeline.declares:
            self._set(pipeline, value)
        else:
            self._print(pipeline.at, value)

    def _print(self, at: int, value: Value) -> None:
        if value.kind is Kind.TRUTH:
            value = piped(value, "tojson")
        if value.kind not in _PRINTED:
            raise Refused(at, value.kind.value, _GO_PRINTS)
        if value.kind is Kind.ANY:
            self.expressions.note(notes.OUT_OF_JSON)
        if value.absent:
            self.expressions.note(notes.NO_ENTRY)
        if isinstance(value.constant, (str, int, float)):
            self.pieces.text(str(value.constant))
        else:
            self.pieces.tag(f"{{{{ {value.text} }}}}")

    def _set(self, pipeline: Pipeline, value: Value) -> Value:
        """Set the variable of a pipeline; gives what it then is."""
        name = pipeline.declares[0]
        scope = self.expressions.scope
        if value.kind is Kind.ANY:
            self.expressions.note(notes.OUT_OF_JSON)
        if not pipeline.assigned:
            own = self.expressions.new_name(name)
            self._write_set(pipeline.at, own, value)
            bound = _of_variable(own, value)
            return self.expressions.bind(pipeline.at, name, bound).value
        binding = self.expressions.binding(pipeline.at, name)
        if binding.loop != scope.loop:
            raise Refused(
                pipeline.at, shown(f"${name}"), "is changed inside of a loop, which does not last here"
            )
        if (binding.value.kind, binding.value.of) != (value.kind, value.of):
            raise Refused(pipeline.at, shown(f"${name}"), "becomes a value of another kind")
        self._write_set(pipeline.at, binding.value.text, value)
        return binding.value

    def _write_set(self, at: int, name: str, value: Value) -> None:
        if value.kind in {Kind.ROOT, Kind.NOTHING}:
            raise Refused(at, value.kind.value, "cannot be kept in a variable")
        if value.nil:
            self.expressions.note(notes.NO_ENTRY)
        self.pieces.tag(f"{{% set {name} = {forced(value if value.nil else softened(value)).text} %}}")

    # Conditions.

    def _condition(self, pipeline: Pipeline, word: str) -> Value:
        """What is asked for; a variable that it sets is set before."""
        value = self.expressions.value(pipeline)
        if pipeline.declares:
            return self._set(pipeline, value)
        return Call(word, pipeline.at, (value,), self.expressions.note).condition(0)

    def _if(self, branches: tuple[Branch, ...], otherwise: tuple[Node, ...]) -> None:
        condition = self._condition(branches[0].pipeline, "if")
        self.pieces.tag(f"{{% if {condition.under(Level.LOGIC)} %}}")
        with self._scope():
            self.write(branches[0].body)
        for at, branch in enumerate(branches[1:], 1):
            if branch.pipeline.declares:
                self.pieces.tag("{% else %}")
                self._if(branches[at:], otherwise)
                break
            condition = self._condition(branch.pipeline, "if")
            self.pieces.tag(f"{{% elif {condition.under(Level.LOGIC)} %}}")
            with self._scope():
                self.write(branch.body)
        else:
            self._else(otherwise)
        self.pieces.tag("{% endif %}")

    def _else(self, otherwise: tuple[Node, ...]) -> None:
        if otherwise:
            self.pieces.tag("{% else %}")
            with self._scope():
                self.write(otherwise)

    def _with(self, branches: tuple[Branch, ...], otherwise: tuple[Node, ...]) -> None:
        branch = branches[0]
        condition = self._condition(branch.pipeline, "with")
        dot = replace(condition, bare=False, absent=False)
        if not branch.pipeline.declares and not (condition.steady and condition.level is Level.ATOM):
            name = self.expressions.new_name("dot")
            self._write_set(branch.pipeline.at, name, condition)
            condition = dot = _of_variable(name, condition)
        self.pieces.tag(f"{{% if {condition.under(Level.LOGIC)} %}}")
        with self._scope(dot):
            self.write(branch.body)
        if branches[1:]:
            self.pieces.tag("{% else %}")
            self._with(branches[1:], otherwise)
        else:
            self._else(otherwise)
        self.pieces.tag("{% endif %}")

    # Loops.

    def _range(self, at: int, branch: Branch, otherwise: tuple[Node, ...]) -> None:
        pipeline = branch.pipeline
        if pipeline.assigned:
            raise Refused(at, shown("range"), "sets variables of outside, which does not last here")
        value = self.expressions.value(pipeline)
        *first, last = pipeline.declares or ("",)
        part = self._part_of(at, value, last)
        with self._scope(part, loops=1):
            key = self._key_of(at, value, first[0]) if first else None
            if last:
                self.expressions.bind(at, last, part)
            body = Pieces()
            Blocks(self.expressions, body).write(branch.body)
        self._write_loop(value, part, key, body)
        self._else(otherwise)
        self.pieces.tag("{% endfor %}")

    def _part_of(self, at: int, value: Value, name: str) -> Value:
        """What the dot is for each part."""
        if value.kind is Kind.WHOLE:
            return Value(text=self.expressions.new_name(name or "number"), kind=Kind.WHOLE)
        if value.kind is Kind.ANY:
            self.expressions.note(notes.OUT_OF_JSON)
        elif value.kind not in {Kind.LIST, Kind.MAP} or value.of is None:
            kind = value.kind.value if value.kind not in {Kind.LIST, Kind.MAP} else "values of several kinds"
            raise Refused(at, shown("range"), f"goes over {kind}")
        return Value(text=self.expressions.new_name(name or "item"), kind=value.of or Kind.ANY)

    def _key_of(self, at: int, value: Value, name: str) -> Binding:
        """The first of two variables: a name or a place in the list."""
        if value.kind is Kind.WHOLE:
            raise Refused(at, shown("range"), "has two variables for a number")
        is_map = value.kind is Kind.MAP or (value.kind is Kind.ANY and not _is_index(name))
        own = Value(text=self.expressions.new_name(name), kind=Kind.TEXT if is_map else Kind.WHOLE)
        return self.expressions.bind(at, name, own)

    def _write_loop(self, value: Value, part: Value, key: Binding | None, body: Pieces) -> None:
        over = value.under(Level.COMPARE)
        if value.kind is Kind.WHOLE:
            over = f"range({value.text})"
        if value.kind is Kind.ANY:
            is_map = key is not None and key.value.kind is Kind.TEXT
            self.expressions.note(notes.TAKEN_FOR_A_MAP if is_map else notes.TAKEN_FOR_A_LIST)
        if value.kind is Kind.MAP or (key is not None and key.value.kind is Kind.TEXT):
            first = key.value.text if key else self.expressions.new_name("key")
            self.pieces.tag(f"{{% for {first}, {part.text} in {value.under(Level.FILTER)} | items %}}")
        else:
            self.pieces.tag(f"{{% for {part.text} in {over} %}}")
            if key is not None and key.used:
                self.pieces.tag(f"{{% set {key.value.text} = loop.index0 %}}")
        self.pieces.add(body)


def _of_variable(name: str, value: Value) -> Value:
    return Value(text=name, kind=value.kind, of=value.of, loose=value.loose)


def _is_index(name: str) -> bool:
    return name == "_" or name.startswith("i") or "index" in name.lower()
