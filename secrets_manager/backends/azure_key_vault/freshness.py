"""What was last read of each source, and which of them a list of the vault's secrets shows to have changed.

The vault dates changes in whole seconds, so two of them can carry one date. A reading that began in the
second of the last change, by the vault's own clock, may have missed a later change of the same second: it is
not settled, and the source is read once more. Pure but for what it remembers.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum

from secrets_manager.backends.azure_key_vault.objects import item_of
from secrets_manager.backends.azure_key_vault.readings import Validity
from secrets_manager.backends.base import Source

# The clocks of the vault's servers agree to within this.
_MARGIN = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Properties:
    """What the vault tells of a secret without its value; times are Unix times in whole seconds."""

    enabled: bool
    updated: float | None
    validity: Validity


class Absence(Enum):
    """Why there was nothing to read."""

    GONE = "gone"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What a reading found: the properties, or why there are none.

    ``settled`` is false for a reading that may have missed a change. ``caution`` is the sentence that went
    with it.
    """

    found: Properties | Absence
    settled: bool = True
    caution: str = ""


def is_settled(updated: float | None, *, began_at: float | None) -> bool:
    """Whether a reading begun at ``began_at``, by the vault's clock, saw the last change of its second."""
    return updated is not None and began_at is not None and began_at >= updated + 1.0 + _MARGIN


class Freshness:
    """Remembers the last sight of each source; safe from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sights: dict[Source, Sight] = {}

    def saw(self, source: Source, sight: Sight) -> None:
        """A read of ``source`` ended with ``sight``."""
        with self._lock:
            self._sights[source] = sight

    def forget(self, source: Source) -> None:
        """A read of ``source`` ended with something that a list does not show: read it each time."""
        with self._lock:
            self._sights.pop(source, None)

    def keep_only(self, sources: Collection[Source]) -> set[Source]:
        """Let go of all others, and return them."""
        with self._lock:
            unused = self._sights.keys() - set(sources)
            for source in unused:
                del self._sights[source]
            return unused

    def stale(
        self, sources: Collection[Source], listed: Mapping[str, Properties], now: float
    ) -> frozenset[Source]:
        """Those that have to be read again; ``listed`` is by name in lower case, ``now`` is Unix time."""
        with self._lock:
            sights = {source: self._sights.get(source) for source in sources}
        return frozenset(source for source, sight in sights.items() if _differs(source, sight, listed, now))


def _differs(source: Source, sight: Sight | None, listed: Mapping[str, Properties], now: float) -> bool:
    item = item_of(source)
    if sight is None or item.version or not sight.settled:
        # A list shows the newest version only, and no keys: of these there is no sight.
        return True
    shown = listed.get(item.name.lower())
    if isinstance(sight.found, Absence):
        return shown is not None if sight.found is Absence.GONE else shown is None or shown.enabled
    if shown != sight.found:
        return True
    return sight.found.validity.caution(item.name, now) != sight.caution
