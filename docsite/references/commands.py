"""The commands, from click's own knowledge of them: docs/reference/commands.md."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

import click

from docsite.references import Files, TextOf, replaced, table
from secrets_manager.commands import PROGRAM
from secrets_manager.commands.app import app
from secrets_manager.commands.exit_codes import MEANINGS

_DAEMON = "../configuration.md#when-something-is-wrong"
_HEAD = f"""\
# Commands

Without a command `{PROGRAM}` is the daemon: [all its options](../configuration.md#all-options).
With one of these as its first word it does something else, for people and for pipelines.
Each is also `kubectl {PROGRAM} ...` where the program `kubectl-secrets_manager` is in the PATH.
`{PROGRAM} COMMAND --help` says the same in a terminal; [Command line](../commands.md) shows what they answer.

This page is made by `make docs`.
"""
_PAGE = "docs/commands.md"
_EXIT_CODES = f"""\
## Exit codes

They are the same for all commands but `once`, which has [those of `--once`](../once-in-ci.md#exit-codes).
The daemon has [its own]({_DAEMON}).
"""


def written(text_of: TextOf) -> Files:
    """The page of the reference, all of which is made, and the exit codes of the other one."""
    parts = [
        _HEAD,
        *_sections(app, click.Context(app, info_name=PROGRAM, **app.context_settings), "##"),
        _EXIT_CODES,
        _exit_codes(),
    ]
    page = replaced(_PAGE, text_of(_PAGE), "exit codes", _exit_codes())
    return {"docs/reference/commands.md": "\n".join(parts), _PAGE: page}


def _sections(group: click.Group, parent: click.Context, level: str) -> Iterator[str]:
    """The sections of the commands of a group, and below them those of the groups in it."""
    for word in group.list_commands(parent):
        command = group.get_command(parent, word)
        if command is None or command.hidden:
            continue
        context = click.Context(command, info_name=word, parent=parent)
        yield f"{level} {context.command_path.removeprefix(PROGRAM).strip()}\n"
        yield from _section(command, context)
        if isinstance(command, click.Group):
            yield from _sections(command, context, f"{level}#")


def _section(command: click.Command, context: click.Context) -> Iterator[str]:
    yield from _prose(command.help or "")
    words = " ".join((context.command_path, *command.collect_usage_pieces(context)))
    yield f"```text\n{words}\n```\n"
    rows = list(_rows(command, context))
    if rows:
        yield table(("option", "default", "meaning"), iter(rows))
    yield from _prose(command.epilog or "")


def _prose(text: str) -> Iterator[str]:
    r"""The paragraphs of a help text; one that begins with ``\b`` keeps its lines."""
    for paragraph in inspect.cleandoc(text).split("\n\n"):
        if paragraph.startswith("\b"):
            lines = paragraph.removeprefix("\b").strip("\n")
            yield f"```text\n{lines}\n```\n"
        elif paragraph.strip():
            yield re.sub(r"(?<=[.:?]) (?=[A-Z`])", "\n", " ".join(paragraph.split())) + "\n"


def _rows(command: click.Command, context: click.Context) -> Iterator[tuple[str, ...]]:
    """A row for each option; those of no value have no metavar."""
    for option in command.params:
        if not isinstance(option, click.Option) or option.hidden:
            continue
        names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
        value = "" if option.is_flag or option.count else f" `{option.make_metavar(context)}`"
        yield names + value, _default(option), option.help or ""


def _default(option: click.Option) -> str:
    """The value in force when the option is not given; of a switch there is nothing to say."""
    default = option.to_info_dict()["default"]
    return "" if option.is_flag or option.multiple or default in {None, ""} else f"`{default}`"


def _exit_codes() -> str:
    return table(("code", "meaning"), ((f"`{code.value}`", meaning) for code, meaning in MEANINGS.items()))
