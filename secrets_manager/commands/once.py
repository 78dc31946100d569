"""``secrets-manager once``: the daemon's ``--once`` under the name of a command."""

from __future__ import annotations

from typing import Any

import click

from secrets_manager.commands.kinds import Surroundings
from secrets_manager.daemon import cli
from secrets_manager.daemon.hardening import harden


class _AsTheDaemon(click.Command):
    """A command whose arguments are all the daemon's flags."""

    def collect_usage_pieces(self, _ctx: click.Context) -> list[str]:
        """The words of the usage line."""
        return ["[FLAG...]"]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Leave the flags to the daemon, all but the one for help."""
        if {"-h", "--help"}.intersection(args):
            return super().parse_args(ctx, ["--help"])
        ctx.args = args
        return args

    def invoke(self, ctx: click.Context) -> Any:
        """Run the daemon once; returns the exit code."""
        surroundings: Surroundings = ctx.obj
        flags = ["-once", *ctx.args, *surroundings.flags]
        return cli.main(flags, surroundings.environ, harden=harden)


@click.command("once", cls=_AsTheDaemon)
def once() -> None:
    """Bring every definition in scope into step once, and end.

    FLAGs, the environment and the settings file are those of the daemon; `secrets-manager -help` lists them.
    It needs the rights of the daemon. The exit code is 0 if every definition is in step or suspended, 1 if
    not or where a setting is missing, and 2 for a wrong flag or setting.
    """
