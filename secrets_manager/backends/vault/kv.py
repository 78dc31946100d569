"""The rules of the key-value engines, versions 1 and 2: paths and replies. Pure.

This module must not know how a path is read or with which token.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, ClassVar
from urllib.parse import quote

from secrets_manager.backends.base import Exact, Reading, Source
from secrets_manager.backends.vault.own_paths import refuse_own
from secrets_manager.backends.vault.percent import unfold
from secrets_manager.domain.errors import (
    DynamicSecretUnsupported,
    EngineMismatch,
    InvalidPath,
    InvalidVersion,
    SourceDeleted,
    SourceDestroyed,
    SourceError,
    SourceNotFound,
)
from secrets_manager.runtime.json_view import JsonMap, Parsed
from secrets_manager.settings import Engine

DEFAULT_KEY = "data"
# Where the values stand in a reply.
_KV1_PLACE, _KV2_PLACE = ("data",), ("data", "data")
_UNSUPPORTED = "unsupported operation"
_RELATIVE = "relative paths not supported"

# Control characters, and halves of surrogate pairs, which have no bytes.
_UNSENDABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
# More than any real path needs.
_LONGEST_PATH = 4096
# Namespaces and the mount lie within this many segments: deeper segments are folders.
_DEEPEST = 8
# RFC 3339 in UTC, as Go writes it: without the zeros at the end of the fraction.
_CREATED = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z", re.ASCII)
# A version of a path; Vault takes 0 for the newest.
_NUMBER = re.compile(r"[1-9][0-9]{0,9}", re.ASCII)
_SEPARATORS = re.compile(rb"[/\\]")
_DOTS = {b".", b".."}


@dataclass(frozen=True, slots=True)
class KvReading(Reading):
    """A reading in which the key "" is short for ``data``, as in the original."""

    default_key: ClassVar[str] = DEFAULT_KEY


def locate(path: str, engine: Engine = "kv2", version: str = "") -> Source:
    """The source that ``path`` of a definition names: the full API path, one leading slash or none.

    ``version`` is a number from 1, or "" for the newest; InvalidVersion is raised for any other, and for each
    with version 1 of the engine.

    Raises InvalidPath for a path that is empty or very long, has an empty, ``.`` or ``..`` segment (plain, or
    behind percent signs that a proxy may decode once too often) or a control character, or leads to the
    daemon's own token or calls.
    """
    plain = path.removeprefix("/").removesuffix("/")
    if not plain:
        raise InvalidPath("the path is empty")
    if len(plain) > _LONGEST_PATH:
        raise InvalidPath(f"the path is longer than {_LONGEST_PATH} characters")
    if _UNSENDABLE.search(plain):
        raise InvalidPath("the path holds a control character")
    bare = unfold(plain)
    # One slash at the end may stand behind a percent sign: it parts nothing.
    if "" in plain.split("/") or b"" in bare.removesuffix(b"/").split(b"/"):
        raise InvalidPath(f"path {plain!r} has an empty segment ('//')")
    if not _DOTS.isdisjoint(_SEPARATORS.split(bare)):
        raise InvalidPath(f"path {plain!r} has a '.' or '..' segment")
    refuse_own(plain, engine)
    if version:
        _check_version(plain, version, engine)
    return Source(plain, version)


def _check_version(path: str, version: str, engine: Engine) -> None:
    if engine == "kv1":
        raise InvalidVersion(path, version, "version 1 of the engine keeps only the newest values")
    if not _NUMBER.fullmatch(version):
        raise InvalidVersion(path, version, "it must be a whole number from 1, such as 3")


def domains(source: Source) -> tuple[str, ...]:
    """The paths above that of ``source``, the shortest first, and no more than the first few.

    A path does not show where a Vault namespace ends and a mount begins, and both may have several segments.
    So each prefix of it may be one.
    """
    *above, _ = source.path.split("/", _DEEPEST)
    return tuple(accumulate(above, "{}/{}".format))


def url_path(source: Source) -> str:
    """The path of the request: names are taken as written, so ``?``, ``#`` and ``%`` are part of them."""
    path = "/v1/" + quote(source.path, safe="/")
    return f"{path}?version={quote(source.version, safe='')}" if source.version else path


def kv_reading(engine: Engine, source: Source, reply: Mapping[str, Any]) -> KvReading:
    """The content of a reply with status 200; raises a SourceError when it is not a secret of ``engine``.

    For a reply that is a view it also raises Malformed and TooManyParts.
    """
    if reply.get("lease_id"):
        raise DynamicSecretUnsupported(source.path)
    if reply.get("auth") or reply.get("wrap_info"):
        # A token, or a wrapping token: it was made for the daemon and is not a stored secret.
        raise EngineMismatch(source.path, engine)
    data = reply.get("data")
    if not isinstance(data, Mapping):
        raise EngineMismatch(source.path, engine)
    body = reply.body if isinstance(reply, Parsed) else None
    found = _unversioned_reading(source, data, body) if engine == "kv1" else _versioned(source, data, body)
    if isinstance(found.values, JsonMap):
        # Find faults here, and not only when a key is picked.
        found.values.only(())
    return found


