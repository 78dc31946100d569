"""How one log record becomes one line: JSON for machines, or text for people, both free of credentials.

The fields are those of the original's logger (zap): `level`, `ts`, `logger`, `msg`, then whatever the call
gave as `extra`, then `error` and `stacktrace` of an exception. Pure: a record in, a text out; where lines
go is unknown here.

Python keeps some names of a record to itself, `name` among them: `extra={"name": ...}` raises. A key that
ends in an underscore is shown without it, so `extra={"name_": "app"}` becomes `"name":"app"`.
"""

from __future__ import annotations

import json
import logging
import math
import traceback
from datetime import UTC, datetime
from typing import Any

from secrets_manager.daemon.redaction import redacted

LONGEST_VALUE = 4096
OWN_ATTRIBUTES = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

Scalar = str | int | float | bool | None


def level_name(level: int) -> str:
    """The name of a level as zap writes it."""
    if level < logging.INFO:
        return "debug"
    if level < logging.WARNING:
        return "info"
    return "warn" if level < logging.ERROR else "error"


def shown(text: str) -> str:
    """A text as it may be shown: redacted, and cut where it is too long for a log."""
    clean = redacted(text)
    return clean if len(clean) <= LONGEST_VALUE else f"{clean[:LONGEST_VALUE]}..."


def scalar(value: object) -> Scalar:
    """A value as a JSON scalar; what is none is shown as its text."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    try:
        return shown(str(value))
    except Exception:  # noqa: BLE001 - a log line must come out, whatever an object's __str__ does
        return f"<{type(value).__name__}>"


def message_of(record: logging.LogRecord) -> str:
    """The message; a library's faulty arguments cost the arguments, not the line."""
    try:
        return shown(record.getMessage())
    except Exception:  # noqa: BLE001 - as in scalar
        return shown(str(record.msg))


def extras_of(record: logging.LogRecord) -> dict[str, Scalar]:
    """The keys and values that the call gave as `extra`."""
    given = {key: value for key, value in vars(record).items() if key not in OWN_ATTRIBUTES}
    return {key.removesuffix("_") or key: scalar(value) for key, value in given.items()}


def exception_of(record: logging.LogRecord, stacktrace_level: int) -> dict[str, Scalar]:
    """The exception that the record tells of; its stack trace, without any variables, from that level on."""
    if not record.exc_info or record.exc_info[1] is None:
        return {}
    error = record.exc_info[1]
    told: dict[str, Scalar] = {"error": scalar(f"{type(error).__name__}: {scalar(error)}")}
    if record.levelno >= stacktrace_level:
        told["stacktrace"] = redacted("".join(traceback.format_exception(error)).rstrip())
    return told


class JsonFormatter(logging.Formatter):
    """One JSON object per line."""

    def __init__(self, *, stacktrace_level: int) -> None:
        super().__init__()
        self.stacktrace_level = stacktrace_level

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line of JSON."""
        fields: dict[str, Scalar] = {
            "level": level_name(record.levelno),
            "ts": record.created,
            "logger": record.name,
            "msg": message_of(record),
        }
        later = extras_of(record) | exception_of(record, self.stacktrace_level)
        return dumped({**later, **fields} if later.keys() & fields.keys() else {**fields, **later})


class ConsoleFormatter(logging.Formatter):
    """Time, level, logger, message and a JSON object of the rest, between tabs; a stack trace below."""

    def __init__(self, *, stacktrace_level: int) -> None:
        super().__init__()
        self.stacktrace_level = stacktrace_level

    def format(self, record: logging.LogRecord) -> str:
        """The record as text for people."""
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        later = extras_of(record) | exception_of(record, self.stacktrace_level)
        stacktrace = later.pop("stacktrace", None)
        message = dumped(message_of(record))[1:-1]
        columns = [time.replace("+00:00", "Z"), level_name(record.levelno).upper(), record.name, message]
        line = "\t".join(columns + ([dumped(later)] if later else []))
        return line if stacktrace is None else f"{line}\n{stacktrace}"


def dumped(value: Any) -> str:
    """Compact JSON with letters as they are."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
