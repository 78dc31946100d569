"""The command line behind the daemon's: finds the command of a word, and turns what it raises into a code."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import click

from secrets_manager.commands import COMMANDS
from secrets_manager.commands.exit_codes import Exit
from secrets_manager.daemon.std_streams import say
from secrets_manager.domain.errors import ConfigError, SecretsManagerError
from secrets_manager.domain.wording import printable

PROGRAM = "secrets-manager"


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a command is run in; found by `click.pass_obj`."""

    environ: Mapping[str, str]
    cwd: Path


class _Commands(click.Group):
    """Loads a command when its word is met: most of them need libraries that the others do not."""

    def list_commands(self, _context: click.Context) -> list[str]:
        """All words, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, _context: click.Context, word: str) -> click.Command | None:
        """The command of that word, if there is one."""
        if word not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[word].partition(":")
        found = getattr(import_module(module), attribute)
        assert isinstance(found, click.Command)  # noqa: S101 - the table is ours
        return found


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
def app() -> None:
    """Keep Kubernetes Secrets in step with Vault, OpenBao or Azure Key Vault.

    Without a command it is the daemon; `secrets-manager -help` lists the daemon's flags.
    """


def main(argv: Sequence[str], environ: Mapping[str, str], cwd: Path, *, program: str = PROGRAM) -> int:
    """Run the command of the arguments; returns the exit code."""
    try:
        code = app.main(
            args=list(argv),
            prog_name=program,
            standalone_mode=False,
            obj=Surroundings(environ=environ, cwd=cwd),
        )
    except click.ClickException as error:
        error.show(sys.stderr)
        return Exit.FAULT
    except click.Abort:
        return Exit.INTERRUPTED
    except SecretsManagerError as error:
        return _failed(error)
    return code if isinstance(code, int) else Exit.OK


def _failed(error: SecretsManagerError) -> int:
    say(f"{PROGRAM}: {printable(error.message)}\n", sys.stderr)
    return Exit.FAULT if isinstance(error, ConfigError) else Exit.UNREACHED
