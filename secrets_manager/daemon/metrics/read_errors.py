"""Counts keys that could not be read, by path, as long as a definition exists that has the fault.

Paths and keys come from definitions, so their number and length are the authors' to choose: the series are
bounded in number and bytes, as a whole and for each namespace, and go with the definitions that brought them.
When there is no room left, a namespace that has less takes it from the one that has most; series that are
left out are counted. The bounds hold for all backends together. This module must not know any of them.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Protocol

from secrets_manager.daemon.metrics.parts import label_value
from secrets_manager.domain.definition import Ref

# Keep a scrape small.
MAX_SERIES = 10_000
MAX_BYTES = 8 * 1024 * 1024
MAX_BYTES_OF_NAMESPACE = 1024 * 1024
# The metric's name, the names of its labels, the name of the backend, a value.
_BYTES_BESIDE_VALUES = 330

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


def _nothing() -> None:
    pass


# One series: its counter and its labels.
Series = tuple[LabelledCounter, Labels]


class ReadErrors:
    """Counters whose series belong to definitions; safe from many threads.

    ``left_out`` is called for each failure that no series shows, and for each series that has to go.
    """

    def __init__(self, limit: int = MAX_SERIES, left_out: Callable[[], None] = _nothing) -> None:
        self._limit = limit
        self._left_out = left_out
        self._lock = threading.Lock()
        self._sufferers: dict[Series, set[Ref]] = {}
        self._of: dict[Ref, set[Series]] = {}
        # Each series is charged to one namespace that uses it; the newest come last.
        self._payer: dict[Series, str] = {}
        self._charged: dict[str, dict[Series, int]] = {}
        self._bytes: dict[str, int] = {}
        self._total = 0

    def add(self, counter: LabelledCounter, definition: Ref, labels: Labels) -> None:
        """Count one failure on the counter; beyond the limits new series are left out."""
        series = counter, tuple(map(label_value, labels))
        with self._lock:
            if series not in self._sufferers and not self._admit(definition.namespace, series):
                self._left_out()
                return
            self._sufferers.setdefault(series, set()).add(definition)
            self._of.setdefault(definition, set()).add(series)
            counter.labels(*series[1]).inc()

    def forget(self, definition: Ref) -> None:
        """A definition is gone, and with it the series that no other definition uses."""
        with self._lock:
            for series in self._of.pop(definition, ()):
                sufferers = self._sufferers[series]
                sufferers.discard(definition)
                if not sufferers:
                    self._remove(series)
                elif all(other.namespace != self._payer[series] for other in sufferers):
                    weight = self._discharge(series)
                    self._charge(next(iter(sufferers)).namespace, series, weight)

    def _admit(self, namespace: str, series: Series) -> bool:
        weight = _weight(series[1])
        own = self._bytes.get(namespace, 0)
        if own + weight > MAX_BYTES_OF_NAMESPACE:
            return False
        while len(self._payer) >= self._limit or self._total + weight > MAX_BYTES:
            most = max(self._bytes, key=self._bytes.__getitem__)
            if self._bytes[most] <= own + weight:
                return False
            self._remove(next(reversed(self._charged[most])))
            self._left_out()
        self._charge(namespace, series, weight)
        return True

    def _remove(self, series: Series) -> None:
        self._discharge(series)
        for sufferer in self._sufferers.pop(series):
            # A definition that is being forgotten is not there any more.
            self._of.get(sufferer, set()).discard(series)
        counter, labels = series
        with contextlib.suppress(KeyError):
            counter.remove(*labels)

    def _charge(self, namespace: str, series: Series, weight: int) -> None:
        self._payer[series] = namespace
        self._charged.setdefault(namespace, {})[series] = weight
        self._bytes[namespace] = self._bytes.get(namespace, 0) + weight
        self._total += weight

    def _discharge(self, series: Series) -> int:
        namespace = self._payer.pop(series)
        weight = self._charged[namespace].pop(series)
        self._bytes[namespace] -= weight
        self._total -= weight
        if not self._charged[namespace]:
            del self._charged[namespace], self._bytes[namespace]
        return weight


def _weight(labels: Labels) -> int:
    """The bytes that a series takes in a scrape, at most."""
    escaped = sum(value.count("\\") + value.count('"') for value in labels)
    return _BYTES_BESIDE_VALUES + escaped + sum(len(value.encode()) for value in labels)
