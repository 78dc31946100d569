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

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

from dynaconf import Dynaconf

from secrets_manager import __version__
from secrets_manager.backends.plugin import Plugin
from secrets_manager.daemon.config import setting_checks
from secrets_manager.daemon.config.flags import ExitRequest, Flags, parse_flags
from secrets_manager.daemon.config.layers import Fault, Given, Layer
from secrets_manager.daemon.config.log_settings import log_settings
from secrets_manager.daemon.config.named_options import make_named
from secrets_manager.daemon.config.options import Options, is_of_default, options_with, plugin_from_outside
from secrets_manager.daemon.config.settings_file import LOCAL_NAME, SYSTEM_FILE
from secrets_manager.daemon.config.sources import Told, backend_named, read_sources
from secrets_manager.domain.errors import ConfigError
from secrets_manager.settings import Settings
from secrets_manager.settings.option import Contradiction, build_group

__all__ = ["ExitRequest", "load"]


def load(
    argv: Sequence[str],
    environ: Mapping[str, str],
    cwd: Path,
    *,
    system_file: Path = SYSTEM_FILE,
    offline: bool = False,
) -> Settings | ExitRequest:
    """Read every source and return the settings, or what to print before ending.

    `argv` is without the program's name. A `settings.toml` in `cwd` is read when there is no `system_file`.
    `offline` is for a caller that calls no server: what only calls need may be missing.
    Raises `ConfigError` that lists all faults, one a line, and carries the exit code.
    """
    usual = (system_file, cwd / LOCAL_NAME)
    plugin = plugin_from_outside(backend_named(argv, environ, usual))
    flags = parse_flags(argv, options_with(plugin))
    if isinstance(flags, ExitRequest):
        return flags
    if flags.values.get("version"):
        return ExitRequest(code=0, out=f"Secrets Manager {__version__}\n")
    told = read_sources(flags, environ, usual, plugin)
    values, senseless = check_values(given := merge(told.layers), told.options)
    settings = make_settings(values, plugin, told)
    check_settings(settings, given, (*told.faults, *senseless), told, offline=offline)
    notices = (*command_line_notices(flags, told.options), *setting_checks.settings_notices(settings))
    return replace(settings, notices=notices, secrets_in_arguments=flags.secrets)


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


def merge(layers: Iterable[Layer]) -> dict[str, Given]:
    """The winning values, by option name; later layers are stronger."""
    store = Dynaconf(load_dotenv=False, dynaconf_skip_loaders=True, dynaconf_skip_validators=True)
    for layer in layers:
        # One table, so that no option's name can meet one of dynaconf's own settings.
        store.update({"options": dict(layer.given)}, merge=True, dotted_lookup=False, validate=False)
    return dict(store.get("options", {}))


def make_settings(values: Mapping[str, object], plugin: Plugin | None, told: Told) -> Settings:
    """The settings with these values, by option name."""
    brought = None if plugin is None else build_group(plugin.settings, values, plugin.kind)
    made = replace(build_group(Settings, values), logging=log_settings(values), plugin=brought)
    named = tuple(make_named(each, values, made) for each in told.named)
    has_default = not told.has_tables or word_of_default(told, made.backend) is not None
    return replace(made, named=named, has_default=has_default)


def word_of_default(told: Told, kind: str) -> tuple[str, Given] | None:
    """A setting of the backend `default`, by name, which says that there is one beside those with a name.

    Of the well-known names only those of Vault's credentials count, without which nothing could be read from
    Vault. Shells have a VAULT_ADDR, and pods AZURE_* and AWS_* names, whatever they are for.
    """
    said = dict(chain.from_iterable(layer.given.items() for layer in told.ours))
    words = [name for name in said if is_of_default(name)]
    options = told.options.by_name
    if kind == "vault":
        secret = [name for name in told.overriding.given if options[name].secret]
        words += [name for name in secret if options[name].overriding.startswith("VAULT_")]
    said |= told.overriding.given
    # The plainest word is the one to show.
    return next(((name, said[name]) for name in sorted(words, key="backend".__ne__)), None)


def check_settings(
    settings: Settings, given: Mapping[str, Given], faults: tuple[Fault, ...], told: Told, *, offline: bool
) -> None:
    """Check the settings as a whole. Raises `ConfigError` with all faults."""
    found = chain(given_together(given), setting_checks.find_contradictions(settings, offline=offline))
    contradictions = as_faults(found, given, faults)
    raise_faults((*faults, *contradictions, *unmeant_default(settings, contradictions, told)))


def unmeant_default(settings: Settings, faults: Iterable[Fault], told: Told) -> Iterator[Fault]:
    """A hint beside faults of the backend `default`, if it is there only because of one of its settings."""
    names = chain.from_iterable(fault.names for fault in faults)
    word = word_of_default(told, settings.backend)
    if told.has_tables and word and word[0] != "backend" and any(map(is_of_default, names)):
        yield Fault(
            origin=word[1].origin,
            text="is a setting of the backend default, so there is one beside those with a name; if there "
            "should be none, leave out all settings of the backend default",
        )


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
