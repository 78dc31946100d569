"""The rules for the objects of a vault: which object a path names. Pure.

This module must not know how an object is read.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple

from secrets_manager.backends.base import Source
from secrets_manager.domain.errors import InvalidPath, InvalidVersion

# https://learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates#object-identifiers
_NAME = re.compile(r"[0-9A-Za-z-]{1,127}", re.ASCII)
_VERSION = re.compile(r"[0-9A-Za-z]{1,64}", re.ASCII)


class ObjectKind(StrEnum):
    """The kind of an object, as in the vault's own URLs."""

    SECRET = "secrets"  # noqa: S105 - a word of the API
    CERTIFICATE = "certificates"
    KEY = "keys"


class Item(NamedTuple):
    """One object of the vault; ``version`` is "" for the newest."""

    kind: ObjectKind
    name: str
    version: str


def locate(path: str, version: str = "") -> Source:
    """The source that ``path`` of a definition names, in a version; "" is the one in the path, or the newest.

    ``name``, ``name/version``, and the same after ``secrets/``, ``certificates/`` or ``keys/``;
    ``secrets/name`` is the same source as ``name``, and so is ``NAME``, since a vault ignores the case of
    names. Raises InvalidPath for anything else, and InvalidVersion for a version that differs from that in
    the path or is none.
    """
    named = _locate(path)
    if not version or version == named.version:
        return named
    if named.version:
        raise InvalidVersion(path, version, "the path names another version; leave one of them out")
    if not _VERSION.fullmatch(version):
        raise InvalidVersion(path, version, "a version is letters and digits")
    return named._replace(version=version)


def _locate(path: str) -> Source:
    parts = path.removeprefix("/").split("/")
    kind = ObjectKind.SECRET
    if len(parts) > 1 and parts[0] in set(ObjectKind):
        kind, parts = ObjectKind(parts[0]), parts[1:]
    if not 1 <= len(parts) <= 2:
        raise InvalidPath(
            f"path {path!r} must be NAME, NAME/VERSION, secrets/NAME, certificates/NAME or keys/NAME"
        )
    name, version = parts[0], parts[1] if len(parts) == 2 else ""
    _check(path, name, version if len(parts) == 2 else None)
    name = name.lower()
    return Source(name if kind is ObjectKind.SECRET else f"{kind.value}/{name}", version)


def version_in(text: str | None) -> str:
    """``text`` if it looks like a version, otherwise "": versions are shown in the status."""
    return text if text is not None and _VERSION.fullmatch(text) else ""


def item_of(source: Source) -> Item:
    """The object behind a source that ``locate`` made."""
    kind, _, name = source.path.rpartition("/")
    return Item(ObjectKind(kind) if kind else ObjectKind.SECRET, name, source.version)


def _check(path: str, name: str, version: str | None) -> None:
    if not _NAME.fullmatch(name):
        raise InvalidPath(
            f"path {path!r}: the name of a secret or certificate is 1 to 127 letters, digits and dashes"
        )
    if version is not None and not _VERSION.fullmatch(version):
        raise InvalidPath(f"path {path!r}: the version after the name is letters and digits")
