"""The command line, read as Go's `flag` package reads it, message for message.

Only the syntax of flags is judged here: whether they exist and whether their values are well formed. What a
value means, and everything outside the command line, is unknown to this module. It prints nothing; it
returns what to print.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from secrets_manager.daemon.go_literals import quote
from secrets_manager.daemon.option_kinds import KindError
from secrets_manager.daemon.options import BY_NAME, OPTIONS, Option
from secrets_manager.daemon.redaction import redacted

PROGRAM = "secrets-manager"
ZERO_TEXTS = frozenset({"", "0", "0s", "false"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitRequest:
    """The process should print this and end.

    Attributes:
        code: its exit status.
        out: text for standard output.
        err: text for standard error.

    """

    code: int
    out: str = ""
    err: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flags:
    """What the command line says.

    Attributes:
        values: by option name; the last mention of a flag wins. Hidden: it may hold secrets.
        rest: the arguments from the first that is no flag.

    """

    values: Mapping[str, object] = field(repr=False)
    rest: tuple[str, ...] = ()


class UsageError(Exception):
    """The command line cannot be read; the message is Go's own."""


class HelpRequested(Exception):
    """`-h` or `-help` was met."""


def parse_flags(argv: Sequence[str]) -> Flags | ExitRequest:
    """Read the arguments behind the program's name.

    Returns the values, or the request to end with usage on standard error: status 0 when help was asked
    for, 2 otherwise.
    """
    try:
        return read(argv)
    except HelpRequested:
        return ExitRequest(code=0, err=usage())
    except UsageError as exc:
        return ExitRequest(code=2, err=f"{exc}\n{usage()}")


def read(argv: Sequence[str]) -> Flags:
    """Read flags until the first argument that is none. Raises `UsageError` or `HelpRequested`."""
    values: dict[str, object] = {}
    position = 0
    while position < len(argv):
        argument = argv[position]
        if len(argument) < 2 or not argument.startswith("-"):
            break
        position += 1
        if argument == "--":
            break
        option, text = split(argument)
        if text is None and not option.kind.is_switch:
            text, position = following(option, argv, position)
        values[option.name] = value_of(option, "true" if text is None else text)
    return Flags(values=values, rest=tuple(argv[position:]))


def split(argument: str) -> tuple[Option, str | None]:
    """The option that a `-name` or `-name=value` argument is about, and the text behind its `=`, if any."""
    body = argument[2:] if argument.startswith("--") else argument[1:]
    name, equals, text = body[1:].partition("=")
    name = body[:1] + name
    if not body or body[0] in "-=":
        # What follows an `=` may be a secret, so unlike Go only the part before it is repeated.
        raise UsageError(f"bad flag syntax: {''.join(argument.partition('=')[:2])}")
    if name in {"h", "help"}:
        raise HelpRequested
    if name not in BY_NAME:
        raise UsageError(f"flag provided but not defined: -{name}")
    return BY_NAME[name], text if equals else None


def following(option: Option, argv: Sequence[str], position: int) -> tuple[str, int]:
    """The next argument as the option's value, and the position behind it."""
    if position == len(argv):
        raise UsageError(f"flag needs an argument: -{option.name}")
    return argv[position], position + 1


def value_of(option: Option, text: str) -> object:
    """The option's value as its kind reads the text."""
    try:
        return option.kind.parse(text)
    except KindError as exc:
        raise UsageError(refusal(option, text, exc)) from None


def refusal(option: Option, text: str, error: KindError) -> str:
    """Go's words for a value that is not well formed; a secret's value is left out."""
    shown = "" if option.secret else f"{redacted(quote(text))} "
    reason = f"{error.reason} {shown.strip()}" if error.quotes_value else error.reason
    if option.kind.is_switch:
        return f"invalid boolean value {shown}for -{option.name}: {reason}"
    return f"invalid value {shown}for flag -{option.name}: {reason}"


def usage(options: Iterable[Option] = OPTIONS) -> str:
    """Every flag with its help and default, in the form Go prints."""
    lines = [f"Usage of {PROGRAM}:"]
    for option in sorted(options, key=lambda option: option.name):
        lines += [f"  -{option.name} {option.kind.word}".rstrip(), f"    \t{option.help}{default_of(option)}"]
    return "\n".join(lines) + "\n"


def default_of(option: Option) -> str:
    """The default as Go appends it to the help: only when it is not the zero value."""
    text = option.default_text
    if text in ZERO_TEXTS:
        return ""
    return f" (default {quote(text) if option.kind.word == 'string' else text})"
