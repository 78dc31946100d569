"""Placeholders in the texts of an object. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from secrets_manager.domain.decoding import Encoding, decode
from secrets_manager.migrate.fields import leaves
from secrets_manager.migrate.originals import Json, dig

__all__ = [
    "IGNORE",
    "KV_VERSION",
    "PATH",
    "PREFIX",
    "REMOVE_MISSING",
    "VERSION",
    "Path",
    "Placeholder",
    "are_in",
    "decoded",
    "is_true",
    "leaves_with",
    "of_text",
]

Path = tuple[str | int, ...]
PREFIX = "avp.kubernetes.io/"
PATH = f"{PREFIX}path"
VERSION = f"{PREFIX}secret-version"
KV_VERSION = f"{PREFIX}kv-version"
IGNORE = f"{PREFIX}ignore"
REMOVE_MISSING = f"{PREFIX}remove-missing"

# Longer ones are no paths of a definition; without a bound, a text of many beginnings would take very long.
_PART = r"[^#]{1,1024}?"
_WITH_PATH = re.compile(rf"(<path:[^#<]{{1,1024}}#{_PART}(?:#{_PART})?>)")
# What has no end on its line is found too, so that it is gone through once; it is none.
_ANY = re.compile(r"(<[^>\n]*>)|<[^>\n]*")
_INLINE = re.compile(r"path:(?P<path>[^#]+)#(?P<key>[^#]+)(?:#(?P<version>.+))?", re.DOTALL)
# What kubectl keeps of the object is not looked at: a file has none of it.
_LAST_APPLIED = ("metadata", "annotations", "kubectl.kubernetes.io/last-applied-configuration")
_TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Placeholder:
    """What stands in for a value: ``path`` is "" where the annotation of the object names it.

    ``modifiers`` are what changes the value, in their order, as they are written.
    """

    path: str
    key: str
    version: str = ""
    modifiers: tuple[str, ...] = ()


def is_true(text: object) -> bool:
    """Whether an annotation says yes, as Go reads it."""
    return text in _TRUE


def are_in(body: Json) -> bool:
    """Whether an object has any placeholder, and does not ask to be left alone."""
    if is_true(dig(body, "metadata", "annotations", IGNORE)):
        return False
    return next(leaves_with(body), None) is not None


def leaves_with(body: Json) -> Iterator[Path]:
    """Where each text is that has placeholders."""
    names_path = _names_path(body)
    is_secret = body.get("kind") == "Secret"
    for path, value in leaves(body, ()):
        if not isinstance(value, str) or path == _LAST_APPLIED:
            continue
        text = decoded(value) if is_secret and path[0] in {"data", "stringData"} else None
        if any(isinstance(part, Placeholder) for part in of_text(text or value, names_path=names_path)):
            yield path


def decoded(text: str) -> str | None:
    """The text with placeholders that the base64 stands for; None where it stands for none."""
    try:
        found = decode(text, Encoding.BASE64).decode()
    except ValueError:
        return None
    return found if any(each[1] for each in _ANY.finditer(found)) else None


def of_text(text: str, *, names_path: bool) -> list[str | Placeholder]:
    """The parts of a text in their order, none of them empty; ``names_path`` is whether the object does."""
    if "<" not in text:
        return [text] if text else []
    parts: list[str | Placeholder] = []
    end = 0
    for found in (_ANY if names_path else _WITH_PATH).finditer(text):
        if not found[1]:
            continue
        if found.start() > end:
            parts.append(text[end : found.start()])
        parts.append(_placeholder(found[1].strip("<>")))
        end = found.end()
    if end < len(text):
        parts.append(text[end:])
    return parts


def _placeholder(inner: str) -> Placeholder:
    name, *modifiers = inner.split("|")
    name = name.strip(" ")
    steps = tuple(each.strip() for each in modifiers)
    if (found := _INLINE.search(name)) is None:
        return Placeholder(path="", key=name, modifiers=steps)
    return Placeholder(
        path=found["path"], key=found["key"].strip(), version=found["version"] or "", modifiers=steps
    )


def _names_path(body: Any) -> bool:
    return isinstance(dig(body, "metadata", "annotations", PATH), str)
