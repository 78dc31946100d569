"""A backend that lives in memory: the official fake for tests of everything above the backends.

It keeps the contract of `secrets_manager.backends.base` as a real backend does, contract suite included, and
can be told to fail, to hang and to count. It must not know of any real backend, and does no I/O.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from secrets_manager.backends.base import Reading, Source
from secrets_manager.domain.errors import (
    BackendTimeout,
    InvalidPath,
    NoAnswerYet,
    SecretsManagerError,
    SourceDeleted,
    SourceDestroyed,
    SourceNotFound,
)
from secrets_manager.runtime.hurry import Hurry, current_hurry

_SILENT = "the backend did not answer in time"


@dataclass(slots=True)
class _Entry:
    version: int
    values: Mapping[str, object] = field(repr=False)
    gone: type[SourceDeleted | SourceDestroyed] | None = None


class MemoryBackend:
    """Holds paths with versions 1, 2, 3…; every method may be called from any thread."""

    name = "memory"

    def __init__(self, *, timeout: float = 5.0) -> None:
        """Make it empty; ``timeout`` is how many seconds a hanging read lasts before BackendTimeout."""
        self._timeout = timeout
        self._changed = threading.Condition()
        self._entries: dict[str, _Entry] = {}
        self._faults: dict[str | None, SecretsManagerError] = {}
        # Paths that hang; None stands for all.
        self._hanging: set[str | None] = set()
        self._reads: Counter[str] = Counter()
        self._logged_in = False
        self.maintained = 0
        self.closed = False

    # ── the contract ─────────────────────────────────────────────────────────────────────────────────

    def locate(self, path: str) -> Source:
        """The source that ``path`` names; a leading slash is dropped."""
        plain = path.removeprefix("/")
        if any(ord(letter) < 32 for letter in plain):
            raise InvalidPath("path holds a control character")
        if any(segment in {"", ".", ".."} for segment in plain.split("/")):
            raise InvalidPath(f"path {path!r} has an empty, '.' or '..' segment")
        return Source(plain)

    def read(self, source: Source) -> Reading:
        """The newest version at ``source``, unless told to fail or to hang."""
        with self._changed:
            self._reads[source.path] += 1
            self._changed.notify_all()
            self._wait_while_hanging(source.path)
            self._raise_fault(source.path)
            self._logged_in = True
            return self._newest(source)

    def maintain(self) -> None:
        """Log in, unless told to fail."""
        with self._changed:
            self.maintained += 1
            self._raise_fault(None)
            self._logged_in = True

    def ready(self) -> bool:
        """Whether a read or ``maintain`` has reached the backend."""
        return self._logged_in

    def close(self) -> None:
        """Remember that it was closed."""
        self.closed = True

    # ── what a test does to it ───────────────────────────────────────────────────────────────────────

    def put(self, path: str, values: Mapping[str, object]) -> str:
        """Store ``values`` as the next version of ``path`` and return that version."""
        with self._changed:
            before = self._entries.get(path)
            entry = _Entry(before.version + 1 if before else 1, dict(values))
            self._entries[path] = entry
            return str(entry.version)

    def soft_delete(self, path: str) -> None:
        """Mark the newest version as deleted: SourceDeleted until the next ``put``."""
        with self._changed:
            self._entries[path].gone = SourceDeleted

    def destroy(self, path: str) -> None:
        """Destroy the newest version: SourceDestroyed until the next ``put``."""
        with self._changed:
            self._entries[path].gone = SourceDestroyed

    def delete(self, path: str) -> None:
        """Forget ``path`` with all its versions: SourceNotFound."""
        with self._changed:
            self._entries.pop(path, None)

    def fail_with(self, error: SecretsManagerError, *, path: str | None = None) -> None:
        """Raise ``error`` from every later read of ``path``, or from all reads and ``maintain``."""
        with self._changed:
            self._faults[path] = error

    def recover(self) -> None:
        """Undo every ``fail_with`` and ``hang``."""
        with self._changed:
            self._faults.clear()
            self._hanging.clear()
            self._changed.notify_all()

    def hang(self, *, path: str | None = None) -> None:
        """Let reads of ``path``, or all, wait until ``recover``, each at most for the timeout."""
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

    def _wait_while_hanging(self, path: str) -> None:
        hurry = current_hurry() or Hurry()
        seconds, began = min(self._timeout, hurry.seconds), time.monotonic()
        if not self._changed.wait_for(lambda: self._hanging.isdisjoint((path, None)), seconds):
            raise BackendTimeout(_SILENT) if seconds == self._timeout else NoAnswerYet(_SILENT)
        hurry.took = time.monotonic() - began

    def _raise_fault(self, path: str | None) -> None:
        fault = self._faults.get(path) or self._faults.get(None)
        if fault is not None:
            raise fault

    def _newest(self, source: Source) -> Reading:
        entry = self._entries.get(source.path)
        if entry is None:
            raise SourceNotFound(source.path)
        if entry.gone is not None:
            raise entry.gone(source.path, str(entry.version))
        return Reading(source, str(entry.version), entry.values)
