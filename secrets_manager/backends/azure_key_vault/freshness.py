"""The last reading of each source, and which sources have changed according to a list of the vault's secrets.

The vault dates changes in whole seconds, so two changes can have one date. A reading that began in the second
of the last change, by the vault's own clock, may have missed a later change of the same second: it is not
settled, and the source is read once more. Pure except for its state.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum

from secrets_manager.backends.azure_key_vault.objects import item_of
from secrets_manager.backends.azure_key_vault.readings import Validity
from secrets_manager.backends.base import Source

# The clocks of the vault's servers differ by at most this.
_MARGIN = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Properties:
    """The properties of a secret without its value; times are Unix times in whole seconds."""

    enabled: bool
    updated: float | None
    validity: Validity


class Absence(Enum):
    """Why there was nothing to read."""

    GONE = "gone"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True, kw_only=True)
class LastRead:
    """The result of a reading: the properties, or why there are none.

    ``settled`` is false for a reading that may have missed a change. ``caution`` is the caution of the
    reading.
    """

    found: Properties | Absence
    settled: bool = True
    caution: str = ""


def is_settled(updated: float | None, *, began_at: float | None) -> bool:
    """Whether a reading begun at ``began_at``, by the vault's clock, saw the last change of its second."""
    return updated is not None and began_at is not None and began_at >= updated + 1.0 + _MARGIN


class Freshness:
    """Remembers the last read of each source; safe from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last_reads: dict[Source, LastRead] = {}

    def record(self, source: Source, last_read: LastRead) -> None:
        """A read of ``source`` ended with ``last_read``."""
        with self._lock:
            self._last_reads[source] = last_read

    def forget(self, source: Source) -> None:
        """A list cannot show the result of the last read of ``source``: read it each time."""
        with self._lock:
            self._last_reads.pop(source, None)

    def keep_only(self, sources: Collection[Source]) -> set[Source]:
        """Forget all other sources, and return them."""
        with self._lock:
            unused = self._last_reads.keys() - set(sources)
            for source in unused:
                del self._last_reads[source]
            return unused

    def stale(
        self, sources: Collection[Source], listed: Mapping[str, Properties], now: float
    ) -> frozenset[Source]:
        """The sources to read again; ``listed`` is by name in lower case, ``now`` is Unix time."""
        with self._lock:
            reads = {source: self._last_reads.get(source) for source in sources}
        return frozenset(
            source for source, last_read in reads.items() if _differs(source, last_read, listed, now)
        )


def _differs(
    source: Source, last_read: LastRead | None, listed: Mapping[str, Properties], now: float
) -> bool:
    item = item_of(source)
    if last_read is None or item.version or not last_read.settled:
        # A list shows only the newest versions, and no keys: other sources have no last read.
        return True
    shown = listed.get(item.name.lower())
    if isinstance(last_read.found, Absence):
        return shown is not None if last_read.found is Absence.GONE else shown is None or shown.enabled
    if shown != last_read.found:
        return True
    return last_read.found.validity.caution(item.name, now) != last_read.caution
