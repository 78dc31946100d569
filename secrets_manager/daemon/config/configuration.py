"""Reads the settings: merges every source, checks the result, and freezes it.

From the weakest to the strongest: the defaults of `secrets_manager.settings`, well-known environment names
that are only fall-backs, the settings file, `SECRETS_MANAGER_*` names, flags, and the original's own
environment names. Nothing else in the program reads the environment, the command line or the settings file,
and nothing else imports dynaconf.

Dynaconf merges the layers and does nothing else. It is handed opaque values, never texts: a text that begins
with `@` would be code to it, and a role id such as `1e5` would become a number. Its own loaders, which
read the process's environment, are off.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

from dynaconf import Dynaconf

from secrets_manager import __version__
from secrets_manager.backends.plugin import Plugin
from secrets_manager.daemon.config import environment, setting_checks
from secrets_manager.daemon.config.flags import ExitRequest, Flags, parse_flags, peek
from secrets_manager.daemon.config.layers import Fault, Given, Layer
from secrets_manager.daemon.config.log_settings import log_settings
from secrets_manager.daemon.config.options import OPTIONS, Options, options_with, plugin_from_outside
from secrets_manager.daemon.config.settings_file import LOCAL_NAME, SYSTEM_FILE, file_layer
from secrets_manager.domain.errors import ConfigError
from secrets_manager.settings import Settings
from secrets_manager.settings.option import Contradiction, build_group

__all__ = ["ExitRequest", "load"]


def load(
    argv: Sequence[str], environ: Mapping[str, str], cwd: Path, *, system_file: Path = SYSTEM_FILE
) -> Settings | ExitRequest:
    """Read every source and return the settings, or what to print before ending.

    `argv` is without the program's name. A `settings.toml` in `cwd` is read when there is no `system_file`.
    Raises `ConfigError` that lists all faults, one a line, and carries the exit code.
    """
    usual = (system_file, cwd / LOCAL_NAME)
    plugin = plugin_from_outside(backend_named(argv, environ, usual))
    options = options_with(plugin)
    flags = parse_flags(argv, options)
    if isinstance(flags, ExitRequest):
        return flags
    if flags.values.get("version"):
        return ExitRequest(code=0, out=f"Secrets Manager {__version__}\n")
    own = environment.own_layer(environ, options)
    layers = [
        environment.fallback_layer(environ, options),
        settings_layer(named_file(flags.values, own), usual, options),
        own,
        flag_layer(flags),
        environment.overriding_layer(environ, options),
    ]
    values, senseless = check_values(given := merge(layers), options)
    faults = (*chain.from_iterable(layer.faults for layer in layers), *senseless)
    settings = check_settings(make_settings(values, plugin), given, faults)
    notices = (*command_line_notices(flags, options), *setting_checks.settings_notices(settings))
    return replace(settings, notices=notices, secrets_in_arguments=flags.secrets)


def backend_named(argv: Sequence[str], environ: Mapping[str, str], usual: Sequence[Path]) -> str:
    """The backend that is most likely meant, before its options are known; "" for none.

    The strongest source that names a backend counts, as in `load`, which also reports the faults.
    """
    said = peek(argv, OPTIONS)
    own = environment.own_layer(environ, OPTIONS)
    if "backend" in said:
        return said["backend"]
    given = own.given.get("backend")
    if given is None:
        given = settings_layer(named_file(said, own), usual, OPTIONS).given.get("backend")
    return "" if given is None else str(given.value)


def flag_layer(flags: Flags) -> Layer:
    """The command line as a layer."""
    return Layer(
        given={name: Given(value=value, origin=f"flag -{name}") for name, value in flags.values.items()}
    )


def command_line_notices(flags: Flags, options: Options) -> Iterable[str]:
    """Warnings about how the command line was written."""
    for name, value in flags.values.items():
        if value and options.by_name[name].secret and options.by_name[name].warned:
            yield (
                f"{name} is on the command line, where every process of the machine can read it; "
                "give it in a file or in the environment"
            )
    if flags.rest:
        yield "the first argument that is not a flag, and all after it, are ignored"


def named_file(flags: Mapping[str, object], own: Layer) -> Given | None:
    """The settings file that the user named, if any."""
    if "config" in flags:
        return Given(value=flags["config"], origin="flag -config")
    return own.given.get("config")


def settings_layer(named: Given | None, usual: Sequence[Path], options: Options) -> Layer:
    """The settings file as a layer: the named one, which must exist, or the first usual one that does."""
    if named is not None and named.value:
        return file_layer(Path(str(named.value)), options, said_by=named.origin)
    path = next(filter(present, usual), None)
    return Layer() if path is None else file_layer(path, options)


def present(path: Path) -> bool:
    """Whether there is something at the path, readable or not."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def merge(layers: Iterable[Layer]) -> dict[str, Given]:
    """The winning values, by option name; later layers are stronger."""
    store = Dynaconf(load_dotenv=False, dynaconf_skip_loaders=True, dynaconf_skip_validators=True)
    for layer in layers:
        # One table, so that no option's name can meet one of dynaconf's own settings.
        store.update({"options": dict(layer.given)}, merge=True, dotted_lookup=False, validate=False)
    return dict(store.get("options", {}))


