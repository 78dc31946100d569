"""The settings file as a layer of configuration: TOML, tables as the flags' dots, dashes or underscores.

Reads one file and nothing else. It must not know what the values mean. A TOML error is told by its place
alone, because the line may hold a secret.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

from secrets_manager.daemon.layers import Fault, Given, Layer, layer_of, read_value, suggestion
from secrets_manager.daemon.options import OPTIONS, Option

SYSTEM_FILE = Path("/etc/secrets-manager/settings.toml")
LOCAL_NAME = "settings.toml"

BY_KEY: dict[str, Option] = {option.name: option for option in OPTIONS if option.in_file}
TABLES = frozenset(name.rpartition(".")[0] for name in BY_KEY if "." in name)

# A key of more parts than any option has is told as it stands.
DEEPEST = 8
PLACE = re.compile(r"at (?:line [0-9]+, column [0-9]+|end of document)")


def file_layer(path: Path, *, said_by: str = "") -> Layer:
    """Read a settings file; one that cannot be read or understood is a layer of one fault.

    `said_by` tells who named the file, if anybody did.
    """
    origin = f"{said_by}, file {path}" if said_by else f"file {path}"
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as exc:
        return fault_layer(origin, f"cannot be read: {exc.strerror or type(exc).__name__}")
    except UnicodeDecodeError:
        return fault_layer(origin, "is not UTF-8")
    except ValueError as exc:
        # Not only of the parser's own kind: an integer of thousands of digits is refused by Python itself.
        place = PLACE.search(str(exc))
        return fault_layer(origin, f"is not valid TOML{f' {place[0]}' if place else ''}")
    except RecursionError:
        return fault_layer(origin, "is nested too deep")
    return layer_of(readings(path, document, ()))


def fault_layer(origin: str, text: str) -> Layer:
    """A layer that only says what is wrong with the file; it is about every option that could stand there."""
    return Layer(faults=(Fault(origin=origin, text=text, names=frozenset(BY_KEY)),))


def readings(
    path: Path, table: Mapping[str, object], parents: tuple[str, ...]
) -> Iterator[tuple[str, Given | Fault]]:
    """Read a table and the tables in it."""
    for key, value in table.items():
        keys = (*parents, key)
        written = ".".join(keys)
        name = written.replace("_", "-")
        if len(keys) <= DEEPEST and isinstance(value, dict) and (name in TABLES or name not in BY_KEY):
            yield from readings(path, value, keys)
        else:
            yield name, reading(f"file {path}, key {written}", name, value)


def reading(origin: str, name: str, value: object) -> Given | Fault:
    """Read one value."""
    if name in BY_KEY:
        return read_value(BY_KEY[name], value, origin)
    if name in TABLES:
        return Fault(
            origin=origin, text=f"is a table; write [{name}] on a line of its own and its keys below"
        )
    return Fault(origin=origin, text=f"unknown key{suggestion(name, BY_KEY)}")
