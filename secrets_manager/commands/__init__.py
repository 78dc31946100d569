"""The commands for people and pipelines: `secrets-manager status`, `policy test` and the rest.

No command word means the daemon, whose flags are those of the Go version. The daemon loads nothing of what
commands need, so this module imports none of it before a word is met.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, MutableMapping, Sequence
from difflib import get_close_matches
from pathlib import Path

from secrets_manager.daemon.std_streams import say

PROGRAM = "secrets-manager"
KUBECTL_PLUGIN = "kubectl secrets-manager"
# Set by the scripts that complete command lines, which ask the program itself.
COMPLETE_VARIABLE = "_SECRETS_MANAGER_COMPLETE"

# Word of the command line, and where its click command is: "module:attribute".
COMMANDS: dict[str, str] = {
    "status": "secrets_manager.commands.status:status",
    "explain": "secrets_manager.commands.explain:explain",
    "sync": "secrets_manager.commands.sync:sync",
    "suspend": "secrets_manager.commands.suspension:suspend",
    "resume": "secrets_manager.commands.suspension:resume",
    "once": "secrets_manager.commands.once:once",
    "check": "secrets_manager.commands.check.command:command",
    "render": "secrets_manager.commands.render.command:command",
    "diff": "secrets_manager.commands.diff.command:command",
    "doctor": "secrets_manager.commands.doctor.command:command",
    "migrate": "secrets_manager.commands.migrate.command:migrate",
    "policy": "secrets_manager.commands.policy:policy",
    "completion": "secrets_manager.commands.completion:completion",
}
_FAULT = 2


def is_command(argv: Sequence[str], environ: Mapping[str, str]) -> bool:
    """Whether the arguments are for a command; otherwise they are for the daemon."""
    if not argv:
        return bool(environ.get(COMPLETE_VARIABLE))
    return argv[0] in COMMANDS or argv[0] == "help"


def run(argv: Sequence[str], environ: MutableMapping[str, str], cwd: Path, program: str = PROGRAM) -> int:
    """Run a command; returns the exit code. ``program`` is how the user calls it."""
    from secrets_manager.commands.app import main  # noqa: PLC0415 - as above

    return main(argv, environ, cwd, program)


def mistyped(argv: Sequence[str]) -> str:
    """The first word if it is nearly a command's, else "".

    The Go version ignores words that are no flags, and so does the daemon; but nobody who writes `statsu`
    wants a daemon.
    """
    word = argv[0] if argv else ""
    return word if word and not word.startswith("-") and nearest(word) else ""


def nearest(word: str) -> str:
    """The command that a word was probably meant for, "" if none is near."""
    return next(iter(get_close_matches(word[:40].lower(), COMMANDS, n=1, cutoff=0.75)), "")


def refuse(word: str) -> int:
    """Say that a word is no command; returns the exit code."""
    say(
        f"{PROGRAM}: there is no command {word[:40]!r}; did you mean {nearest(word)!r}? "
        f"`{PROGRAM} help` lists the commands, and without one it is the daemon\n",
        sys.stderr,
    )
    return _FAULT
