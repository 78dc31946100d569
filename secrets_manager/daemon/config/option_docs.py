"""Writes the option table out for people: the commented settings file and the table of the documentation.

Pure: the same table always gives the same text. A test compares the tracked files with it, so they cannot
drift.

`python -m secrets_manager.daemon.config.option_docs settings` and `... table` print the two.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from textwrap import wrap

from secrets_manager.daemon.config.named_options import common_options, table_of
from secrets_manager.daemon.config.options import OPTIONS, Options
from secrets_manager.settings.kinds import COUNT, LIST, LOOSE_LIST, PATTERNS, SWITCH, TABLES, WHOLE_SECONDS
from secrets_manager.settings.option import Option

# The values in force when neither these options nor zap-devel are given.
EFFECTIVE_DEFAULTS = {"zap-encoder": "json", "zap-log-level": "info", "zap-stacktrace-level": "error"}

HEADER = """\
# Settings of secrets-manager. Every key is here with its default; remove the # to change one.
# Read from the file that -config names, or /etc/secrets-manager/settings.toml, or ./settings.toml.
# SECRETS_MANAGER_* environment names, flags, and VAULT_* and AZURE_* names win over this file.
"""

NAMED_BACKENDS = """\
# More backends have tables of their own, [backends.NAME], with their kind and the keys of [vault] or
# [azure-kv]; each may have a timeout and a reconcile-period, too. docs/backends.md says more.
"""

TABLE_HEADER = """\
| flag and key | environment | default | meaning |
|---|---|---|---|
"""


def default_text(option: Option) -> str:
    """The value in force when the option is not given, as written on the command line."""
    if option.kind is SWITCH:
        return option.default_text or "false"
    return EFFECTIVE_DEFAULTS.get(option.name, option.default_text)


def toml_value(option: Option) -> str:
    """The default as TOML."""
    text = default_text(option)
    if option.kind in {SWITCH, COUNT, WHOLE_SECONDS}:
        return text
    if option.kind is PATTERNS:
        # Set but empty is a fault: * allows everything.
        text = text or "*"
    if option.kind in {LIST, LOOSE_LIST, PATTERNS}:
        return json.dumps([item for item in text.split(",") if item])
    return json.dumps(text)


def settings_file(options: Options) -> str:
    """A settings file in which every key is commented out with its default."""
    blocks = [HEADER, *(block(option, option.name) for option in in_table(options, ""))]
    for table in dict.fromkeys(option.table for option in options if option.in_file and option.table):
        blocks.append(f"[{table}]\n")
        blocks += [block(option, key_of(option)) for option in in_table(options, table)]
    return "\n".join([*blocks, NAMED_BACKENDS])


def key_of(option: Option) -> str:
    """An option's key in its table."""
    return option.name.rpartition(".")[2]


def in_table(options: Options, table: str) -> Iterator[Option]:
    """The options of a TOML table, in order."""
    return (option for option in options if option.in_file and option.table == table)


def block(option: Option, key: str) -> str:
    """One key with its help above."""
    comment = "\n".join(f"# {line}" for line in wrap(option.help, 100))
    if option.kind is TABLES:
        # Its default, no table at all, cannot be written.
        return f"{comment}\n# [[{option.name}]]\n"
    return f"{comment}\n# {key} = {toml_value(option)}\n"


def markdown_table(options: Options) -> str:
    """Every option as a row; of backends with a name those that each has."""
    rows = (*options, *common_options(table_of("NAME")))
    return TABLE_HEADER + "".join(f"| {' | '.join(row(option))} |\n" for option in rows)


def row(option: Option) -> Iterable[str]:
    """The cells of an option."""
    environment = [option.environment] if option.in_environment else []
    names = [*environment, option.overriding, *option.fallbacks]
    default = default_text(option)
    return (
        f"`{option.name}`",
        "<br>".join(f"`{name}`" for name in names if name) or "-",
        f"`{default}`" if default else "-",
        option.help,
    )


if __name__ == "__main__":
    sys.stdout.write((settings_file if sys.argv[1:] == ["settings"] else markdown_table)(OPTIONS))
