"""How the text of an option becomes a value, by kind: the syntax, before the value itself is checked.

A kind is the same for a flag, an environment variable and a settings file, so that one spelling works
everywhere. This module must not know which options there are, nor where a text came from; its errors
never repeat a refused text.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from secrets_manager.settings import go_literals
from secrets_manager.settings.go_literals import GoSyntaxError

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "error": logging.ERROR}
STACKTRACE_LEVELS = {
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
    "panic": logging.CRITICAL,
}
MOST_VERBOSE = 127

TOML_TYPES = {
    bool: "a boolean",
    int: "an integer",
    float: "a number",
    str: "a string",
    list: "a list",
    dict: "a table",
}


class ValueKindError(ValueError):
    """The text is not of the kind.

    Attributes:
        reason: the fault in Go's words.
        quotes_value: whether Go repeats the text after those words.

    """

    def __init__(self, reason: str, *, quotes_value: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.quotes_value = quotes_value


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueKind:
    """A syntax of values.

    Attributes:
        word: printed after the flag's name in the usage; `""` marks a flag that needs no value.
        expected: the right syntax, for a fault.
        parse: text to value; raises `ValueKindError`.
        show: value to the text that `parse` reads back.
        natives: the types that a TOML file may hold, besides a text.
        of_items: the items of a TOML list to the value; raises `ValueKindError`. Items are taken whole: a
            separator in an item is part of it.

    """

    word: str
    expected: str
    parse: Callable[[str], object]
    show: Callable[[Any], str] = str
    natives: tuple[type, ...] = ()
    of_items: Callable[[list[object]], object] | None = None

    @property
    def is_switch(self) -> bool:
        """Whether the bare flag means true."""
        return not self.word

    def parse_native(self, value: object) -> object:
        """Read a value of a TOML parser. Raises `ValueKindError`."""
        if isinstance(value, str):
            return self.parse(value)
        if type(value) not in self.natives:
            raise ValueKindError(f"found {toml_type(value)}")
        if self.of_items is not None and isinstance(value, list):
            return self.of_items(value)
        return self.parse(native_text(value))


def toml_type(value: object) -> str:
    """The name of the type of a value in a TOML file, for a person."""
    return TOML_TYPES.get(type(value), "a date or time")


def native_text(value: object) -> str:
    """The text for the flag that means this boolean or integer."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def texts_of(items: list[object]) -> list[str]:
    """The items of a TOML list, all of which must be texts. Raises `ValueKindError`."""
    texts = []
    for item in items:
        if not isinstance(item, str):
            raise ValueKindError(f"found {toml_type(item)} in the list")
        texts.append(item)
    return texts


def go_syntax(parse: Callable[[str], object], text: str) -> object:
    """Call one of the readers of Go literals and keep its words."""
    try:
        return parse(text)
    except GoSyntaxError as exc:
        raise ValueKindError(str(exc)) from exc


def parse_seconds(text: str) -> float:
    """A Go duration in seconds."""
    return go_literals.parse_duration(text) / go_literals.NANOSECONDS


def parse_whole_seconds(text: str) -> float:
    """A Go integer that counts seconds."""
    return float(go_literals.parse_int(text))


def show_seconds(value: float) -> str:
    """Seconds as a Go duration."""
    return go_literals.format_duration(round(value * go_literals.NANOSECONDS))


def show_whole(value: float) -> str:
    """A number without its fraction."""
    return str(int(value))


def parse_names(text: str) -> tuple[str, ...]:
    """A comma-separated list; blanks and quotes around items are dropped, and empty items too."""
    items = (item.strip().strip('"').strip() for item in text.split(","))
    return tuple(dict.fromkeys(item for item in items if item))


def parse_list(text: str) -> tuple[str, ...]:
    """As `parse_names`, where an empty text means that there is no bound.

    Raises `ValueKindError` when a text holds no item but is not empty: commas and blanks alone are a mistake.
    """
    found = parse_names(text)
    if text and not found:
        raise ValueKindError("found no item")
    return found


def list_of_items(items: list[object]) -> tuple[str, ...]:
    """The texts of a TOML list, without blanks around them. Raises `ValueKindError` for an empty item."""
    found = tuple(dict.fromkeys(item.strip() for item in texts_of(items)))
    if "" in found:
        raise ValueKindError("found an empty item in the list")
    return found