def make_settings(values: Mapping[str, object], plugin: Plugin | None) -> Settings:
    """The settings with these values, by option name."""
    brought = None if plugin is None else build_group(plugin.settings, values, plugin.kind)
    return replace(build_group(Settings, values), logging=log_settings(values), plugin=brought)


def check_settings(settings: Settings, given: Mapping[str, Given], faults: tuple[Fault, ...]) -> Settings:
    """Check the settings as a whole. Raises `ConfigError` with all faults."""
    found = chain(given_together(given), setting_checks.find_contradictions(settings))
    faults += as_faults(found, given, faults)
    raise_faults(faults)
    return settings


def given_together(given: Mapping[str, Given]) -> Iterable[Contradiction]:
    """The path policy is written in one of two ways; of both, one would silently not count."""
    rules, paths = "policy.rules", "policy.paths"
    if rules in given and paths in given:
        yield Contradiction(
            names=(rules, paths),
            text=f"cannot be in force together with {paths} ({given[paths].origin}); keep one of them: "
            'a last rule with these paths, namespaces ["*"] and effect "allow" says the same',
        )


def check_values(given: Mapping[str, Given], options: Options) -> tuple[dict[str, object], tuple[Fault, ...]]:
    """The valid values, by option name, and the faults of the others."""
    values: dict[str, object] = {}
    faults: list[Fault] = []
    for option in options:
        if winner := given.get(option.name):
            try:
                values[option.name] = option.check(winner.value)
            except ValueError as exc:
                names = frozenset({option.name})
                faults.append(
                    Fault(origin=winner.origin, text=str(exc), names=names, exit_code=option.exit_code)
                )
    return values, tuple(faults)


def as_faults(
    found: Iterable[Contradiction], given: Mapping[str, Given], known: tuple[Fault, ...]
) -> tuple[Fault, ...]:
    """Contradictions as faults, except for options that already have one: a second would only mislead."""
    faulty = frozenset(chain.from_iterable(fault.names for fault in known))
    return tuple(
        Fault(
            origin=given[item.names[0]].origin if item.names[0] in given else f"setting {item.names[0]}",
            text=item.text,
            names=frozenset(item.names),
            exit_code=item.exit_code,
            decides=item.decides,
        )
        for item in found
        if not faulty.intersection(item.names)
    )


def raise_faults(faults: tuple[Fault, ...]) -> None:
    """Raise `ConfigError` if there is a fault; one that decides sets the exit code, otherwise the highest."""
    if faults:
        lines = dict.fromkeys(str(fault) for fault in faults)
        judges = [fault for fault in faults if fault.decides] or faults
        raise ConfigError("\n".join(lines), exit_code=max(fault.exit_code for fault in judges))
