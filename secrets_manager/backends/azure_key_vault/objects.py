"""The rules of a vault's objects: which path names what. Pure.

It must not know how an object is read.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple

from secrets_manager.backends.base import Source
from secrets_manager.domain.errors import InvalidPath

# https://learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates#object-identifiers
_NAME = re.compile(r"[0-9A-Za-z-]{1,127}", re.ASCII)
_VERSION = re.compile(r"[0-9A-Za-z]{1,64}", re.ASCII)


class Kind(StrEnum):
    """What an object is, in the words of the vault's own addresses."""

    SECRET = "secrets"  # noqa: S105 - a word of the API
    CERTIFICATE = "certificates"
    KEY = "keys"


class Item(NamedTuple):
    """One object of the vault; ``version`` is "" for the newest."""

    kind: Kind
    name: str
    version: str


def locate(path: str) -> Source:
    """The source that ``path`` of a definition names.

    ``name``, ``name/version``, and the same after ``secrets/``, ``certificates/`` or ``keys/``;
    ``secrets/name`` is the same source as ``name``. Raises InvalidPath for anything else.
    """
    parts = path.removeprefix("/").split("/")
    kind = Kind.SECRET
    if len(parts) > 1 and parts[0] in set(Kind):
        kind, parts = Kind(parts[0]), parts[1:]
    if not 1 <= len(parts) <= 2:
        raise InvalidPath(
            f"path {path!r} must be NAME, NAME/VERSION, secrets/NAME, certificates/NAME or keys/NAME"
        )
    name, version = parts[0], parts[1] if len(parts) == 2 else ""
    _check(path, name, version if len(parts) == 2 else None)
    return Source(name if kind is Kind.SECRET else f"{kind.value}/{name}", version)


def version_in(text: str | None) -> str:
    """``text`` when it is what a version looks like, else "": everybody may read versions in a status."""
    return text if text is not None and _VERSION.fullmatch(text) else ""


def item_of(source: Source) -> Item:
    """The object behind a source that ``locate`` made."""
    kind, _, name = source.path.rpartition("/")
    return Item(Kind(kind) if kind else Kind.SECRET, name, source.version)


def _check(path: str, name: str, version: str | None) -> None:
    if not _NAME.fullmatch(name):
        raise InvalidPath(
            f"path {path!r}: the name of a secret or certificate is 1 to 127 letters, digits and dashes"
        )
    if version is not None and not _VERSION.fullmatch(version):
        raise InvalidPath(f"path {path!r}: the version after the name is letters and digits")
