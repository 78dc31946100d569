"""Finds the backends with a name in the environment and the settings file, before their options are known.

A backend called NAME has a table `[backends.NAME]`, whose `kind` says which other keys it has. So names and
kinds come first; then their options join the others, and every source is read, merged and checked as ever. A
table that has no name or kind to go by is one fault; what else is in it is not read.

Nothing is read here, except that the plug-in of a kind is loaded. This module must not know what the other
keys mean.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

from secrets_manager.daemon.config.environment import OF_BACKEND, is_service_link
from secrets_manager.daemon.config.layers import Fault, Given, read_value, suggestion
from secrets_manager.daemon.config.named_options import (
    PARENT,
    NamedPlugin,
    common_options,
    plugin_of_kind,
    table_of,
)
from secrets_manager.daemon.config.settings_file import Document
from secrets_manager.settings.checks import backend_name
from secrets_manager.settings.kinds import toml_type

# Each has a session, connections and jobs of its own.
MOST_BACKENDS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Readable:
    """The two sources that may hold tables of backends, without those that cannot be read.

    Attributes:
        environ: the environment. Hidden: it holds secrets.
        document: the settings file.

    """

    environ: Mapping[str, str] = field(repr=False)
    document: Document


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundBackends:
    """The backends with a name and a kind, what is left to read, and what is wrong with the others."""

    named: tuple[NamedPlugin, ...]
    sources: Readable
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class _Mentions:
    """Where one backend is named: keys of the table of all in the file, and variables."""

    name: str
    keys: list[str] = field(default_factory=list)
    variables: list[str] = field(default_factory=list)


def find_backends(environ: Mapping[str, str], document: Document) -> FoundBackends:
    """The backends that the two name. Raises nothing: all that is wrong is a fault."""
    given = Readable(environ=environ, document=document)
    mentions = list(_mentions(given))
    whole = tuple(_faults_of_whole(mentions, document))
    if whole or document.fault:
        # What the environment says may be about a table in a file that cannot be read.
        return FoundBackends(named=(), sources=_without(given, mentions, file=False), faults=whole)
    names = [each.name for each in mentions]
    examined = [(each, _examine(each, given, names)) for each in mentions]
    return FoundBackends(
        named=tuple(found for _, found in examined if isinstance(found, NamedPlugin)),
        sources=_without(given, [each for each, found in examined if isinstance(found, Fault)]),
        faults=tuple(found for _, found in examined if isinstance(found, Fault)),
    )


def _mentions(given: Readable) -> Iterator[_Mentions]:
    """Each backend that is named, whatever its name."""
    found: dict[str, _Mentions] = {}
    for key in _tables(given.document):
        name = key.replace("_", "-")
        found.setdefault(name, _Mentions(name)).keys.append(key)
    for variable in sorted(given.environ):
        match = OF_BACKEND.match(variable)
        if match and not is_service_link(variable, given.environ):
            name = match["name"].replace("_", "-").lower()
            found.setdefault(name, _Mentions(name)).variables.append(variable)
    yield from found.values()


def _tables(document: Document) -> Mapping[str, object]:
    found = document.tables.get(PARENT)
    return found if isinstance(found, dict) else {}


def _faults_of_whole(mentions: Collection[_Mentions], document: Document) -> Iterator[Fault]:
    """What is wrong with all of them at once."""
    if not isinstance(found := document.tables.get(PARENT, {}), dict):
        text = f"must hold a table for each backend, [{PARENT}.NAME], found {toml_type(found)}"
        yield _fault(document.place(PARENT), text)
    elif len(mentions) > MOST_BACKENDS:
        yield _fault(f"setting {PARENT}", f"names {len(mentions)} backends; the most is {MOST_BACKENDS}")


def _examine(mentions: _Mentions, given: Readable, names: Collection[str]) -> NamedPlugin | Fault:
    """The backend, or why there cannot be one."""
    if (fault := _fault_of_name(mentions, given.document)) is not None:
        return fault
    kind = _kind(mentions, given)
    if kind is None:
        return _fault(*_missing(mentions, names))
    if isinstance(kind, Fault):
        return replace(kind, names=kind.names | {PARENT})
    try:
        return NamedPlugin(name=mentions.name, plugin=plugin_of_kind(str(kind.value)))
    except ValueError as exc:
        return replace(_fault(kind.origin, str(exc)), exit_code=1)


def _fault_of_name(mentions: _Mentions, document: Document) -> Fault | None:
    """Why this is no name with a table of its own, if so."""
    place = _places(mentions, document)
    try:
        backend_name(mentions.name)
    except ValueError as exc:
        return _fault(place[0], str(exc))
    if len(mentions.keys) > 1:
        return _fault(place[1], f"names the same backend as {place[0]}; keep one of them")
    found = _tables(document)[mentions.keys[0]] if mentions.keys else {}
    if isinstance(found, dict):
        return None
    text = f"must be a table, [{table_of('NAME')}] with the keys of one backend, found {toml_type(found)}"
    return _fault(place[0], text)


def _places(mentions: _Mentions, document: Document) -> list[str]:
    in_file = [document.place(PARENT, key) for key in mentions.keys]
    return [*in_file, *(f"environment {variable}" for variable in mentions.variables)]


def _kind(mentions: _Mentions, given: Readable) -> Given | Fault | None:
    """What is said of its kind; the environment wins over the file."""
    option = common_options(table_of(mentions.name))[0]
    if option.environment in given.environ:
        return read_value(option, given.environ[option.environment], f"environment {option.environment}")
    for key in mentions.keys:
        table = _tables(given.document)[key]
        if isinstance(table, dict) and "kind" in table:
            return read_value(option, table["kind"], given.document.place(PARENT, key, "kind"))
    return None


def _missing(mentions: _Mentions, names: Collection[str]) -> tuple[str, str]:
    """Origin and text of the fault of a backend without a kind: often another one's name, misspelt."""
    others = [name for name in names if name != mentions.name]
    near = suggestion(mentions.name, others, prefix=f"{PARENT}.")
    said = "" if mentions.keys else f", and {mentions.variables[0]} names this backend"
    return f"setting {table_of(mentions.name)}.kind", f"missing: each backend needs its kind{said}{near}"


def _fault(origin: str, text: str) -> Fault:
    return Fault(origin=origin, text=text, names=frozenset({PARENT}))


def _without(given: Readable, left_out: Collection[_Mentions], *, file: bool = True) -> Readable:
    """The sources without these tables; without any in the file unless ``file`` is given."""
    keys = {key for mentions in left_out for key in mentions.keys}
    variables = {variable for mentions in left_out for variable in mentions.variables}
    kept = {key: table for key, table in _tables(given.document).items() if file and key not in keys}
    tables = {key: value for key, value in given.document.tables.items() if key != PARENT}
    return Readable(
        environ={name: text for name, text in given.environ.items() if name not in variables},
        document=replace(given.document, tables=tables | ({PARENT: kept} if kept else {})),
    )
