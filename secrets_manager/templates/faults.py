"""What is wrong inside a template, in words of ours, before it has the key of a Secret."""

from __future__ import annotations

# What was asked for and is undefined.
NOT_THERE = "uses a name or key that is not there, or null"


class Fault(Exception):
    """The text cannot be a template: ``line`` counts from 1, ``kind`` is a phrase without any value."""

    def __init__(self, line: int, kind: str) -> None:
        super().__init__(kind)
        self.line = line
        self.kind = kind


class Refused(Exception):
    """Rendering ended: ``kind`` is a phrase without any value.

    ``name`` is the filter, function or name it happened at, or "": its lines can be looked up in the text.
    ``line`` is 0 where only ``name`` is known. ``undefined`` says that something was not there, ``exhausted``
    that it would take more than it may.
    """

    undefined = False
    exhausted = False

    def __init__(self, kind: str, name: str = "", *, line: int = 0) -> None:
        super().__init__(kind)
        self.kind = kind
        self.name = name
        self.line = line
