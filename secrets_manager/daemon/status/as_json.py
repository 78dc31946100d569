"""The JSON of the status page: what `secrets-manager status -o json` prints, made piece by piece.

Ten thousand definitions are megabytes of text, and as mappings they would be tens of megabytes more.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from functools import partial

from secrets_manager.overview.data import as_data, definition_data
from secrets_manager.overview.model import DefinitionLine, Overview

MOST_BYTES = 16 * 1024 * 1024
_text: Callable[[object], str] = partial(json.dumps, separators=(",", ":"))


class TooLong(Exception):
    """It has more bytes than an answer may have."""


def overview_json(around: Overview, lines: Iterable[DefinitionLine], most: int = MOST_BYTES) -> bytes:
    """The overview with these definitions; raises TooLong beyond ``most`` bytes."""
    body = bytearray(b"{")
    for name, value in as_data(around).items():
        body += b"" if len(body) == 1 else b","
        body += f"{_text(name)}:".encode()
        if name == "definitions":
            _write_lines(body, lines, most)
        else:
            body += _text(value).encode()
    body += b"}\n"
    return bytes(body)


def _write_lines(body: bytearray, lines: Iterable[DefinitionLine], most: int) -> None:
    comma = b"["
    for line in lines:
        body += comma + _text(definition_data(line)).encode()
        comma = b","
        if len(body) > most:
            raise TooLong
    body += b"[]" if comma == b"[" else b"]"
