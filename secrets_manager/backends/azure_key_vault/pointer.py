"""JSON pointers in the fragment form of RFC 6901, section 6: ``#/a/b``. Pure."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

PREFIX = "#/"
_INDEX = re.compile(r"0|[1-9][0-9]{0,8}", re.ASCII)
_BAD_ESCAPE = re.compile(r"~(?![01])")
_MISSING = object()


class NotThere(LookupError):
    """Nothing is at the pointer, or it is no pointer; the text says nothing of the document."""


def is_pointer(key: str) -> bool:
    """Whether ``key`` is meant as a pointer."""
    return key.startswith(PREFIX)


def resolve(document: Any, key: str) -> Any:
    """The member of ``document`` that ``key`` points at; raises NotThere."""
    found = document
    for token in unquote(key.removeprefix(PREFIX)).split("/"):
        if _BAD_ESCAPE.search(token):
            raise NotThere
        found = _member(found, token.replace("~1", "/").replace("~0", "~"))
        if found is _MISSING:
            raise NotThere
    return found


def _member(value: Any, token: str) -> Any:
    if isinstance(value, dict):
        return value.get(token, _MISSING)
    if isinstance(value, list) and _INDEX.fullmatch(token) and int(token) < len(value):
        return value[int(token)]
    return _MISSING
