"""Counts keys that could not be read, by path, for as long as a definition that has the trouble exists.

Paths and keys come from definitions, so their number is the authors' to choose: the series are bounded, and
go with the definitions that brought them. It must not know which backend it counts for.
"""

from __future__ import annotations

import contextlib
import threading
from typing import Protocol

from secrets_manager.domain.definition import Ref

# Keeps a scrape small.
MAX_SERIES = 10_000

Labels = tuple[str, ...]


class Child(Protocol):
    """One series."""

    def inc(self) -> None:
        """Count one more."""


class LabelledCounter(Protocol):
    """A counter with labels, as prometheus_client's."""

    def labels(self, *values: str) -> Child:
        """The series of these label values, made when it is new."""

    def remove(self, *values: str) -> None:
        """Remove that series; raises KeyError when there is none."""


class ReadErrors:
    """One counter whose series belong to definitions; safe from many threads."""

    def __init__(self, counter: LabelledCounter, limit: int = MAX_SERIES) -> None:
        self._counter = counter
        self._limit = limit
        self._lock = threading.Lock()
        self._sufferers: dict[Labels, set[Ref]] = {}
        self._of: dict[Ref, set[Labels]] = {}

    def failed(self, definition: Ref, labels: Labels) -> None:
        """Count one failure; beyond the limit new series are left out."""
        with self._lock:
            if labels not in self._sufferers and len(self._sufferers) >= self._limit:
                return
            self._sufferers.setdefault(labels, set()).add(definition)
            self._of.setdefault(definition, set()).add(labels)
            self._counter.labels(*labels).inc()

    def forgotten(self, definition: Ref) -> None:
        """A definition is gone, and with it the series that no other has a part in."""
        with self._lock:
            for labels in self._of.pop(definition, ()):
                sufferers = self._sufferers[labels]
                sufferers.discard(definition)
                if not sufferers:
                    del self._sufferers[labels]
                    with contextlib.suppress(KeyError):
                        self._counter.remove(*labels)
