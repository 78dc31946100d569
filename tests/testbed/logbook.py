"""The sum of the daemon's log after a run: how often each message came, errors and leaks. Pure.

Errors are faults of the program itself; leaks are planted secrets.
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(eq=False, slots=True, kw_only=True)
class Logbook:
    """The sum of a log.

    Attributes:
        messages: how often each (level, message) came.
        errors: lines that no fault of a server explains, the first few of them.
        leaks: how many lines show a planted text.

    """

    messages: Counter[tuple[str, str]] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)
    leaks: int = 0


_MOST_ERRORS = 20


def read(lines: Iterable[str], planted: Iterable[str]) -> Logbook:
    """Read a whole log; `planted` texts are looked for as they are and in base64."""
    book = Logbook()
    forms = [form for text in planted for form in _forms(text)]
    for line in lines:
        book.leaks += any(form in line for form in forms)
        level, message, unexpected = _judge(line)
        book.messages[level, message] += 1
        if unexpected and len(book.errors) < _MOST_ERRORS:
            book.errors.append("a line with something secret" if book.leaks else line.strip()[:400])
    return book


def _judge(line: str) -> tuple[str, str, bool]:
    """Level, message, and whether it should not be there."""
    try:
        entry = json.loads(line)
    except ValueError:
        return "none", "not a line of the log", True
    message = str(entry.get("msg"))
    unexpected = (
        message.startswith("uncaught")
        or entry.get("reason") == "InternalError"
        or "InternalError" in str(entry.get("error", ""))
        or "stacktrace" in entry
    )
    return str(entry.get("level")), message, unexpected


def _forms(text: str) -> tuple[str, str]:
    return text, base64.b64encode(text.encode()).decode().rstrip("=")
