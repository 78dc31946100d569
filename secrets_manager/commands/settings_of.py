"""The settings of a daemon, for commands that answer as that daemon would."""

from __future__ import annotations

from secrets_manager.commands.kinds import Surroundings
from secrets_manager.daemon.config.configuration import ExitRequest, load
from secrets_manager.domain.errors import ConfigError
from secrets_manager.settings import Settings


def settings_of(surroundings: Surroundings, *, offline: bool = False) -> Settings:
    """The settings as a daemon with these flags, this environment and this folder reads them.

    ``offline`` is for a command that calls no server, and needs no credentials. Raises ConfigError that lists
    all faults.
    """
    found = load(surroundings.flags, surroundings.environ, surroundings.cwd, offline=offline)
    if isinstance(found, ExitRequest):
        first = (found.err or found.out).partition("\n")[0]
        raise ConfigError(f"flags behind --: {first}")
    return found
