"""The table of options that every source of configuration uses.

All except for a few are fields of the settings, which describe themselves. This module must not read
anything: `secrets_manager.daemon.config.configuration` finds out which value an option has.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain

from secrets_manager.backends.factory import BUILT_IN, plugin_named
from secrets_manager.backends.plugin import Plugin
from secrets_manager.daemon.config.log_settings import LOG_OPTIONS
from secrets_manager.daemon.config.named_options import PARENT, NamedPlugin, named_options
from secrets_manager.domain.errors import ConfigError
from secrets_manager.settings import BACKENDS, Settings
from secrets_manager.settings.checks import one_of, plain
from secrets_manager.settings.kinds import SWITCH, TEXT
from secrets_manager.settings.option import Option, options_of


class Options:
    """Options in the order of the documentation, and how each source finds them.

    Attributes:
        by_name: by their names.
        by_flag: as the command line names them.
        by_environment: by their own environment names.
        by_key: as a settings file names them, tables and dots included.
        tables: the tables of a settings file.

    """

    def __init__(self, options: Iterable[Option]) -> None:
        self.by_name = {option.name: option for option in options}
        self.by_flag = {option.name: option for option in self if option.in_flags}
        self.by_environment = {option.environment: option for option in self if option.in_environment}
        self.by_key = {option.name: option for option in self if option.in_file}
        self.tables = frozenset(option.table for option in self.by_key.values() if option.table)

    def __iter__(self) -> Iterator[Option]:
        return iter(self.by_name.values())


CONFIG = Option(name="config", kind=TEXT, check=plain, in_file=False, help="Settings file to read, in TOML.")
VERSION = Option(
    name="version", kind=SWITCH, in_environment=False, in_file=False, help="Print the version and exit."
)
OPTIONS = Options((CONFIG, VERSION, *options_of(Settings), *LOG_OPTIONS))


def plugin_from_outside(kind: str) -> Plugin | None:
    """The plug-in of another package for that kind, if there is one; raises ConfigError."""
    return None if not kind or kind in BUILT_IN else plugin_named(kind)


def options_with(plugin: Plugin | None) -> Options:
    """The options when that plug-in can be chosen too; raises ConfigError if its names are taken."""
    if plugin is None:
        return OPTIONS
    added = tuple(options_of(plugin.settings, plugin.kind))
    taken = set(chain.from_iterable(map(_names, OPTIONS))) | OPTIONS.tables | {PARENT}
    for option in added:
        if clashes := taken.intersection((*_names(option), option.table)):
            named = f"backend: the plug-in {plugin.kind!r} has an option {option.name}"
            taken_names = " and ".join(sorted(clashes))
            raise ConfigError(f"{named} with names that are taken: {taken_names}", exit_code=1)
    chosen = replace(OPTIONS.by_name["backend"], check=one_of(*BACKENDS, plugin.kind))
    return Options((*(chosen if option.name == "backend" else option for option in OPTIONS), *added))


def options_for(plugin: Plugin | None, named: Iterable[NamedPlugin]) -> Options:
    """The options of the backend `default`, which may be that plug-in's, and of those with a name."""
    return Options((*options_with(plugin), *chain.from_iterable(map(named_options, named))))


def is_of_default(name: str) -> bool:
    """Whether the option with this name is about the backend `default` alone."""
    table = name.partition(".")[0]
    return name == "backend" or table in BACKENDS or (name not in OPTIONS.by_name and table != PARENT)


def _names(option: Option) -> Iterator[str]:
    """Every name under which it may be given, and that no other option may have."""
    yield option.name
    yield option.environment
    if option.overriding:
        yield option.overriding
