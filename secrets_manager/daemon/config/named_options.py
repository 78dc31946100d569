"""The options of a backend that has a table of its own: `[backends.NAME]`.

They are those that every such table has, and those of the group of the backend's kind, flat in the table. No
flag holds them, and no well-known name that overrides everything: those are for the backend `default`. This
module must not read anything: `secrets_manager.daemon.config.backend_tables` finds out which tables there
are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import cast

from secrets_manager.backends.factory import BUILT_IN, installed_kinds, plugin_named
from secrets_manager.backends.plugin import Plugin
from secrets_manager.domain.errors import ConfigError
from secrets_manager.settings import BACKENDS, BackendSettings, Settings
from secrets_manager.settings.checks import period
from secrets_manager.settings.kinds import DURATION, TEXT
from secrets_manager.settings.option import Option, build_group, options_of

# The table that holds the tables of all backends with a name.
PARENT = "backends"


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedPlugin:
    """A backend that has a table of its own: its name, and the plug-in of its kind."""

    name: str
    plugin: Plugin

    @property
    def table(self) -> str:
        """The table that holds its options."""
        return table_of(self.name)


def table_of(name: str) -> str:
    """The table of the backend with this name."""
    return f"{PARENT}.{name}"


def common_options(table: str) -> tuple[Option, ...]:
    """The options that the table of each backend has, whatever its kind."""
    return (
        Option(
            name=f"{table}.kind",
            kind=TEXT,
            in_flags=False,
            exit_code=1,
            help="Where its values come from: vault, azure-kv, or the kind of a plug-in. Must be given.",
        ),
        Option(
            name=f"{table}.timeout",
            kind=DURATION,
            check=period,
            in_flags=False,
            help="Longest time that one call to it may take, if not config.backend-timeout.",
        ),
        Option(
            name=f"{table}.reconcile-period",
            kind=DURATION,
            check=period,
            in_flags=False,
            help="Time between two reads of the same source in it, if not reconcile-period.",
        ),
    )


def named_options(backend: NamedPlugin) -> tuple[Option, ...]:
    """The options of this backend, in order."""
    own = options_of(backend.plugin.settings, backend.table, overriding=False)
    return (*common_options(backend.table), *(replace(option, in_flags=False) for option in own))


def plugin_of_kind(kind: str) -> Plugin:
    """The plug-in that a table with this kind is for. Raises `ValueError` with a reason."""
    try:
        found = plugin_named(kind) if kind in BACKENDS or kind not in BUILT_IN else None
    except ConfigError as error:
        raise ValueError(error.message.removeprefix("backend: ")) from error
    if found is None:
        known = dict.fromkeys((*BACKENDS, *installed_kinds()))
        raise ValueError(f"must be one of {', '.join(known)}")
    _check_names(found)
    return found


def _check_names(plugin: Plugin) -> None:
    """Whether its options can stand in a table of a backend. Raises `ValueError`."""
    common = {option.name for option in common_options(PARENT)}
    for option in options_of(plugin.settings, PARENT):
        if option.name in common or not option.name.startswith(f"{PARENT}."):
            raise ValueError(
                f"the plug-in {plugin.kind!r} has an option {option.name.removeprefix(f'{PARENT}.')}, "
                "which no table of a backend can have; it can only be the backend of -backend"
            )


def make_named(backend: NamedPlugin, values: Mapping[str, object], settings: Settings) -> BackendSettings:
    """The backend's settings with these values, by option name; ``settings`` has the times not among them."""
    own = build_group(backend.plugin.settings, values, backend.table)
    timeout = values.get(f"{backend.table}.timeout", settings.backend_timeout)
    reconcile_period = values.get(f"{backend.table}.reconcile-period", settings.controller.reconcile_period)
    return BackendSettings(
        name=backend.name,
        kind=backend.plugin.kind,
        table=backend.table,
        own=own,
        timeout=cast("float", timeout),
        reconcile_period=cast("float", reconcile_period),
    )
