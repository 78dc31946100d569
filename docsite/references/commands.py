"""The commands, from click's own knowledge of them: docs/reference/commands.md."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

import click

from docsite.references import Files, TextOf, table
from secrets_manager.commands import PROGRAM
from secrets_manager.commands.app import app
from secrets_manager.commands.exit_codes import Exit

_DAEMON = "../configuration.md#when-something-is-wrong"
_HEAD = f"""\
# Commands

Without a command `{PROGRAM}` is the daemon: [all its options](../configuration.md#all-options).
With one of these as its first word it does something else, for people and for pipelines.
Each is also `kubectl {PROGRAM} ...` where the program `kubectl-secrets_manager` is in the PATH.
`{PROGRAM} COMMAND --help` says the same in a terminal; [Command line](../commands.md) shows what they answer.

This page is made by `make docs`.
"""


def written(_text_of: TextOf) -> Files:
    """The page, all of which is made."""
    parts = [
        _HEAD,
        *_sections(app, click.Context(app, info_name=PROGRAM, **app.context_settings), "##"),
        *_exit_codes(),
    ]
    return {"docs/reference/commands.md": "\n".join(parts)}


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
        repeated = " May be given several times." if option.multiple else ""
        yield names + value, _default(option), f"{option.help or ''}{repeated}"


def _default(option: click.Option) -> str:
    """The value in force when the option is not given; of a switch there is nothing to say."""
    default = option.to_info_dict()["default"]
    return "" if option.is_flag or option.multiple or default in {None, ""} else f"`{default}`"


def _exit_codes() -> Iterator[str]:
    """The codes with the comments that stand above them in the source."""
    meanings = dict(re.findall(r"^    # (.+)\n    ([A-Z_]+) = ", inspect.getsource(Exit), re.MULTILINE))
    said = {name: meaning for meaning, name in meanings.items()}
    yield "## Exit codes\n"
    yield f"They are the same for all commands; those of the daemon are [others]({_DAEMON}).\n"
    yield table(("code", "meaning"), ((f"`{each.value}`", said[each.name]) for each in Exit))
