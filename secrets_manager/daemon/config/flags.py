"""The command line, read as Go's `flag` package reads it, message for message.

Only the syntax of flags is checked here: whether they exist and whether their values are well formed. What a
value means, and everything outside the command line, is unknown to this module. It prints nothing; it
returns what to print.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from secrets_manager.daemon.config.options import Options
from secrets_manager.daemon.logs.redaction import redact
from secrets_manager.settings.go_literals import quote
from secrets_manager.settings.kinds import ValueKindError
from secrets_manager.settings.option import Option

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
    """The content of the command line.

    Attributes:
        values: by option name; the last mention of a flag wins. Hidden: it may hold secrets.
        secrets: every text given to an option that is secret, the mentions that lost included. Hidden.
        rest: the arguments from the first one on that is not a flag.

    """

    values: Mapping[str, object] = field(repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    rest: tuple[str, ...] = ()


class UsageError(Exception):
    """The command line cannot be read; the message is Go's own."""


class HelpRequested(Exception):
    """`-h` or `-help` was met."""


def parse_flags(argv: Sequence[str], options: Options) -> Flags | ExitRequest:
    """Read the arguments behind the program's name.

    Returns the values, or the request to end with usage on standard error: status 0 when help was asked
    for, 2 otherwise.
    """
    try:
        return read_flags(argv, options)
    except HelpRequested:
        return ExitRequest(code=0, err=usage(options))
    except UsageError as exc:
        return ExitRequest(code=2, err=f"{exc}\n{usage(options)}")


def read_flags(argv: Sequence[str], options: Options) -> Flags:
    """Read flags until the first argument that is none. Raises `UsageError` or `HelpRequested`."""
    values: dict[str, object] = {}
    secrets: list[str] = []
    position = 0
    while position < len(argv):
        argument = argv[position]
        if len(argument) < 2 or not argument.startswith("-"):
            break
        position += 1
        if argument == "--":
            break
        option, text = split_argument(argument, options)
        if text is None and not option.kind.is_switch:
            text, position = next_argument(option, argv, position)
        values[option.name] = value_of(option, "true" if text is None else text)
        if option.secret and text:
            secrets.append(text)
    return Flags(values=values, secrets=tuple(secrets), rest=tuple(argv[position:]))


def peek(argv: Sequence[str], options: Options) -> dict[str, str]:
    """The texts of the known flags, among others that are not known yet. Checks nothing.

    An argument behind an unknown flag is its value, unless it is a flag itself.
    """
    found: dict[str, str] = {}
    position = 0
    while position < len(argv):
        body = argv[position].removeprefix("-").removeprefix("-")
        if body in {"", argv[position]}:
            break
        position += 1
        name, equals, text = body.partition("=")
        option = options.by_flag.get(name)
        switch = option is not None and option.kind.is_switch
        follows = position < len(argv) and (option is not None or not argv[position].startswith("-"))
        if not equals and follows and not switch:
            text, position = argv[position], position + 1
        if option is not None:
            found[name] = text
    return found


def split_argument(argument: str, options: Options) -> tuple[Option, str | None]:
    """The option that a `-name` or `-name=value` argument is about, and the text behind its `=`, if any."""
    body = argument[2:] if argument.startswith("--") else argument[1:]
    name, equals, text = body[1:].partition("=")
    name = body[:1] + name
    if not body or body[0] in "-=":
        # What follows an `=` may be a secret, so unlike Go only the part before it is repeated.
        raise UsageError(f"bad flag syntax: {''.join(argument.partition('=')[:2])}")
    if name in {"h", "help"}:
        raise HelpRequested
    if name not in options.by_flag:
        raise UsageError(f"flag provided but not defined: -{name}")
    return options.by_flag[name], text if equals else None


def next_argument(option: Option, argv: Sequence[str], position: int) -> tuple[str, int]:
    """The next argument as the option's value, and the position behind it."""
    if position == len(argv):
        raise UsageError(f"flag needs an argument: -{option.name}")
    return argv[position], position + 1


def value_of(option: Option, text: str) -> object:
    """The option's value as its kind reads the text."""
    try:
        return option.kind.parse(text)
    except ValueKindError as exc:
        raise UsageError(value_error_text(option, text, exc)) from None


def value_error_text(option: Option, text: str, error: ValueKindError) -> str:
    """Go's words for a value that is not well formed; a secret's value is left out."""
    shown = "" if option.secret else f"{redact(quote(text))} "
    reason = f"{error.reason} {shown.strip()}" if error.quotes_value else error.reason
    if option.kind.is_switch:
        return f"invalid boolean value {shown}for -{option.name}: {reason}"
    return f"invalid value {shown}for flag -{option.name}: {reason}"


def usage(options: Options) -> str:
    """Every flag with its help and default, in the form Go prints."""
    lines = [f"Usage of {PROGRAM}:"]
    for option in sorted(options.by_flag.values(), key=lambda option: option.name):
        lines += [f"  -{option.name} {option.kind.word}".rstrip(), f"    \t{option.help}{default_of(option)}"]
    lines.append(f"Besides the daemon there are commands, such as status: `{PROGRAM} help` lists them.")
    return "\n".join(lines) + "\n"


def default_of(option: Option) -> str:
    """The default as Go appends it to the help: only when it is not the zero value."""
    text = option.default_text
    if text in ZERO_TEXTS:
        return ""
    return f" (default {quote(text) if option.kind.word == 'string' else text})"