def absence(engine: Engine, source: Source, reply: Mapping[str, Any] | None) -> SourceError:
    """Why a reply with status 404 has no data: never stored, deleted, destroyed, or another engine."""
    if reply is None or "errors" in reply:
        # An engine that lacks the path gives no error; one that is not mounted, or failed to start, does.
        doubtful = reply is None or reply["errors"] != []
        return SourceNotFound(source.path, version=source.version, doubtful=doubtful)
    metadata = _metadata(reply)
    if metadata is None:
        unlike = reply.get("warnings")
        return _unversioned(engine, source) if unlike else SourceNotFound(source.path, doubtful=True)
    version = _version(metadata)
    if source.version not in ("", version):
        return _other_version(source)
    if metadata.get("destroyed") is True:
        return SourceDestroyed(source.path, version)
    return SourceDeleted(source.path, version)


def unprintable(source: Source) -> SourceError | None:
    """Why Vault refuses a path with 400 and an empty body: it holds a character that is not printable."""
    letter = next((letter for letter in source.path if not letter.isprintable()), None)
    if letter is None:
        return None
    return SourceNotFound(
        source.path, f"Vault does not accept U+{ord(letter):04X}, which is not printable, in a path"
    )


def refused_dots(source: Source, reply: Mapping[str, Any] | None) -> SourceError | None:
    """Why Vault refuses a path with 400 that has two dots in a row, also within a name such as ``a..b``.

    Version 1 keeps its paths as they are, and Vault's storage takes no such path; OpenBao's does.
    """
    if ".." not in source.path or not _says(reply, _RELATIVE):
        return None
    hint = "Vault keeps no path with two dots in a row in KV version 1"
    return SourceNotFound(source.path, hint, doubtful=True)


def gone_version(reply: Mapping[str, Any] | None) -> str:
    """The version that is deleted or destroyed according to a 404, "0" if the reply does not name it.

    "" when the whole path is gone.
    """
    metadata = _metadata(reply) if reply is not None and "errors" not in reply else None
    return "" if metadata is None else _version(metadata) or "0"


def is_no_read(reply: Mapping[str, Any] | None) -> bool:
    """Whether a 405 says that this path cannot be read, so that it is not a KV path."""
    return _says(reply, _UNSUPPORTED)


def _says(reply: Mapping[str, Any] | None, words: str) -> bool:
    errors = reply.get("errors") if reply is not None else None
    return isinstance(errors, list) and any(words in str(error) for error in errors)


def _unversioned(engine: Engine, source: Source) -> SourceError:
    """The error for a 404 with warnings: a read of a KV2 mount with a path that is not below data/."""
    if engine == "kv1":
        return EngineMismatch(source.path, engine)
    return SourceNotFound(source.path, "for KV version 2 the path needs data/ after the mount")


def _unversioned_reading(source: Source, data: Mapping[str, Any], body: bytes | None) -> KvReading:
    return KvReading(source, "", data, "", Exact(body, _KV1_PLACE) if body is not None else None)


def _other_version(source: Source) -> SourceError:
    """The error for a reply about another version than the one that was asked for."""
    return EngineMismatch(source.path, f"version {source.version}")


def _versioned(source: Source, data: Mapping[str, Any], body: bytes | None) -> KvReading:
    values, metadata = data.get("data"), data.get("metadata")
    if not isinstance(values, Mapping) or not isinstance(metadata, Mapping):
        raise EngineMismatch(source.path, "kv2")
    if metadata.get("destroyed") is True:
        # Nobody can have its values: what came with it is not they.
        raise SourceDestroyed(source.path, _version(metadata))
    if source.version not in ("", _version(metadata)):
        raise _other_version(source)
    exact = Exact(body, _KV2_PLACE) if body is not None else None
    return KvReading(source, _version(metadata), values, "", exact)


def made_at(reply: Mapping[str, Any]) -> str:
    """When the version in a reply was made, as a text that sorts by time; "" if the reply does not say."""
    metadata = _metadata(reply)
    created = metadata.get("created_time") if metadata is not None else None
    found = _CREATED.fullmatch(created) if isinstance(created, str) else None
    return f"{found[1]}.{found[2] or '':0<9}" if found else ""


def _metadata(reply: Mapping[str, Any]) -> Mapping[str, Any] | None:
    data = reply.get("data")
    metadata = data.get("metadata") if isinstance(data, Mapping) else None
    return metadata if isinstance(metadata, Mapping) else None


def _version(metadata: Mapping[str, Any]) -> str:
    # The status shows it to everyone who may read that, so only a valid version is taken.
    version = metadata.get("version")
    return str(version) if type(version) is int and version > 0 else ""
