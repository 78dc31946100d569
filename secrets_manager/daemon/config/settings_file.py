"""The settings file as a layer of configuration: TOML, tables as the flags' dots, dashes or underscores.

Reads one file and nothing else. It must not know what the values mean. A TOML error is reported by its place
alone, because the line may hold a secret.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

from secrets_manager.daemon.config.layers import Fault, Given, Layer, layer_of, read_value, suggestion
from secrets_manager.daemon.config.options import Options

SYSTEM_FILE = Path("/etc/secrets-manager/settings.toml")
LOCAL_NAME = "settings.toml"

# A key with more parts than any option has is reported as it stands.
DEEPEST = 8
PLACE = re.compile(r"at (?:line [0-9]+, column [0-9]+|end of document)")


def file_layer(path: Path, options: Options, *, said_by: str = "") -> Layer:
    """Read a settings file; a file that cannot be read or understood is a layer of one fault.

    `said_by` is the option that named the file, if any.
    """
    origin = f"{said_by}, file {path}" if said_by else f"file {path}"
    try:
        # Some editors put a byte order mark there.
        document = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as exc:
        return layer_of_one_fault(origin, f"cannot be read: {exc.strerror or type(exc).__name__}", options)
    except UnicodeDecodeError:
        return layer_of_one_fault(origin, "is not UTF-8", options)
    except ValueError as exc:
        # Not only TOMLDecodeError: Python itself refuses an integer of thousands of digits.
        place = PLACE.search(str(exc))
        return layer_of_one_fault(origin, f"is not valid TOML{f' {place[0]}' if place else ''}", options)
    except RecursionError:
        return layer_of_one_fault(origin, "is nested too deeply", options)
    return layer_of(read_table(path, document, (), options))


def layer_of_one_fault(origin: str, text: str, options: Options) -> Layer:
    """A layer with this fault of the file alone; it concerns every option that the file could hold."""
    return Layer(faults=(Fault(origin=origin, text=text, names=frozenset(options.by_key)),))


def read_table(
    path: Path, table: Mapping[str, object], parents: tuple[str, ...], options: Options
) -> Iterator[tuple[str, Given | Fault]]:
    """Read a table and the tables in it."""
    for key, value in table.items():
        keys = (*parents, key)
        written = ".".join(keys)
        name = written.replace("_", "-")
        leads_on = name in options.tables or name not in options.by_key
        if leads_on and isinstance(value, dict) and len(keys) <= DEEPEST:
            yield from read_table(path, value, keys, options)
        else:
            yield name, read_key(f"file {path}, key {written}", name, value, options)


def read_key(origin: str, name: str, value: object, options: Options) -> Given | Fault:
    """Read one value."""
    if name in options.by_key:
        return read_value(options.by_key[name], value, origin)
    if name in options.tables:
        return Fault(
            origin=origin, text=f"is a table; write [{name}] on a line of its own and its keys below"
        )
    return Fault(origin=origin, text=f"unknown key{suggestion(name, options.by_key)}")
