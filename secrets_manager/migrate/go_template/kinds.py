"""What kinds of values Go's templates have, as far as they can be told before a template is rendered."""

from __future__ import annotations

from enum import Enum


class Kind(Enum):
    """The value of each is how a message calls it."""

    TEXT = "a text"
    BYTES = "bytes"
    WHOLE = "a whole number"
    NUMBER = "a number with a fraction"
    TRUTH = "a bool"
    NOTHING = "nil"
    LIST = "a list"
    MAP = "a map"
    # What sprig's split gives: a map of _0, _1 and so on.
    PARTS = "what split gives"
    # The dot where the values are in a field of it.
    ROOT = "the dot itself"
    # A text or a whole number, which are printed alike.
    DIGITS = "a text or a number"
    # A value of a condition.
    MIXED = "a value of one of several kinds"
    # Out of JSON, or out of a backend: it is seen when the template is rendered.
    ANY = "a value out of JSON"
