"""The commands for people and pipelines: `secrets-manager status`, `policy test` and the rest.

No command word means the daemon, whose flags are those of the Go version. The daemon loads nothing of what
commands need, so this module imports none of it before a word is met.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

PROGRAM = "secrets-manager"
KUBECTL_PLUGIN = "kubectl secrets-manager"

# Word of the command line, and where its click command is: "module:attribute".
COMMANDS: dict[str, str] = {}
_OWN_PARSER = "policy"


def is_command(argv: Sequence[str]) -> bool:
    """Whether the arguments are for a command; otherwise they are for the daemon."""
    return bool(argv) and (argv[0] in COMMANDS or argv[0] == _OWN_PARSER)


def run(argv: Sequence[str], environ: Mapping[str, str], cwd: Path, program: str = PROGRAM) -> int:
    """Run a command; returns the exit code. ``program`` is how the user calls it."""
    if argv and argv[0] == _OWN_PARSER:
        from secrets_manager.commands import policy  # noqa: PLC0415 - as above

        return policy.run(argv[1:], environ, cwd)
    from secrets_manager.commands.app import main  # noqa: PLC0415 - as above

    return main(argv, environ, cwd, program)
