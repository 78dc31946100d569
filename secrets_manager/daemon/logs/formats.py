"""Formats one log record as one line: JSON for machines, or text for people, both free of credentials.

The fields are those of the original's logger (zap): `level`, `ts`, `logger`, `msg`, then the `extra` of the
call, then `error` and `stacktrace` of an exception. Pure: a record in, a text out; this module
must not know where lines go.

Python keeps some names of a record to itself, `name` among them: `extra={"name": ...}` raises. A key that
ends in an underscore is shown without it, so `extra={"name_": "app"}` becomes `"name":"app"`.
"""

from __future__ import annotations

import json
import logging
import math
import os
import re
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from secrets_manager.daemon.logs.redaction import redact
from secrets_manager.domain.errors import SecretsManagerError
from secrets_manager.domain.wording import INVISIBLE, printable

LONGEST_VALUE = 4096
LONGEST_TRACE = 32 * 1024
# Characters that JSON leaves as they are and that a terminal obeys or does not show.
UNSEEN = re.compile(f"[\x7f-\x9f{INVISIBLE}]")
# The exceptions that led to one another in a trace; a loop among them has no end.
LONGEST_CHAIN = 10
OWN_ATTRIBUTES = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

Scalar = str | int | float | bool | None


def level_name(level: int) -> str:
    """The name of a level as zap writes it."""
    if level < logging.INFO:
        return "debug"
    if level < logging.WARNING:
        return "info"
    return "warn" if level < logging.ERROR else "error"


def show(text: str) -> str:
    """A text as it may be shown: redacted, and cut where it is too long for a log."""
    # Cut first, since a text may be huge; masked before the second cut, which could part a token.
    clean = redact(text[: 4 * LONGEST_VALUE])
    return clean if len(clean) <= LONGEST_VALUE else f"{clean[:LONGEST_VALUE]}..."


def scalar(value: object) -> Scalar:
    """A value as a JSON scalar; other objects are shown as their text."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    try:
        return show(str(value))
    except Exception:  # noqa: BLE001 - a log line must come out, whatever an object's __str__ does
        return f"<{type(value).__name__}>"


def record_message(record: logging.LogRecord) -> str:
    """The message; a library's faulty arguments cost the arguments, not the line."""
    try:
        return show(record.getMessage())
    except Exception:  # noqa: BLE001 - as in scalar
        return show(str(record.msg))


def extra_fields(record: logging.LogRecord) -> dict[str, Scalar]:
    """The keys and values that the call gave as `extra`."""
    given = {key: value for key, value in vars(record).items() if key not in OWN_ATTRIBUTES}
    return {key.removesuffix("_") or key: scalar(value) for key, value in given.items()}


def exception_fields(record: logging.LogRecord, stacktrace_level: int) -> dict[str, Scalar]:
    """The exception of the record; its stack trace, without any variables, from that level on."""
    if not record.exc_info or record.exc_info[1] is None:
        return {}
    error = record.exc_info[1]
    fields: dict[str, Scalar] = {"error": error_text(error)}
    if record.levelno >= stacktrace_level:
        fields["stacktrace"] = stack_trace(error)
    return fields


def error_text(error: BaseException) -> str:
    """The type of an error, and its text where that is known to hold no value: not that of a library."""
    name = type(error).__name__
    if isinstance(error, SecretsManagerError):
        return f"{name}: {scalar(error)}"
    if isinstance(error, OSError) and isinstance(error.errno, int):
        return f"{name}: {os.strerror(error.errno)}"
    return name


def stack_trace(error: BaseException) -> str:
    """The stack traces of an error and of those that led to it, with the text of each on one line.

    So no text can pass for a line of the log. There are no variables in it.
    """
    traces = [
        f"Traceback (most recent call last):\n{redact(''.join(traceback.format_tb(each.__traceback__)))}"
        f"{printable(error_text(each))}"
        for each in reversed(list(islice(_led_to(error), LONGEST_CHAIN)))
    ]
    trace = "\n\n".join(traces)
    return trace if len(trace) <= LONGEST_TRACE else f"{trace[:LONGEST_TRACE]}..."


def _led_to(error: BaseException) -> Iterator[BaseException]:
    """The error, and what led to it, as Python shows it."""
    last: BaseException | None = error
    while last is not None:
        yield last
        last = last.__cause__ or (None if last.__suppress_context__ else last.__context__)


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
            "msg": record_message(record),
        }
        later = extra_fields(record) | exception_fields(record, self.stacktrace_level)
        return to_json({**later, **fields} if later.keys() & fields.keys() else {**fields, **later})


class ConsoleFormatter(logging.Formatter):
    """Time, level, logger, message and a JSON object of the rest, between tabs; a stack trace below."""

    def __init__(self, *, stacktrace_level: int) -> None:
        super().__init__()
        self.stacktrace_level = stacktrace_level

    def format(self, record: logging.LogRecord) -> str:
        """The record as text for people."""
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        later = extra_fields(record) | exception_fields(record, self.stacktrace_level)
        stacktrace = later.pop("stacktrace", None)
        message = to_json(record_message(record))[1:-1]
        columns = [time.replace("+00:00", "Z"), level_name(record.levelno).upper(), record.name, message]
        line = "\t".join(columns + ([to_json(later)] if later else []))
        return line if stacktrace is None else f"{line}\n{stacktrace}"


def to_json(value: Any) -> str:
    """Compact JSON with letters as they are and invisible characters escaped."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return UNSEEN.sub(lambda found: json.dumps(found[0])[1:-1], text)
