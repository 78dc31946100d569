"""How the flags about logs settle each other, as controller-runtime's zap options do.

Pure: given the values that were said, by option name, what is logged and how. From the weakest to the
strongest: `zap-devel` chooses a set of defaults, `enable-debug-log` lowers the level to debug, and each of
`zap-log-level`, `zap-encoder` and `zap-stacktrace-level` has the last word on its own matter.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from secrets_manager.settings import LogSettings

DEVELOPMENT = LogSettings(
    level=logging.DEBUG, encoder="console", development=True, stacktrace_level=logging.WARNING
)

FIELDS = {"zap-log-level": "level", "zap-encoder": "encoder", "zap-stacktrace-level": "stacktrace_level"}


def log_settings(said: Mapping[str, Any]) -> LogSettings:
    """Settle the log settings from what was said; options that nobody mentioned are absent."""
    settings = DEVELOPMENT if said.get("zap-devel") else LogSettings()
    if said.get("enable-debug-log"):
        settings = replace(settings, level=logging.DEBUG)
    explicit = {field: said[name] for name, field in FIELDS.items() if name in said}
    return replace(settings, **explicit)
