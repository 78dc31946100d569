"""Templates of nothing but text and bare fields such as ``{{ user }}`` or ``{{ db.password | text }}``; pure.

They are nine of ten, and are put together here: 30 times as fast as by MiniJinja, which need not be loaded
for them. A field that is no text is left to MiniJinja, so the result is always the same as by MiniJinja.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from secrets_manager.templates import vocabulary
from secrets_manager.templates.faults import Refused

_TAG = re.compile(r"\{[{%#]")
_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_BLANK = r"[ \t\r\n\f]*"
# The filter `text` leaves a text as it is.
_FIELD = re.compile(rf"\{{\{{{_BLANK}({_NAME}(?:\.{_NAME})*){_BLANK}(?:\|{_BLANK}text{_BLANK})?\}}\}}")
_DEEPEST = 32

TOO_LONG = "is too long"

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PlainTemplate:
    """A text with ``%s`` for each field, and the fields as the names on the way to them."""

    pattern: str = field(repr=False)
    fields: tuple[Path, ...]

    def render(self, values: Mapping[str, object], most: int = 2**20) -> bytes | None:
        """What it says with ``values``, or None when a field is not there or no text.

        Raises Refused before it makes something of more than ``most`` letters.
        """
        found = [text for path in self.fields if isinstance(text := _found(path, values), str)]
        if len(found) < len(self.fields):
            return None
        if sum(map(len, found)) > most:
            raise Refused(TOO_LONG)
        try:
            return (self.pattern % tuple(found)).encode()
        except UnicodeEncodeError:
            return None


def plain_template(text: str) -> PlainTemplate | None:
    """``text`` as it is filled in, or None when it is more than text and bare fields."""
    fields: list[Path] = []
    pattern, at = "", 0
    while tag := _TAG.search(text, at):
        found = _FIELD.match(text, tag.start())
        if found is None:
            return None
        path = _path(found[1])
        if path[0] in vocabulary.RESERVED or len(path) > _DEEPEST:
            return None
        pattern += text[at : tag.start()].replace("%", "%%") + "%s"
        fields.append(path)
        at = found.end()
    return PlainTemplate(pattern + text[at:].replace("%", "%%"), tuple(fields))


@lru_cache(maxsize=4096)
def _path(dotted: str) -> Path:
    """The names of a field, kept once for all templates that have it."""
    return tuple(map(sys.intern, dotted.split(".")))


def _found(path: Path, values: Mapping[str, object]) -> object:
    found: object = values
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found
