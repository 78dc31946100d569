"""A backend that reads a folder of files, as a sample of a plug-in.

A path names a file below the folder, which holds a JSON object, or a folder of files, each of which is a key
and holds its text. No symbolic link below the folder is followed, so that nothing outside of it can be read.
A file that is written during a read is read again.
"""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

from secrets_manager.backends.base import Backend, BackendTelemetry, Exact, Reading, Source
from secrets_manager.backends.kit.blocking import Blocking
from secrets_manager.backends.kit.timed import Timed
from secrets_manager.backends.plugin import Plugin, Provided
from secrets_manager.domain.errors import (
    BackendUnavailable,
    EngineMismatch,
    InvalidPath,
    PermissionDenied,
    SecretsManagerError,
    SourceNotFound,
)
from secrets_manager.runtime.terms import Terms
from secrets_manager.settings import checks
from secrets_manager.settings.option import Contradiction, option

LARGEST = 4 * 1024 * 1024
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# O_NONBLOCK opens a pipe at once, so that it can be recognised and refused.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_TRIES = 3
_NOT_THERE = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG}


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderSettings:
    """Each field is an option, a key of the settings file and an environment name."""

    root: str = option("", checks.plain, help="Folder that holds the files.")


class Found(NamedTuple):
    """The content of a path. The repr hides the values, which a NamedTuple would show."""

    version: str
    values: dict[str, object]
    body: bytes | None = None

    def __repr__(self) -> str:
        return f"Found(version={self.version!r})"


class Changed(Exception):
    """A file was written while it was read."""


class FolderBackend:
    """See `secrets_manager.backends.base.Backend`."""

    name = "folder"

    def __init__(
        self,
        settings: FolderSettings,
        *,
        connections: int,
        telemetry: BackendTelemetry,
        find: Callable[[str, str], Found] | None = None,
    ) -> None:
        """``find`` replaces the file system in tests."""
        self._root = settings.root
        self._telemetry = telemetry
        self._find = find or find_at
        # A network share may hang, and a thread that waits for it cannot be interrupted.
        self._blocking = Blocking(connections, "folder")
        self._was_there = False

    def locate(self, path: str) -> Source:
        """The source that ``path`` names; a path that leads out of the folder is refused."""
        plain = path.removeprefix("/")
        if any(ord(letter) < 32 or 0xD800 <= ord(letter) < 0xE000 for letter in plain):
            raise InvalidPath("path holds a control character, or half of one")
        if any(segment in {"", ".", ".."} for segment in plain.split("/")):
            raise InvalidPath(f"path {path!r} has an empty, '.' or '..' segment")
        return Source(plain)

    def domains(self, source: Source) -> tuple[str, ...]:  # noqa: ARG002 - the contract's
        """A folder fails as a whole."""
        return ()

    def read(self, source: Source, terms: Terms) -> Reading:
        """All keys of ``source``."""
        with Timed(self._telemetry, self.name, "read"):
            found = self._blocking.call(lambda: self._find(self._root, source.path), terms)
            self._was_there = True
            exact = Exact(found.body) if found.body is not None else None
            return Reading(source, found.version, found.values, exact=exact)

    def maintain(self) -> None:
        """There is no session; check that the folder exists."""
        os.close(_open_root(self._root))
        self._was_there = True

    def ready(self) -> bool:
        """Whether the folder was ever found."""
        return self._was_there

    def close(self) -> None:
        """Nothing is kept open."""


def find_at(root: str, path: str) -> Found:
    """The file or the folder at ``path`` below ``root``; raises what `Backend.read` may."""
    *folders, last = path.split("/")
    here = _open_root(root)
    try:
        for name in folders:
            below = os.open(name, _FOLDER, dir_fd=here)
            os.close(here)
            here = below
        for _ in range(_TRIES):
            with suppress(Changed):
                return _found(here, last, path)
        raise BackendUnavailable("a file is written each time that it is read")
    except OSError as error:
        raise _error_for(error, path) from None
    finally:
        os.close(here)


def _open_root(root: str) -> int:
    try:
        return os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        # A constant text: a report about an outage is compared with the one before.
        raise BackendUnavailable(f"the folder cannot be opened: {error.strerror}") from None


def _found(here: int, name: str, path: str) -> Found:
    opened = os.open(name, _FILE, dir_fd=here)
    try:
        about = os.fstat(opened)
        if stat.S_ISDIR(about.st_mode):
            return _folder(opened, path)
        content = _content(opened, path)
        return Found(version_of(about), _object(content, path), content)
    finally:
        os.close(opened)


def _folder(opened: int, path: str) -> Found:
    """A file a key. Every file that is written, added or removed makes the newest time newer."""
    values: dict[str, object] = {}
    before = os.fstat(opened)
    newest = before
    for name in sorted(os.listdir(opened)):
        about = os.stat(name, dir_fd=opened, follow_symlinks=False)
        if not stat.S_ISREG(about.st_mode) or name.startswith("."):
            continue
        file = os.open(name, _FILE, dir_fd=opened)
        try:
            values[name] = _text(_content(file, path), path)
        finally:
            os.close(file)
        newest = max(newest, about, key=lambda one: one.st_mtime_ns)
    if version_of(os.fstat(opened)) != version_of(before):
        raise Changed
    return Found(version_of(newest), values)


def version_of(about: os.stat_result) -> str:
    """A version that changes when the file is written or replaced, and reveals nothing of its content."""
    return f"{about.st_ino:x}-{about.st_mtime_ns:x}"


def _content(opened: int, path: str) -> bytes:
    about = os.fstat(opened)
    if not stat.S_ISREG(about.st_mode) or about.st_size > LARGEST:
        raise EngineMismatch(path, "folder")
    content = b""
    while len(content) <= LARGEST and (more := os.read(opened, LARGEST)):
        content += more
    if version_of(os.fstat(opened)) != version_of(about):
        raise Changed
    return content


def _object(content: bytes, path: str) -> dict[str, object]:
    try:
        values = json.loads(content)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise EngineMismatch(path, "folder")
    return values


def _text(content: bytes, path: str) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise EngineMismatch(path, "folder") from None


def _error_for(error: OSError, path: str) -> SecretsManagerError:
    if error.errno in _NOT_THERE:
        return SourceNotFound(path)
    if error.errno in {errno.EACCES, errno.EPERM}:
        return PermissionDenied(path)
    return BackendUnavailable(f"a file cannot be read: {error.strerror}")


def contradictions(settings: FolderSettings) -> Iterator[Contradiction]:
    """The folder must be named: there is no default."""
    if not settings.root:
        text = "missing: backend folder needs {table}.root"
        yield Contradiction(names=("root",), text=text, exit_code=1)


def build(settings: FolderSettings, provided: Provided) -> Backend:
    """The backend."""
    return FolderBackend(settings, connections=provided.connections, telemetry=provided.telemetry)


PLUGIN = Plugin(
    kind="folder", contract=1, settings=FolderSettings, build=build, contradictions=contradictions
)
