"""What cannot be turned into a template of ours, and where it stands."""

from __future__ import annotations


class NotTranslatable(ValueError):
    """``line`` and ``column`` count from 1, columns in letters; both are of the Go template.

    ``what`` is a word of the template, such as the name of a function; ``reason`` is a phrase about it.
    """

    def __init__(self, line: int, column: int, what: str, reason: str) -> None:
        super().__init__(f"line {line}, column {column}: {what} {reason}")
        self.line = line
        self.column = column
        self.what = what
        self.reason = reason


class Refused(Exception):
    """The same before its line is looked up: ``at`` is an offset in the text."""

    def __init__(self, at: int, what: str, reason: str) -> None:
        super().__init__(reason)
        self.at = at
        self.what = what
        self.reason = reason


def placed(refused: Refused, source: str) -> NotTranslatable:
    """The error for the caller."""
    before = source[: refused.at]
    line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
    return NotTranslatable(line, column, refused.what, refused.reason)


def shown(word: str) -> str:
    """A word of the template for a message: on one line, and not long."""
    return "`" + "".join(letter if letter.isprintable() else " " for letter in word[:40]) + "`"