def plain_items(items: list[object]) -> tuple[str, ...]:
    """As `list_of_items`, without commas in the items. Raises `ValueKindError`."""
    if any("," in item for item in texts_of(items)):
        raise ValueKindError("found a comma in an item of the list")
    return list_of_items(items)


def parse_patterns(text: str) -> tuple[str, ...]:
    """As `parse_list`; quotes around a comma are refused, since one pattern would become two."""
    if any(item.strip().count('"') % 2 for item in text.split(",")):
        raise ValueKindError(
            "found quotes around a comma: write a pattern with a comma in a list of the settings file"
        )
    return parse_list(text)


def no_text(_text: str) -> object:
    """Raises `ValueKindError`: tables cannot be written as a text."""
    raise ValueKindError("found a string")


def show_list(value: tuple[str, ...]) -> str:
    """A list as `parse_list` reads it."""
    return ",".join(value)


def parse_level(text: str) -> int:
    """A log level as a `logging` number: a name, or 1 to 127 for more and more detail below debug."""
    if (named := LEVELS.get(text.lower())) is not None:
        return named
    digits = text.removeprefix("+")
    if digits.isascii() and digits.isdigit() and len(digits) <= 20 and 1 <= int(digits) <= MOST_VERBOSE:
        return max(1, logging.DEBUG + 1 - int(digits))
    raise ValueKindError("invalid log level", quotes_value=True)


def parse_stacktrace_level(text: str) -> int:
    """The level from which lines carry a stack trace."""
    if (named := STACKTRACE_LEVELS.get(text.lower())) is not None:
        return named
    raise ValueKindError("invalid stacktrace level", quotes_value=True)


def parse_encoder(text: str) -> str:
    """The form of log lines."""
    if (lowered := text.lower()) in {"json", "console"}:
        return lowered
    raise ValueKindError("invalid encoder value", quotes_value=True)


TEXT = ValueKind(word="string", expected='a string in quotes, such as "name"', parse=str)
OPTIONAL_TEXT = replace(TEXT, parse=lambda text: text or None, show=lambda value: str(value or ""))
SWITCH = ValueKind(
    word="",
    expected="true or false",
    parse=partial(go_syntax, go_literals.parse_bool),
    show=lambda value: "true" if value else "false",
    natives=(bool,),
)
COUNT = ValueKind(
    word="int",
    expected="an integer such as 16",
    parse=partial(go_syntax, go_literals.parse_int),
    show=show_whole,
    natives=(int,),
)
WHOLE_SECONDS = replace(
    COUNT, expected="an integer such as 300 (seconds)", parse=partial(go_syntax, parse_whole_seconds)
)
DURATION = ValueKind(
    word="duration",
    expected='a duration with its unit, such as "5s" or "1m30s"',
    parse=partial(go_syntax, parse_seconds),
    show=show_seconds,
)
LIST = ValueKind(
    word="string",
    expected='a list such as ["a", "b"] or "a,b"',
    parse=parse_list,
    show=show_list,
    natives=(list,),
    of_items=plain_items,
)
# For well-known environment names of other programs, which may hold anything; an empty list bounds nothing.
LOOSE_LIST = replace(LIST, parse=parse_names)
PATTERNS = replace(
    LIST, expected='a list such as ["a/*", "b"] or "a/*,b"', parse=parse_patterns, of_items=list_of_items
)
# A list of anything, for a check that says which item is wrong. Only a settings file can hold it.
TABLES = ValueKind(
    word="tables",
    expected="a list of tables",
    parse=no_text,
    show=lambda _: "",
    natives=(list,),
    of_items=tuple,
)
ADDRESS = ValueKind(word="string", expected='an address such as ":8080", or "0"', parse=str, natives=(int,))
LEVEL = ValueKind(
    word="value",
    expected=f"debug, info, error, or a number from 1 to {MOST_VERBOSE}",
    parse=parse_level,
    natives=(int,),
)
STACKTRACE_LEVEL = ValueKind(
    word="value", expected="info, warn, error or panic", parse=parse_stacktrace_level
)
ENCODER = ValueKind(word="value", expected="json or console", parse=parse_encoder)
