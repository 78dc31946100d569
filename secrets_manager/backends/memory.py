"""A backend that lives in memory: the official fake for tests of everything above the backends.

It keeps the contract of `secrets_manager.backends.base` as a real backend does, passes the contract suite,
counts its reads, and can be made to fail and to hang. It must not know any real backend, and does no I/O.
"""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from secrets_manager.backends.base import Reading, Source
from secrets_manager.backends.plugin import Plugin
from secrets_manager.domain.errors import (
    BackendFault,
    BackendTimeout,
    InvalidPath,
    InvalidVersion,
    NoAnswerYet,
    Reach,
    SecretsManagerError,
    SourceDeleted,
    SourceDestroyed,
    SourceNotFound,
)
from secrets_manager.runtime.terms import Terms

_NUMBER = re.compile(r"[1-9][0-9]{0,9}", re.ASCII)
_SILENT = "the backend did not answer in time"


@dataclass(slots=True)
class _Entry:
    version: str
    values: Mapping[str, object] = field(repr=False)
    gone: type[SourceDeleted | SourceDestroyed] | None = None


class MemoryBackend:
    """Holds paths with versions 1, 2, 3…; every method may be called from any thread."""

    name = "memory"

    def __init__(self) -> None:
        self._changed = threading.Condition()
        # The versions of each path, the newest last.
        self._entries: dict[str, list[_Entry]] = {}
        self._faults: dict[str | None, SecretsManagerError] = {}
        # Paths that hang; None means all.
        self._hanging: set[str | None] = set()
        self._reads: Counter[str] = Counter()
        self._logged_in = False
        # Tests count it up to make a new login.
        self.logins = 1
        self.maintained = 0
        self.closed = False

    # ── the contract ─────────────────────────────────────────────────────────────────────────────────

    def locate(self, path: str, version: str = "") -> Source:
        """The source that ``path`` names; a leading slash is dropped."""
        plain = path.removeprefix("/")
        if any(ord(letter) < 32 for letter in plain):
            raise InvalidPath("path holds a control character")
        if any(segment in {"", ".", ".."} for segment in plain.split("/")):
            raise InvalidPath(f"path {path!r} has an empty, '.' or '..' segment")
        if version and not _NUMBER.fullmatch(version):
            raise InvalidVersion(path, version, "it must be a whole number from 1, such as 3")
        return Source(plain, version)

    def domains(self, source: Source) -> tuple[str, ...]:
        """The first segment of the path, where there are several."""
        mount, slash, _ = source.path.partition("/")
        return (mount,) if slash else ()

    def read(self, source: Source, terms: Terms) -> Reading:
        """The version that ``source`` names, or the newest, unless the test makes it fail or hang."""
        with self._changed:
            self._reads[source.path] += 1
            self._changed.notify_all()
            self._wait_while_hanging(source.path, terms)
            self._raise_fault(source.path)
            self._logged_in = True
            return self._found(source)

    def maintain(self) -> None:
        """Log in, unless the test makes it fail."""
        with self._changed:
            self.maintained += 1
            self._raise_fault(None)
            self._logged_in = True

    def login_number(self) -> int:
        """The number of the login, which is one for ever unless the test says otherwise."""
        return self.logins

    def ready(self) -> bool:
        """Whether a read or ``maintain`` has reached the backend."""
        return self._logged_in

    def close(self) -> None:
        """Remember that it was closed."""
        self.closed = True

    # ── for tests ────────────────────────────────────────────────────────────────────────────────────

    def put(self, path: str, values: Mapping[str, object]) -> str:
        """Store ``values`` as the next version of ``path`` and return that version."""
        with self._changed:
            entries = self._entries.setdefault(path, [])
            entry = _Entry(str(len(entries) + 1), dict(values))
            entries.append(entry)
            return entry.version

    def soft_delete(self, path: str, version: str = "") -> None:
        """Mark a version, or the newest, as deleted: reads of it raise SourceDeleted."""
        with self._changed:
            self._entry(path, version).gone = SourceDeleted

    def destroy(self, path: str, version: str = "") -> None:
        """Destroy a version, or the newest: reads of it raise SourceDestroyed."""
        with self._changed:
            self._entry(path, version).gone = SourceDestroyed

    def undelete(self, path: str, version: str = "") -> None:
        """Undo ``soft_delete``."""
        with self._changed:
            self._entry(path, version).gone = None

    def delete(self, path: str) -> None:
        """Forget ``path`` with all its versions: SourceNotFound."""
        with self._changed:
            self._entries.pop(path, None)

    def fail_with(self, error: SecretsManagerError, *, path: str | None = None) -> None:
        """Raise ``error`` from every later read of ``path``, or from all reads and ``maintain``.

        A fault of all reads has reach ``ALL``.
        """
        if path is None and isinstance(error, BackendFault):
            error.reach = Reach.ALL
        with self._changed:
            self._faults[path] = error

    def recover(self) -> None:
        """Undo every ``fail_with`` and ``hang``."""
        with self._changed:
            self._faults.clear()
            self._hanging.clear()
            self._changed.notify_all()

    def hang(self, *, path: str | None = None) -> None:
        """Let reads of ``path``, or all, wait until ``recover``, each until its deadline."""
        with self._changed:
            self._hanging.add(path)

    def reads(self, path: str | None = None) -> int:
        """How many reads of ``path``, or of all paths, have begun."""
        with self._changed:
            return self._reads.total() if path is None else self._reads[path]

    def wait_for_reads(self, count: int, *, path: str | None = None, timeout: float = 5.0) -> None:
        """Return once ``count`` reads have begun; raises TimeoutError after ``timeout`` seconds."""
        ends_at = time.monotonic() + timeout
        with self._changed:
            while self.reads(path) < count:
                if not self._changed.wait(max(0.0, ends_at - time.monotonic())):
                    raise TimeoutError(f"{self.reads(path)} reads have begun, not {count}")

    # ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _wait_while_hanging(self, path: str, terms: Terms) -> None:
        until, began = terms.deadline.sooner(terms.first_try), time.monotonic()
        if not self._changed.wait_for(lambda: self._hanging.isdisjoint((path, None)), until.left()):
            raise BackendTimeout(_SILENT) if until is terms.deadline else NoAnswerYet(_SILENT)
        terms.answered(time.monotonic() - began)

    def _raise_fault(self, path: str | None) -> None:
        fault = self._faults.get(path) or self._faults.get(None)
        if fault is not None:
            raise fault

    def _entry(self, path: str, version: str) -> _Entry:
        entries = self._entries.get(path, [])
        found = [entry for entry in entries if entry.version == version] if version else entries
        if not found:
            raise SourceNotFound(path, version=version)
        return found[-1]

    def _found(self, source: Source) -> Reading:
        entry = self._entry(source.path, source.version)
        if entry.gone is not None:
            raise entry.gone(source.path, entry.version)
        return Reading(source, entry.version, entry.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class MemorySettings:
    """There are no settings."""


PLUGIN = Plugin(
    kind="memory", contract=1, settings=MemorySettings, build=lambda _settings, _provided: MemoryBackend()
)
