"""From settings to a backend: finds the plug-in of a kind, which builds the backend.

A plug-in is loaded when the settings name its kind, so a process loads only those that it uses; other
packages are not even searched while every kind is one of this package. This module must not know how any
backend works.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import is_dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from secrets_manager.backends.base import Backend
from secrets_manager.backends.plugin import CONTRACT, Plugin, Provided
from secrets_manager.domain.errors import ConfigError
from secrets_manager.settings import BackendSettings

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "secrets_manager.backends"
# The modules with a PLUGIN of this package. The one in memory is for tests: no setting can choose it.
BUILT_IN: Mapping[str, str] = {
    "vault": "secrets_manager.backends.vault.plugin",
    "azure-kv": "secrets_manager.backends.azure_key_vault.plugin",
    "memory": "secrets_manager.backends.memory",
}
_KIND = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*", re.ASCII)


def build_backend(settings: BackendSettings, provided: Provided) -> Backend:
    """The backend of these settings. Does no network I/O and does not log in.

    Raises ConfigError for settings that cannot work, and for TLS files that cannot be used.
    """
    return plugin_of(settings).build(settings.own, provided)


def plugin_of(settings: BackendSettings) -> Plugin:
    """The plug-in of a backend; raises ConfigError."""
    found = plugin_named(settings.kind)
    if found is None:
        raise ConfigError("backend: no plug-in of that kind is installed", exit_code=1)
    return found


@cache
def plugin_named(kind: str) -> Plugin | None:
    """The plug-in of that kind, or None; raises ConfigError for a plug-in that cannot be used."""
    if kind in BUILT_IN:
        return _check(kind, import_module(BUILT_IN[kind]).PLUGIN)
    # The import takes a while, and few installations need it.
    from importlib.metadata import entry_points  # noqa: PLC0415 - as said above

    entries = tuple(entry_points(group=GROUP, name=kind))
    if not entries:
        return None
    if len(entries) > 1:
        raise _unusable(kind, f"is in {len(entries)} packages: {', '.join(sorted(map(_package, entries)))}")
    return _check(kind, _load(kind, entries[0]))


def installed_kinds() -> tuple[str, ...]:
    """The kinds for which other packages have a plug-in, usable or not, in the order of the alphabet."""
    from importlib.metadata import entry_points  # noqa: PLC0415 - as in `plugin_named`

    return tuple(sorted({entry.name for entry in entry_points(group=GROUP)}))


def _load(kind: str, entry: EntryPoint) -> object:
    try:
        return entry.load()
    except Exception as error:
        missing = f" of {error.name}" if isinstance(error, ImportError) and error.name else ""
        raise _unusable(kind, f"cannot be loaded: {type(error).__name__}{missing}") from error


def _check(kind: str, found: object) -> Plugin:
    """``found``, if this release can use it as a plug-in; otherwise raises ConfigError."""
    contract = getattr(found, "contract", None)
    if isinstance(contract, int) and contract != CONTRACT:
        raise _unusable(kind, f"was made for contract {contract}, and this release has contract {CONTRACT}")
    if not isinstance(found, Plugin):
        raise _unusable(kind, "is not a secrets_manager.backends.plugin.Plugin")
    if found.kind != kind:
        raise _unusable(kind, f"calls itself {found.kind!r}")
    if not _KIND.fullmatch(kind):
        raise _unusable(kind, "needs a name of small letters, digits and dashes, such as my-store")
    if not is_dataclass(found.settings):
        raise _unusable(kind, "has settings that are not a dataclass")
    return found


def _package(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else entry.value


def _unusable(kind: str, why: str) -> ConfigError:
    return ConfigError(f"backend: the plug-in {kind!r} {why}", exit_code=1)
