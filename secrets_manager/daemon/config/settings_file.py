"""The settings file as a layer of configuration: TOML, tables as the flags' dots, dashes or underscores.

Reads one file and nothing else. It must not know what the values mean. A TOML error is reported by its place
alone, because the line may hold a secret.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from secrets_manager.daemon.config.layers import Fault, Given, Layer, layer_of, read_value, suggestion
from secrets_manager.daemon.config.named_options import PARENT, table_of
from secrets_manager.daemon.config.options import Options
from secrets_manager.domain.wording import printable

SYSTEM_FILE = Path("/etc/secrets-manager/settings.toml")
LOCAL_NAME = "settings.toml"

# A key with more parts than any option has is reported as it stands.
DEEPEST = 8
PLACE = re.compile(r"at (?:line [0-9]+, column [0-9]+|end of document)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A settings file that was parsed, and not looked into yet.

    Attributes:
        path: the file; None where there is none.
        tables: its content by key. Hidden: it may hold secrets.
        fault: why it could not be read or understood, if so.

    """

    path: Path | None = None
    tables: Mapping[str, object] = field(default_factory=dict, repr=False)
    fault: Fault | None = None

    def place(self, *keys: str) -> str:
        """Where a key of it stands, as in `Given.origin`."""
        return f"file {self.path}, key {printable('.'.join(keys))}"


def read_document(path: Path, *, said_by: str = "") -> Document:
    """Parse a settings file; one that cannot be read or understood has a fault.

    `said_by` is the option that named the file, if any.
    """
    try:
        # Some editors put a byte order mark there.
        return Document(path=path, tables=tomllib.loads(path.read_text(encoding="utf-8-sig")))
    except OSError as exc:
        text = f"cannot be read: {exc.strerror or type(exc).__name__}"
    except UnicodeDecodeError:
        text = "is not UTF-8"
    except ValueError as exc:
        # Not only TOMLDecodeError: Python itself refuses an integer of thousands of digits.
        place = PLACE.search(str(exc))
        text = f"is not valid TOML{f' {place[0]}' if place else ''}"
    except RecursionError:
        text = "is nested too deeply"
    origin = f"{said_by}, file {path}" if said_by else f"file {path}"
    return Document(path=path, fault=Fault(origin=origin, text=text))


def document_layer(document: Document, options: Options) -> Layer:
    """Read a document; a fault of the whole concerns every option that the file could hold."""
    if document.fault is not None:
        return Layer(faults=(replace(document.fault, names=frozenset(options.by_key)),))
    return layer_of(read_table(document, document.tables, (), options))


def read_table(
    document: Document, table: Mapping[str, object], parents: tuple[str, ...], options: Options
) -> Iterator[tuple[str, Given | Fault]]:
    """Read a table and the tables in it."""
    for key, value in table.items():
        keys = (*parents, key)
        name = ".".join(keys).replace("_", "-")
        leads_on = name in options.tables or name not in options.by_key
        if leads_on and isinstance(value, dict) and len(keys) <= DEEPEST:
            yield from read_table(document, value, keys, options)
        else:
            yield name, read_key(document.place(*keys), name, value, options)


def read_key(origin: str, name: str, value: object, options: Options) -> Given | Fault:
    """Read one value."""
    if name in options.by_key:
        return read_value(options.by_key[name], value, origin)
    if name in options.tables:
        return Fault(
            origin=origin, text=f"is a table; write [{name}] on a line of its own and its keys below"
        )
    return Fault(origin=origin, text=f"unknown key{nearest(name, options)}")


def nearest(unknown: str, options: Options) -> str:
    """A hint at the known key that was meant, if one is near; in the table of a backend, one of its own."""
    parts = unknown.split(".")
    table = f"{table_of(parts[1])}." if parts[0] == PARENT and len(parts) > 2 else ""
    keys = [key.removeprefix(table) for key in options.by_key if key.startswith(table)]
    return suggestion(unknown.removeprefix(table), keys, prefix=table)
