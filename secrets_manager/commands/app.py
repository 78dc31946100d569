"""The command line behind the daemon's: finds the command of a word, and turns what it raises into a code."""

from __future__ import annotations

import sys
from collections.abc import MutableMapping, Sequence
from importlib import import_module
from pathlib import Path
from traceback import walk_tb

import click

from secrets_manager.commands import COMMANDS, COMPLETE_VARIABLE, PROGRAM
from secrets_manager.commands.exit_codes import MEANINGS, Exit
from secrets_manager.commands.faults import HungUp, code_of, told_all
from secrets_manager.commands.kinds import Surroundings
from secrets_manager.daemon.std_streams import say
from secrets_manager.domain.errors import SecretsManagerError
from secrets_manager.domain.wording import printable
from secrets_manager.sync.queue.work_log import raised_at


class _Commands(click.Group):
    """Loads a command when its word is met: most of them need libraries that the others do not."""

    def list_commands(self, _context: click.Context) -> list[str]:
        """All words, in the order of the table."""
        return list(COMMANDS)

    def format_epilog(self, _context: click.Context, formatter: click.HelpFormatter) -> None:
        """The exit codes, below the commands."""
        with formatter.section("Exit codes of all commands but once, which has those of the daemon"):
            formatter.write_dl([(str(int(code)), meaning) for code, meaning in MEANINGS.items()])

    def get_command(self, _context: click.Context, word: str) -> click.Command | None:
        """The command of that word, if there is one."""
        if word not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[word].partition(":")
        found = getattr(import_module(module), attribute)
        assert isinstance(found, click.Command)  # noqa: S101 - the table is ours
        return found


@click.group(
    cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
def app() -> None:
    """Keep Kubernetes Secrets in step with Vault, OpenBao or Azure Key Vault.

    Without a command it is the daemon; `secrets-manager -help` lists the daemon's flags.
    """


def main(argv: Sequence[str], environ: MutableMapping[str, str], cwd: Path, program: str = PROGRAM) -> int:
    """Run the command of the arguments; returns the exit code. What stands behind ``--`` is the daemon's."""
    words = list(argv)
    if words[:1] == ["help"]:
        words = [*words[1:], "--help"]
    bar = words.index("--") if "--" in words else len(words)
    surroundings = Surroundings(environ=environ, cwd=cwd, flags=tuple(words[bar + 1 :]))
    if sys.stdout is None:
        say(f"{program}: standard output is closed, so nobody would read the answer\n", sys.stderr)
        return Exit.FAULT
    # A message would land in the middle of a command line.
    completes = bool(environ.get(COMPLETE_VARIABLE))
    try:
        code = app.main(
            args=words[:bar],
            prog_name=program,
            complete_var=COMPLETE_VARIABLE,
            standalone_mode=False,
            obj=surroundings,
        )
    except Exception as error:  # noqa: BLE001 - whatever it was, the text of a fault may hold anything
        return _ended(error, program) if not completes else Exit.FAULT
    except SystemExit as ended:
        # So click ends when a shell asked it for completions, or when the reader of its output went away.
        return int(ended.code or 0) if completes else Exit.HUNG_UP
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    return code if isinstance(code, int) else Exit.OK


def _ended(error: Exception, program: str) -> int:
    """Say what went wrong, if anybody listens; returns the exit code."""
    if isinstance(error, click.Abort):
        return Exit.INTERRUPTED
    if isinstance(error, HungUp | BrokenPipeError):
        return Exit.HUNG_UP
    if isinstance(error, click.ClickException):
        return _refused(error)
    if isinstance(error, SecretsManagerError):
        say(f"{program}: {told_all(error)}\n", sys.stderr)
        return code_of(error)
    if isinstance(error, OSError) and _is_of_help(error):
        say(f"{program}: standard output cannot be written to ({type(error).__name__})\n", sys.stderr)
        return Exit.FAULT
    say(f"{program}: a fault of this program: {raised_at(error)}\n", sys.stderr)
    return Exit.INTERNAL


def _is_of_help(error: OSError) -> bool:
    """Whether it came from writing help: what commands write is guarded, and what they read is a file."""
    return any(frame.f_code is click.echo.__code__ for frame, _ in walk_tb(error.__traceback__))


def _refused(error: click.ClickException) -> int:
    """Say what is wrong with the arguments, which are foreign texts."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        say(f"{error.format_message()}\n", sys.stderr)
        return Exit.FAULT
    context = error.ctx if isinstance(error, click.UsageError) else None
    lines = [f"Error: {printable(error.format_message())}"]
    if context is not None:
        lines = [context.get_usage(), f"Try '{context.command_path} --help'.", "", *lines]
    say("".join(f"{line}\n" for line in lines), sys.stderr)
    return Exit.FAULT
