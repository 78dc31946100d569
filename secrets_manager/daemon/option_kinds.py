"""How the text of an option becomes a value, by kind: the syntax, before anything is said about its sense.

A kind is the same for a flag, an environment variable and a settings file, so that one spelling works
everywhere. This module must not know which options there are, nor where a text came from; it never puts a
text it refuses into an error.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from secrets_manager.daemon import go_literals
from secrets_manager.daemon.go_literals import GoSyntaxError

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
    str: "a text",
    list: "a list",
    dict: "a table",
}


class KindError(ValueError):
    """The text is not of the kind.

    Attributes:
        reason: Go's words for it.
        quotes_value: whether Go repeats the text behind those words.

    """

    def __init__(self, reason: str, *, quotes_value: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.quotes_value = quotes_value


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A syntax of values.

    Attributes:
        word: what the usage prints behind the flag's name; `""` marks a flag that needs no value.
        expected: what a person should have written.
        parse: text to value; raises `KindError`.
        show: value to the text that `parse` reads back.
        natives: what a TOML file may hold, besides a text.

    """

    word: str
    expected: str
    parse: Callable[[str], object]
    show: Callable[[Any], str] = str
    natives: tuple[type, ...] = ()

    @property
    def is_switch(self) -> bool:
        """Whether the bare flag means true."""
        return not self.word

    def parse_native(self, value: object) -> object:
        """Read what a TOML parser made of a value. Raises `KindError`."""
        if isinstance(value, str):
            return self.parse(value)
        if type(value) not in self.natives:
            raise KindError(f"found {toml_type(value)}")
        return self.parse(native_text(value))


def toml_type(value: object) -> str:
    """What a person would call the type of a value in a TOML file."""
    return TOML_TYPES.get(type(value), "a date or time")


def native_text(value: object) -> str:
    """The text a person would give to the flag for this boolean, integer or list of texts."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, list):
        return str(value)
    if strange := [item for item in value if not isinstance(item, str)]:
        raise KindError(f"found {toml_type(strange[0])} in the list")
    return ",".join(value)


def go_syntax(parse: Callable[[str], object], text: str) -> object:
    """Call one of the readers of Go literals and keep its words."""
    try:
        return parse(text)
    except GoSyntaxError as exc:
        raise KindError(str(exc)) from exc


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


def parse_list(text: str) -> tuple[str, ...]:
    """A comma-separated list; blanks and quotes around items are dropped, and empty items too."""
    items = (item.strip().strip('"').strip() for item in text.split(","))
    return tuple(dict.fromkeys(item for item in items if item))


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
    raise KindError("invalid log level", quotes_value=True)


def parse_stacktrace_level(text: str) -> int:
    """The level from which lines carry a stack trace."""
    if (named := STACKTRACE_LEVELS.get(text.lower())) is not None:
        return named
    raise KindError("invalid stacktrace level", quotes_value=True)


def parse_encoder(text: str) -> str:
    """The form of log lines."""
    if (lowered := text.lower()) in {"json", "console"}:
        return lowered
    raise KindError("invalid encoder value", quotes_value=True)


TEXT = Kind(word="string", expected='a text in quotes, such as "name"', parse=str)
OPTIONAL_TEXT = Kind(
    word="string", expected=TEXT.expected, parse=lambda text: text or None, show=lambda v: str(v or "")
)
SWITCH = Kind(
    word="",
    expected="true or false",
    parse=partial(go_syntax, go_literals.parse_bool),
    show=lambda value: "true" if value else "false",
    natives=(bool,),
)
COUNT = Kind(
    word="int",
    expected="an integer such as 16",
    parse=partial(go_syntax, go_literals.parse_int),
    show=show_whole,
    natives=(int,),
)
WHOLE_SECONDS = Kind(
    word="int",
    expected="an integer such as 300 (seconds)",
    parse=partial(go_syntax, parse_whole_seconds),
    show=show_whole,
    natives=(int,),
)
DURATION = Kind(
    word="duration",
    expected='a duration with its unit, such as "5s" or "1m30s"',
    parse=partial(go_syntax, parse_seconds),
    show=show_seconds,
)
LIST = Kind(
    word="string",
    expected='a list such as ["a", "b"] or "a,b"',
    parse=parse_list,
    show=show_list,
    natives=(list,),
)
ADDRESS = Kind(word="string", expected='an address such as ":8080", or "0"', parse=str, natives=(int,))
LEVEL = Kind(
    word="value",
    expected=f"debug, info, error, or a number from 1 to {MOST_VERBOSE}",
    parse=parse_level,
    natives=(int,),
)
STACKTRACE_LEVEL = Kind(word="value", expected="info, warn, error or panic", parse=parse_stacktrace_level)
ENCODER = Kind(word="value", expected="json or console", parse=parse_encoder)
