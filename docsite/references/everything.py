"""All references at once."""

from __future__ import annotations

from docsite.references import Files, TextOf, commands, fields, metrics, migrations, options, reasons, values

_MODULES = (options, metrics, reasons, fields, commands, values, migrations)


def made(text_of: TextOf) -> Files:
    """What the files with references have to hold, by their paths."""
    files: dict[str, str] = {}
    for module in _MODULES:
        files |= module.written(text_of)
    return files
