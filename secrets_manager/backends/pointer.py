"""JSON pointers in the fragment form of RFC 6901, section 6: ``#/a/b``. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote

PREFIX = "#/"
_INDEX = re.compile(r"0|[1-9][0-9]{0,8}", re.ASCII)
_BAD_ESCAPE = re.compile(r"~(?![01])")
_MISSING = object()


class NotThere(LookupError):
    """The pointer leads to nothing, or is not valid; the message quotes no part of the document."""


def is_pointer(key: str) -> bool:
    """Whether ``key`` is meant as a pointer."""
    return key.startswith(PREFIX)


def tokens_of(key: str) -> tuple[str, ...]:
    """The names and numbers that lead to the value, of which there is at least one; raises NotThere."""
    tokens = unquote(key.removeprefix(PREFIX)).split("/")
    if any(map(_BAD_ESCAPE.search, tokens)):
        raise NotThere
    return tuple(token.replace("~1", "/").replace("~0", "~") for token in tokens)


def resolve(document: Any, tokens: Iterable[str]) -> Any:
    """The part of ``document`` to which ``tokens`` lead; raises NotThere."""
    found = document
    for token in tokens:
        found = _member(found, token)
        if found is _MISSING:
            raise NotThere
    return found


def _member(value: Any, token: str) -> Any:
    if isinstance(value, dict):
        return value.get(token, _MISSING)
    if isinstance(value, list) and _INDEX.fullmatch(token) and int(token) < len(value):
        return value[int(token)]
    return _MISSING
