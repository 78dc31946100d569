"""Functions about lists, maps, JSON and numbers, as sprig and Go have them, in ours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from secrets_manager.migrate.go_template import notes
from secrets_manager.migrate.go_template.calls import Call
from secrets_manager.migrate.go_template.kinds import Kind
from secrets_manager.migrate.go_template.literals import written
from secrets_manager.migrate.go_template.values import (
    Level,
    Value,
    compared,
    forced,
    piped,
    shared,
)

_LONGEST_RANGE = 10_000
_LARGEST = 2**31


# Lists and maps.


def make_list(call: Call) -> Value:
    """List, tuple."""
    values = [call.kept(at) for at in range(len(call.values))]
    return Value(
        text="[" + ", ".join(value.text for value in values) + "]",
        kind=Kind.LIST,
        of=shared(values) if values else Kind.TEXT,
        filled=bool(values),
    )


def make_dict(call: Call) -> Value:
    """Dict KEY VALUE..."""
    if len(call.values) % 2:
        raise call.refuse("gets a key without a value")
    keys = [call.constant_text(at) for at in range(0, len(call.values), 2)]
    if len(set(keys)) < len(keys):
        raise call.refuse("gets a key twice")
    values = [call.kept(at) for at in range(1, len(call.values), 2)]
    # Go goes through a map in the order of its keys, MiniJinja as they are written.
    entries = dict(zip(keys, values, strict=True))
    pairs = (f"{written(key)}: {entries[key].text}" for key in sorted(entries))
    return Value(
        text="{" + ", ".join(pairs) + "}",
        kind=Kind.MAP,
        of=shared(values) if values else Kind.TEXT,
        loose=True,
    )


def has_key(call: Call) -> Value:
    """HasKey MAP KEY."""
    call.takes(2)
    return compared(call.text(1), "in", loose_map(call))


def loose_map(call: Call) -> Value:
    """The first argument, which Go must have as a map of anything."""
    value = call.values[0]
    if value.kind is Kind.ANY:
        call.note(notes.OUT_OF_JSON)
    elif value.kind is not Kind.MAP or not value.loose:
        raise call.refuse(f"fails there with {value.kind.value} of texts; use index")
    return value


def has(call: Call) -> Value:
    """Has TEXT LIST."""
    call.takes(2)
    return compared(call.text(0), "in", _list(call, 1, {Kind.TEXT}))


def length(call: Call) -> Value:
    """Len."""
    call.takes(1)
    value = call.values[0]
    if value.kind is Kind.TEXT:
        call.note(notes.LETTERS)
    elif value.kind not in {Kind.LIST, Kind.MAP}:
        raise call.refuse(f"gets {value.kind.value}")
    return piped(forced(call.kept(0)), "length", Kind.WHOLE)


def split(call: Call) -> Value:
    """Split SIGN TEXT, a map of _0 and so on."""
    return replace(split_list(call), kind=Kind.PARTS)


def split_list(call: Call) -> Value:
    """SplitList SIGN TEXT."""
    call.takes(2)
    sign = call.constant_text(0)
    if not sign:
        raise call.refuse("splits into letters, which is not to be had here")
    parts = piped(call.text(1), f"split({written(sign)})", Kind.LIST)
    return replace(parts, of=Kind.TEXT, filled=True)


def join(call: Call) -> Value:
    """Join SIGN LIST."""
    call.takes(2)
    return piped(_list(call, 1, {Kind.TEXT, Kind.WHOLE}), f"join({call.text(0).text})")


def _one_of_list(name: str) -> Callable[[Call], Value]:
    def translated(call: Call) -> Value:
        value = _perhaps_empty(call)
        return replace(piped(value, name, value.of or Kind.ANY), bare=True)

    return translated


def _sliced(part: str) -> Callable[[Call], Value]:
    def translated(call: Call) -> Value:
        value = _perhaps_empty(call)
        return Value(text=f"{value.under(Level.ATOM)}[{part}]", kind=Kind.LIST, of=value.of)

    return translated


def _through_list(name: str) -> Callable[[Call], Value]:
    def translated(call: Call) -> Value:
        call.takes(1)
        value = _list(call, 0, {Kind.TEXT})
        return replace(piped(value, name, Kind.LIST), of=value.of)

    return translated


def _perhaps_empty(call: Call) -> Value:
    call.takes(1)
    value = _list(call, 0, {Kind.TEXT, Kind.WHOLE})
    if not value.filled:
        call.note(notes.EMPTY_LIST)
    return value


def _list(call: Call, at: int, kinds: set[Kind]) -> Value:
    value = call.values[at]
    if value.kind is Kind.ANY:
        call.note(notes.OUT_OF_JSON)
    elif value.kind is not Kind.LIST or value.of not in kinds:
        raise call.refuse(f"gets {value.kind.value} where a list of texts is needed here")
    return value


# JSON and YAML.


def _to_json(*arguments: str, note: str = "") -> Callable[[Call], Value]:
    def translated(call: Call) -> Value:
        call.takes(1)
        if note:
            call.note(note)
        said = f"({', '.join(arguments)})" if arguments else ""
        return piped(call.kept(0), f"tojson{said}")

    return translated


def to_yaml(call: Call) -> Value:
    """ToYaml."""
    call.takes(1)
    call.note(notes.YAML)
    return piped(call.kept(0), "toyaml")


def from_json(call: Call) -> Value:
    """FromJson, which gives nothing where it is none."""
    call.note(notes.BAD_JSON)
    return must_from_json(call)


def must_from_json(call: Call) -> Value:
    """MustFromJson."""
    call.takes(1)
    return piped(call.text(0), "fromjson", Kind.ANY)


# Numbers.


def until(call: Call) -> Value:
    """Until COUNT."""
    call.takes(1)
    count = call.constant_whole(0)
    if not 0 <= count <= _LONGEST_RANGE:
        raise call.refuse(f"counts to a number that is not from 0 to {_LONGEST_RANGE}")
    return Value(text=f"range({count})", kind=Kind.LIST, of=Kind.WHOLE)


def _sum(sign: str, most: int) -> Callable[[Call], Value]:
    def translated(call: Call) -> Value:
        call.takes(2, most)
        return _added(call, sign, list(call.values))

    return translated


def add_one(call: Call) -> Value:
    """Add1."""
    call.takes(1)
    return _added(call, "+", [*call.values, Value(text="1", kind=Kind.WHOLE)])


def _added(call: Call, sign: str, values: list[Value]) -> Value:
    for value in values:
        if value.kind is not Kind.WHOLE:
            raise call.refuse(f"gets {value.kind.value} where a whole number is needed here")
        if isinstance(value.constant, int) and abs(value.constant) > _LARGEST:
            raise call.refuse("gets a number that is too large")
    text = f" {sign} ".join(value.under(Level.FILTER) for value in values)
    return Value(text=text, kind=Kind.WHOLE, level=Level.LOGIC)


DATA: dict[str, Callable[[Call], Value]] = {
    "add": _sum("+", -1),
    "add1": add_one,
    "dict": make_dict,
    "first": _one_of_list("first"),
    "fromJson": from_json,
    "has": has,
    "hasKey": has_key,
    "initial": _sliced(":-1"),
    "join": join,
    "last": _one_of_list("last"),
    "len": length,
    "list": make_list,
    "mustFromJson": must_from_json,
    "mustToJson": _to_json("html=true"),
    "mustToPrettyJson": _to_json("indent=2", "html=true"),
    "mustToRawJson": _to_json(note=notes.RAW_JSON),
    "rest": _sliced("1:"),
    "reverse": _through_list("reverse"),
    "sortAlpha": _through_list("sort(case_sensitive=true)"),
    "split": split,
    "splitList": split_list,
    "sub": _sum("-", 2),
    "toJson": _to_json("html=true"),
    "toPrettyJson": _to_json("indent=2", "html=true"),
    "toRawJson": _to_json(note=notes.RAW_JSON),
    "toYaml": to_yaml,
    "tuple": make_list,
    "until": until,
}
