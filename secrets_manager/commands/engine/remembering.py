"""A backend whose readings are kept for the length of a command: a path is asked for once."""

from __future__ import annotations

import threading
from collections.abc import Collection
from dataclasses import dataclass, field

from secrets_manager.backends.base import Backend, Neighbours, Reading, Source
from secrets_manager.commands.engine.locating import located
from secrets_manager.domain.errors import SourceError
from secrets_manager.runtime.terms import Terms

# Of readings that are kept; beyond it paths are read each time.
_MOST_BYTES = 64 * 1024 * 1024


@dataclass(eq=False)
class Remembering:
    """A Backend in front of another. Safe from many threads; faults of the backend are not kept."""

    behind: Backend
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _known: dict[Source, Reading | SourceError] = field(default_factory=dict, repr=False)
    _weight: int = 0

    @property
    def name(self) -> str:
        """The kind of the other."""
        return self.behind.name

    def locate(self, path: str, version: str = "") -> Source:
        """The source that a path names."""
        return located(self.behind, path, version)

    def domains(self, source: Source) -> tuple[str, ...]:
        """The parts that a source lies in."""
        return self.behind.domains(source)

    def read(self, source: Source, terms: Terms) -> Reading:
        """The reading from before, or a new one."""
        known = self._known.get(source)
        if isinstance(known, SourceError):
            raise known
        if known is not None:
            return known
        try:
            reading = self.behind.read(source, terms)
        except SourceError as error:
            self._keep(source, error.bare(), 0)
            raise
        self._keep(source, reading, reading.weight())
        return reading

    def neighbours(self, source: Source, terms: Terms) -> Collection[str]:
        """Paths near one that is not there, of a backend that can name them."""
        return self.behind.neighbours(source, terms) if isinstance(self.behind, Neighbours) else ()

    def maintain(self) -> None:
        """Keep the session alive."""
        self.behind.maintain()

    def ready(self) -> bool:
        """Whether a login worked."""
        return self.behind.ready()

    def close(self) -> None:
        """Let go of everything."""
        self._known.clear()
        self.behind.close()

    def _keep(self, source: Source, found: Reading | SourceError, weight: int) -> None:
        with self._lock:
            if self._weight + weight <= _MOST_BYTES:
                self._weight += weight
                self._known[source] = found
