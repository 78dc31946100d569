"""Finds out what the program was told: merges every source, judges it, and freezes the result.

From the weakest to the strongest: the defaults of `secrets_manager.settings`, well-known environment names
that are only fall-backs, the settings file, `SECRETS_MANAGER_*` names, flags, and the original's own
environment names. Nothing else in the program reads the environment, the command line or the settings file,
and nothing else imports dynaconf.

Dynaconf does the merging only. It is handed opaque values, never texts: a text that begins with `@` would
be code to it, and a role id such as `1e5` would become a number. Its own loaders, which look at the
process's environment, are off.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

from dynaconf import Dynaconf

from secrets_manager import __version__
from secrets_manager.daemon import environment, setting_checks
from secrets_manager.daemon.flags import ExitRequest, Flags, parse_flags
from secrets_manager.daemon.layers import Fault, Given, Layer
from secrets_manager.daemon.log_settings import log_settings
from secrets_manager.daemon.options import BY_NAME, OPTIONS
from secrets_manager.daemon.setting_checks import Contradiction
from secrets_manager.daemon.settings_file import LOCAL_NAME, SYSTEM_FILE, file_layer
from secrets_manager.domain.errors import ConfigError
from secrets_manager.settings import Settings

__all__ = ["ExitRequest", "load"]


def load(
    argv: Sequence[str], environ: Mapping[str, str], cwd: Path, *, system_file: Path = SYSTEM_FILE
) -> Settings | ExitRequest:
    """Read every source and return the settings, or what to print before ending.

    `argv` is without the program's name. A `settings.toml` in `cwd` is read when there is no `system_file`.
    Raises `ConfigError` that tells all faults at once, one a line, and carries the exit code.
    """
    flags = parse_flags(argv)
    if isinstance(flags, ExitRequest):
        return flags
    if flags.values.get("version"):
        return ExitRequest(code=0, out=f"Secrets Manager {__version__}\n")
    own = environment.own_layer(environ)
    layers = [
        environment.fallback_layer(environ),
        settings_layer(named_file(flags, own), (system_file, cwd / LOCAL_NAME)),
        own,
        flag_layer(flags),
        environment.overriding_layer(environ),
    ]
    settings = settle(merged(layers), tuple(chain.from_iterable(layer.faults for layer in layers)))
    return replace(settings, notices=(*command_line_notices(flags), *setting_checks.notices(settings)))


def flag_layer(flags: Flags) -> Layer:
    """The command line as a layer."""
    return Layer(
        given={name: Given(value=value, origin=f"flag -{name}") for name, value in flags.values.items()}
    )


def command_line_notices(flags: Flags) -> Iterable[str]:
    """What a person should know about how the command line was written."""
    for name in flags.values:
        if BY_NAME[name].secret and flags.values[name]:
            yield f"{name} stands on the command line, where every process of the machine can read it"
    if flags.rest:
        yield "arguments from the first that is no flag on are ignored"


def named_file(flags: Flags, own: Layer) -> Given | None:
    """The settings file that the user named, if any."""
    if "config" in flags.values:
        return Given(value=flags.values["config"], origin="flag -config")
    return own.given.get("config")


def settings_layer(named: Given | None, usual: Sequence[Path]) -> Layer:
    """The settings file as a layer: the named one, which must exist, or the first usual one that does."""
    if named is not None and named.value:
        return file_layer(Path(str(named.value)), said_by=named.origin)
    path = next(filter(present, usual), None)
    return Layer() if path is None else file_layer(path)


def present(path: Path) -> bool:
    """Whether there is something at the path, readable or not."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def merged(layers: Iterable[Layer]) -> dict[str, Given]:
    """The values that win, by option name; later layers are stronger."""
    store = Dynaconf(load_dotenv=False, dynaconf_skip_loaders=True, dynaconf_skip_validators=True)
    for layer in layers:
        store.update(nested(layer.given), merge=True, dotted_lookup=False, validate=False)
    return flat(store)


def nested(given: Mapping[str, Given]) -> dict[str, dict[str, Given]]:
    """One table of options, so that no option's name can meet one of dynaconf's own settings."""
    return {"options": dict(given)}


def flat(store: Any) -> dict[str, Given]:
    """The table of options out of the store, in the order of the option table."""
    found = store.get("options", {})
    return {option.name: found[option.name] for option in OPTIONS if option.name in found}


def settle(given: Mapping[str, Given], faults: tuple[Fault, ...]) -> Settings:
    """Judge the winning values, one by one and together. Raises `ConfigError` with all faults."""
    values: dict[str, object] = {}
    for name, winner in given.items():
        try:
            values[name] = BY_NAME[name].check(winner.value)
        except ValueError as exc:
            faults += (fault_of(name, winner, str(exc)),)
    settings = assembled(values)
    faults += located(setting_checks.contradictions(settings), given, faults)
    refuse(faults)
    return settings


def fault_of(name: str, winner: Given, text: str) -> Fault:
    """A value that makes no sense."""
    option = BY_NAME[name]
    return Fault(origin=winner.origin, text=text, names=frozenset({name}), exit_code=option.exit_code)


def located(
    found: Iterable[Contradiction], given: Mapping[str, Given], known: tuple[Fault, ...]
) -> tuple[Fault, ...]:
    """Contradictions as faults; those about an option that already has a fault would only mislead."""
    faulty = frozenset(chain.from_iterable(fault.names for fault in known))
    return tuple(
        Fault(
            origin=given[item.names[0]].origin if item.names[0] in given else f"setting {item.names[0]}",
            text=item.text,
            names=frozenset(item.names),
            exit_code=item.exit_code,
        )
        for item in found
        if not faulty.intersection(item.names)
    )


def refuse(faults: tuple[Fault, ...]) -> None:
    """Raise `ConfigError` when there is a fault; its exit code is the graver one."""
    if faults:
        lines = dict.fromkeys(str(fault) for fault in faults)
        raise ConfigError("\n".join(lines), exit_code=max(fault.exit_code for fault in faults))


def assembled(values: Mapping[str, object]) -> Settings:
    """The settings with these values, by option name, in place of their defaults."""
    settings = replace(Settings(), logging=log_settings(values))
    for name, value in values.items():
        if target := BY_NAME[name].target:
            settings = put(settings, target.split("."), value)
    return settings


def put(group: Any, path: Sequence[str], value: object) -> Any:
    """A copy of a group of settings in which the attribute at the path has this value."""
    head, *rest = path
    return replace(group, **{head: put(getattr(group, head), rest, value) if rest else value})
