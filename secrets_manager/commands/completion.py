"""``secrets-manager completion``: scripts that complete commands, options, namespaces and definitions."""

from __future__ import annotations

import sys
from collections.abc import MutableMapping, Sequence
from pathlib import Path

import click
from click.shell_completion import ShellComplete, get_completion_class

from secrets_manager.commands import COMPLETE_VARIABLE, PROGRAM
from secrets_manager.commands.kinds import Plain, Surroundings
from secrets_manager.commands.output import write
from secrets_manager.daemon.std_streams import say
from secrets_manager.domain.wording import printable

# What cobra calls ShellCompDirectiveNoFileComp: kubectl then completes no names of files.
_NO_FILES = ":4"


@click.command("completion", cls=Plain)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, /, *, shell: str) -> None:
    """Print the script that completes secrets-manager in a shell.

    For bash: `source <(secrets-manager completion bash)`, in ~/.bashrc to have it always. For zsh the same in
    ~/.zshrc; for fish `secrets-manager completion fish | source`.
    """
    kind = get_completion_class(shell)
    assert kind is not None  # noqa: S101 - click has all three
    write(kind(context.find_root().command, {}, PROGRAM, COMPLETE_VARIABLE).source() + "\n")


def complete_for_kubectl(argv: Sequence[str], environ: MutableMapping[str, str], cwd: Path) -> int:
    """Answer as kubectl asks its plugins: a word a line, and a directive; the last argument is incomplete."""
    from secrets_manager.commands.app import app  # noqa: PLC0415 - app finds this module in its table

    *before, incomplete = list(argv) or [""]
    surroundings = Surroundings(environ=environ, cwd=cwd)
    shell = ShellComplete(app, {"obj": surroundings}, PROGRAM, COMPLETE_VARIABLE)
    found = [item for item in shell.get_completions(before, incomplete) if item.type == "plain"]
    lines = [f"{printable(item.value)}\t{item.help or ''}".rstrip() for item in found]
    return 0 if say("".join(f"{line}\n" for line in [*lines, _NO_FILES]), sys.stdout) else 2
