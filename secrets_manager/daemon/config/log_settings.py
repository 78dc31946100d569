"""The options about logs, and how they combine, as controller-runtime's zap options do.

Pure: from the given values, by option name, to what is logged and how. From the weakest to the
strongest: `zap-devel` chooses a set of defaults, `enable-debug-log` lowers the level to debug, and each of
`zap-log-level`, `zap-encoder` and `zap-stacktrace-level` has the last word on its own matter.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from secrets_manager.settings import LogSettings
from secrets_manager.settings.kinds import ENCODER, LEVEL, STACKTRACE_LEVEL, SWITCH
from secrets_manager.settings.option import Option

LOG_OPTIONS = (
    Option(name="enable-debug-log", kind=SWITCH, help="Log at debug level, unless zap-log-level is given."),
    Option(
        name="zap-devel",
        kind=SWITCH,
        help="Logs for development: console, debug level, stack traces from warnings on.",
    ),
    Option(name="zap-encoder", kind=ENCODER, help="Form of log lines: json or console."),
    Option(
        name="zap-log-level",
        kind=LEVEL,
        help="Lowest level that is logged: debug, info, error, or a number above 0 for more detail.",
    ),
    Option(
        name="zap-stacktrace-level",
        kind=STACKTRACE_LEVEL,
        help="Lowest level whose lines carry a stack trace: info, warn, error or panic.",
    ),
)

DEVELOPMENT = LogSettings(
    level=logging.DEBUG, encoder="console", development=True, stacktrace_level=logging.WARNING
)

FIELDS = {"zap-log-level": "level", "zap-encoder": "encoder", "zap-stacktrace-level": "stacktrace_level"}


def log_settings(said: Mapping[str, Any]) -> LogSettings:
    """The log settings from the given values; options that were not given are absent."""
    settings = DEVELOPMENT if said.get("zap-devel") else LogSettings()
    if said.get("enable-debug-log"):
        settings = replace(settings, level=logging.DEBUG)
    explicit = {field: said[name] for name, field in FIELDS.items() if name in said}
    return replace(settings, **explicit)
