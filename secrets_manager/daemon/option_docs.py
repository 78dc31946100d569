"""Writes the option table out for people: the commented settings file and the table of the documentation.

Pure: the same table always gives the same text. A test compares the tracked files with it, so they cannot
drift.

`python -m secrets_manager.daemon.option_docs settings` and `... table` print the two.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from textwrap import wrap

from secrets_manager.daemon.option_kinds import COUNT, LIST, SWITCH, WHOLE_SECONDS
from secrets_manager.daemon.options import OPTIONS, Option

# What holds when neither these nor zap-devel are said.
SETTLED = {"zap-encoder": "json", "zap-log-level": "info", "zap-stacktrace-level": "error"}

HEADER = """\
# Settings of secrets-manager. Every key is here with its default; take away the # to change one.
# Read from the file that -config names, or /etc/secrets-manager/settings.toml, or ./settings.toml.
# SECRETS_MANAGER_* environment names, flags, and VAULT_* and AZURE_* names win over this file.
"""

TABLE_HEADER = """\
| flag and key | environment | default | meaning |
|---|---|---|---|
"""


def default_text(option: Option) -> str:
    """The value in use when nobody says anything, as one would write it on the command line."""
    if option.kind is SWITCH:
        return option.default_text or "false"
    return SETTLED.get(option.name, option.default_text)


def toml_value(option: Option) -> str:
    """The default as TOML."""
    text = default_text(option)
    if option.kind in {SWITCH, COUNT, WHOLE_SECONDS}:
        return text
    if option.kind is LIST:
        return json.dumps([item for item in text.split(",") if item])
    return json.dumps(text)


def settings_file() -> str:
    """A settings file in which every key is commented out with its default."""
    blocks = [HEADER, *(block(option, option.name) for option in in_table(""))]
    for table in dict.fromkeys(table_of(option) for option in OPTIONS if option.in_file):
        if table:
            blocks += [f"[{table}]\n", *(block(option, key_of(option)) for option in in_table(table))]
    return "\n".join(blocks)


def table_of(option: Option) -> str:
    """The TOML table an option stands in; `""` for the top."""
    return option.name.rpartition(".")[0]


def key_of(option: Option) -> str:
    """An option's key in its table."""
    return option.name.rpartition(".")[2]


def in_table(table: str) -> Iterator[Option]:
    """The options of a TOML table, in order."""
    return (option for option in OPTIONS if option.in_file and table_of(option) == table)


def block(option: Option, key: str) -> str:
    """One key with its help above."""
    comment = "\n".join(f"# {line}" for line in wrap(option.help, 100))
    return f"{comment}\n# {key} = {toml_value(option)}\n"


def markdown_table() -> str:
    """Every option as a row."""
    return TABLE_HEADER + "".join(f"| {' | '.join(row(option))} |\n" for option in OPTIONS)


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
    sys.stdout.write(settings_file() if sys.argv[1:] == ["settings"] else markdown_table())
