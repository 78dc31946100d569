"""The options of the daemon: the table in docs/configuration.md, and the settings file with every default."""

from __future__ import annotations

from docsite.references import Files, TextOf, replaced
from secrets_manager.daemon.config.option_docs import markdown_table, settings_file
from secrets_manager.daemon.config.options import OPTIONS

_PAGE = "docs/configuration.md"


def written(text_of: TextOf) -> Files:
    """The page with the table, and settings.toml."""
    page = replaced(_PAGE, text_of(_PAGE), "options", markdown_table(OPTIONS))
    return {_PAGE: page, "settings.toml": settings_file(OPTIONS)}
