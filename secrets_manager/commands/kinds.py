"""What commands are made of: how they take the daemon's flags, and words that several of them read."""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from secrets_manager.settings.go_literals import NANOSECONDS, GoSyntaxError, parse_duration


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a command is run in; found by `click.pass_obj`. ``flags`` are the daemon's, from behind ``--``."""

    environ: MutableMapping[str, str]
    cwd: Path
    flags: Sequence[str] = ()


class Plain(click.Command):
    """A command that has nothing to do with the settings of a daemon."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run it, unless flags of the daemon were given."""
        if ctx.obj is not None and ctx.obj.flags:
            raise click.UsageError("it reads no settings of the daemon, so nothing may stand behind --", ctx)
        return super().invoke(ctx)


class WithFlags(click.Command):
    """A command that reads the settings as the daemon does; flags of the daemon stand behind ``--``."""

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """The words of the usage line."""
        return [*super().collect_usage_pieces(ctx), "[-- FLAG...]"]


class Seconds(click.ParamType[float]):
    """A duration as Go writes it, such as 30s or 1m30s, in seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The seconds; click shows what `fail` says."""
        if isinstance(value, float):
            return value
        try:
            seconds = parse_duration(str(value)[:40]) / NANOSECONDS
        except GoSyntaxError:
            seconds = 0.0
        if seconds <= 0:
            self.fail(f"{str(value)[:40]!r} is no duration; write it as 30s or 1m30s", param, ctx)
        return seconds
