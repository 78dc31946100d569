"""The rules of the key-value engines, versions 1 and 2: paths and replies. Pure.

It must not know how a path is read or with which token.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

from secrets_manager.backends.base import Reading, Source
from secrets_manager.domain.errors import (
    DynamicSecretUnsupported,
    EngineMismatch,
    InvalidPath,
    SourceDeleted,
    SourceDestroyed,
    SourceError,
    SourceNotFound,
)
from secrets_manager.settings import Engine

DEFAULT_KEY = "data"

# Control characters, and halves of surrogate pairs, which have no bytes.
_UNSENDABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
# Longer than any name. To unfold percent signs within percent signs takes time by the square of the length.
_LONGEST_PATH = 4096
_SEPARATORS = re.compile(r"[/\\]")
_DOTS = {".", ".."}
# What Vault tells about our own token must not end in somebody's Secret.
_OWN_TOKEN = "auth/token/"  # noqa: S105 - a path


@dataclass(frozen=True, slots=True)
class KvReading(Reading):
    """A reading in which the key "" is a short form of ``data``, as the original has it."""

    def pick(self, key: str) -> str:
        """The text under ``key``; raises KeyNotFound or NotAString."""
        # Not super(): a slotted dataclass is made anew, and the plain form would name the class before.
        return Reading.pick(self, key or DEFAULT_KEY)


def locate(path: str) -> Source:
    """The source that ``path`` of a definition names: the full API path, one leading slash or none.

    Raises InvalidPath for a path that is empty or very long, empty, ``.`` or ``..`` segments (plain, or
    hidden by percent signs from all but a proxy that decodes once too often), control characters, and the
    token's own paths.
    """
    plain = path.removeprefix("/").removesuffix("/")
    if not plain:
        raise InvalidPath("the path is empty")
    if len(plain) > _LONGEST_PATH:
        raise InvalidPath(f"the path is longer than {_LONGEST_PATH} characters")
    if _UNSENDABLE.search(plain):
        raise InvalidPath("the path holds a control character")
    if "" in plain.split("/"):
        raise InvalidPath(f"path {plain!r} has an empty segment ('//')")
    if not _DOTS.isdisjoint(_SEPARATORS.split(_decoded(plain))):
        raise InvalidPath(f"path {plain!r} has a '.' or '..' segment")
    if plain.startswith(_OWN_TOKEN):
        raise InvalidPath(f"path {plain!r} is about the daemon's own token")
    return Source(plain)


def url_path(source: Source) -> str:
    """The path of the request: each name as written, so ``?``, ``#`` and ``%`` are part of it."""
    path = "/v1/" + quote(source.path, safe="/")
    return f"{path}?version={quote(source.version, safe='')}" if source.version else path


def reading(engine: Engine, source: Source, reply: Mapping[str, Any]) -> KvReading:
    """The content of a reply with status 200; raises a SourceError when it is not a secret of ``engine``."""
    if reply.get("lease_id"):
        raise DynamicSecretUnsupported(source.path)
    data = reply.get("data")
    if not isinstance(data, dict):
        raise EngineMismatch(source.path, engine)
    return KvReading(source, "", data) if engine == "kv1" else _versioned(source, data)


def absence(engine: Engine, source: Source, reply: Mapping[str, Any] | None) -> SourceError:
    """Why a reply with status 404 holds nothing: never stored, deleted, destroyed, or another engine."""
    if reply is None or "errors" in reply:
        return SourceNotFound(source.path)
    data = reply.get("data")
    metadata = data.get("metadata") if isinstance(data, dict) else None
    if not isinstance(metadata, dict):
        # A 404 with warnings instead of errors: a KV2 mount read at a path that is not below data/.
        return EngineMismatch(source.path, engine) if reply.get("warnings") else SourceNotFound(source.path)
    version = _version(metadata)
    if metadata.get("destroyed") is True:
        return SourceDestroyed(source.path, version)
    return SourceDeleted(source.path, version)


def _versioned(source: Source, data: Mapping[str, Any]) -> KvReading:
    values, metadata = data.get("data"), data.get("metadata")
    if not isinstance(values, dict) or not isinstance(metadata, dict):
        raise EngineMismatch(source.path, "kv2")
    return KvReading(source, _version(metadata), values)


def _version(metadata: Mapping[str, Any]) -> str:
    # Everybody may read it in the status, so nothing but what a version is.
    version = metadata.get("version")
    return str(version) if isinstance(version, int) else ""


def _decoded(path: str) -> str:
    while (once := unquote(path)) != path:
        path = once
    return path
