"""Reads every source of configuration, each into a layer, once it is known which options there are.

Which those are depends on what is read: the kind of the backend `default`, and the tables of backends with a
name. So both are looked for first. This module must not know what a value means, nor which source wins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from secrets_manager.backends.plugin import Plugin
from secrets_manager.daemon.config import environment
from secrets_manager.daemon.config.backend_tables import find_backends
from secrets_manager.daemon.config.flags import Flags, peek
from secrets_manager.daemon.config.layers import Fault, Given, Layer
from secrets_manager.daemon.config.named_options import NamedPlugin
from secrets_manager.daemon.config.options import OPTIONS, Options, options_for
from secrets_manager.daemon.config.settings_file import Document, document_layer, read_document


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What all sources say.

    Attributes:
        options: all options there are.
        named: the backends that have a table of their own.
        fallbacks: names that are meant for other programs too, the weakest layer.
        ours: the settings file, `SECRETS_MANAGER_*` names and flags, from the weakest to the strongest.
        overriding: the original's own names, the strongest layer.
        unusable: tables of backends without a name or a kind to go by.

    """

    options: Options
    named: tuple[NamedPlugin, ...]
    fallbacks: Layer
    ours: tuple[Layer, ...]
    overriding: Layer
    unusable: tuple[Fault, ...]

    @property
    def has_tables(self) -> bool:
        """Whether a backend with a name was meant, usable or not."""
        return bool(self.named or self.unusable)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """All layers, from the weakest to the strongest."""
        return (self.fallbacks, *self.ours, self.overriding)

    @property
    def faults(self) -> tuple[Fault, ...]:
        """Everything that cannot be read."""
        return (*chain.from_iterable(layer.faults for layer in self.layers), *self.unusable)


def read_sources(
    flags: Flags, environ: Mapping[str, str], usual: Sequence[Path], plugin: Plugin | None
) -> Told:
    """Read all sources; ``plugin`` is that of the backend `default`, if another package brings it."""
    own = environment.own_layer(environ, OPTIONS)
    found = find_backends(environ, settings_document(named_file(flags.values, own), usual))
    options = options_for(plugin, found.named)
    file = document_layer(found.sources.document, options)
    return Told(
        options=options,
        named=found.named,
        fallbacks=environment.fallback_layer(environ, options),
        ours=(file, environment.own_layer(found.sources.environ, options), flag_layer(flags)),
        overriding=environment.overriding_layer(environ, options),
        unusable=found.faults,
    )


def backend_named(argv: Sequence[str], environ: Mapping[str, str], usual: Sequence[Path]) -> str:
    """The backend that is most likely meant, before its options are known; "" for none.

    The strongest source that names a backend counts, as in `read_sources`, which also reports the faults.
    """
    said = peek(argv, OPTIONS)
    own = environment.own_layer(environ, OPTIONS)
    if "backend" in said:
        return said["backend"]
    given = own.given.get("backend")
    if given is None:
        document = settings_document(named_file(said, own), usual)
        given = document_layer(document, OPTIONS).given.get("backend")
    return "" if given is None else str(given.value)


def flag_layer(flags: Flags) -> Layer:
    """The command line as a layer."""
    return Layer(
        given={name: Given(value=value, origin=f"flag -{name}") for name, value in flags.values.items()}
    )


def named_file(flags: Mapping[str, object], own: Layer) -> Given | None:
    """The settings file that the user named, if any."""
    if "config" in flags:
        return Given(value=flags["config"], origin="flag -config")
    return own.given.get("config")


def settings_document(named: Given | None, usual: Sequence[Path]) -> Document:
    """The settings file: the named one, which must exist, or the first usual one that does, or nothing."""
    if named is not None and named.value:
        return read_document(Path(str(named.value)), said_by=named.origin)
    path = next(filter(present, usual), None)
    return Document() if path is None else read_document(path)


def present(path: Path) -> bool:
    """Whether there is something at the path, readable or not."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True
