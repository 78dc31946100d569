"""Parts of a value: fields and indices of Go, in ours."""

from __future__ import annotations

import re
from dataclasses import replace

from secrets_manager.migrate.go_template import notes
from secrets_manager.migrate.go_template.calls import Call
from secrets_manager.migrate.go_template.kinds import Kind
from secrets_manager.migrate.go_template.literals import written
from secrets_manager.migrate.go_template.values import WHOLE_DOT, Level, Value
from secrets_manager.templates import vocabulary

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# The map of all names in our templates, and a word that MiniJinja has other uses for.
ALL_NAMES = "data"
NO_NAMES = vocabulary.RESERVED | {ALL_NAMES, "items"}
_PART = re.compile(r"_(0|[1-9][0-9]{0,5})")


def is_name(text: str) -> bool:
    """Whether a name of ours may be this."""
    return bool(_NAME.fullmatch(text)) and text not in NO_NAMES


def entry(of: Value, key: str) -> Value:
    """The entry of a map, or of what may be one, or of what split gives. Raises LookupError for others."""
    if of.kind is Kind.PARTS:
        if (part := _PART.fullmatch(key)) is None:
            raise LookupError
        return Value(text=f"{of.under(Level.ATOM)}[{part[1]}]", kind=Kind.TEXT, bare=True)
    if of.kind not in {Kind.MAP, Kind.ANY} or (of.kind is Kind.MAP and of.of is None):
        raise LookupError
    kind = of.of if of.kind is Kind.MAP and of.of else Kind.ANY
    if of.text == WHOLE_DOT and of.spelled is not None:
        found = of.spelled(key)
        level = Level.FILTER if found.piped else Level.ATOM
        return Value(text=found.text, kind=kind, level=level, bare=not found.piped, steady=True)
    if of.text == WHOLE_DOT:
        optional = f"{ALL_NAMES}[{written(key)}]"
        text = key if is_name(key) else optional
        return Value(text=text, kind=kind, bare=True, steady=True, optional=optional)
    text = of.under(Level.ATOM)
    text += f".{key}" if is_name(key) else f"[{written(key)}]"
    return Value(text=text, kind=kind, bare=True, steady=of.steady)


def index(call: Call, name_of: list[str]) -> Value:
    """Index VALUE KEY...: what is not there is nothing in a map, and an error in a list."""
    call.takes(1, -1)
    value = call.values[0]
    for at in range(1, len(call.values)):
        value = _indexed(call, value, at, name_of)
    return value


def _indexed(call: Call, value: Value, at: int, name_of: list[str]) -> Value:
    key = call.values[at]
    if value.kind is Kind.ANY:
        call.note(notes.OUT_OF_JSON)
    if isinstance(key.constant, str) and value.kind in {Kind.MAP, Kind.ANY, Kind.PARTS}:
        return looked_up(call, value, key.constant, name_of)
    if key.kind is Kind.TEXT and value.kind is Kind.MAP and value.of:
        text = f"{value.under(Level.ATOM)}[{key.text}]"
        return Value(text=text, kind=value.of, bare=True, absent=True, nil=value.of is Kind.ANY)
    if value.kind in {Kind.LIST, Kind.ANY} and type(key.constant) is int and key.constant >= 0:
        kind = Kind.ANY if value.kind is Kind.ANY else value.of
        if kind is not None:
            return Value(text=f"{value.under(Level.ATOM)}[{key.constant}]", kind=kind, bare=True)
    raise call.refuse(f"looks up {key.kind.value} in {value.kind.value}")


def looked_up(call: Call, of: Value, key: str, name_of: list[str]) -> Value:
    """An entry that is nothing in Go where it is not there."""
    try:
        found = entry(of, key)
    except LookupError:
        found = None
    if found is None:
        raise call.refuse(f"looks up a key in {of.kind.value} whose values are of several kinds")
    if of.text == WHOLE_DOT:
        name_of.append(key)
        if of.spelled is not None and of.spelled(key).sure:
            return found
    return replace(found, absent=True, nil=found.kind is Kind.ANY)
