"""The last reading of each source, and which sources have changed according to what was seen since.

A version of a secret never changes, so a source is fresh while its stage is at the version that was read.
Pure except for its memory.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from enum import Enum

from secrets_manager.backends.base import Source
from secrets_manager.domain.errors import SourceDeleted, SourceNotFound
from secrets_manager_aws import faults
from secrets_manager_aws.api import Listed
from secrets_manager_aws.faults import Refusal
from secrets_manager_aws.names import CURRENT, wanted_of


class Absence(Enum):
    """That there was nothing to read."""

    GONE = "gone"


LastRead = str | Absence


class Freshness:
    """Remembers the version that was last read of each source; safe from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last_reads: dict[Source, LastRead] = {}

    def record(self, source: Source, last_read: LastRead) -> None:
        """A read of ``source`` found this version, or nothing."""
        with self._lock:
            self._last_reads[source] = last_read

    def forget(self, source: Source) -> None:
        """Nothing can show whether the result of the last read still holds: read it each time."""
        with self._lock:
            self._last_reads.pop(source, None)

    def keep_only(self, sources: Collection[Source]) -> None:
        """Forget all other sources."""
        with self._lock:
            for source in self._last_reads.keys() - set(sources):
                del self._last_reads[source]

    def by_list(self, sources: Collection[Source], listed: Mapping[str, Listed]) -> frozenset[Source]:
        """The sources to read again according to a list of all secrets, by name and by ARN."""
        return frozenset(
            source
            for source, last in self._known(sources)
            if last is None or _differs(source, last, listed.get(source.path))
        )

    def by_versions(
        self, sources: Collection[Source], current: Mapping[str, str | Refusal]
    ) -> frozenset[Source]:
        """The sources to read again according to their current versions, or refusals, by name or ARN."""
        return frozenset(
            source
            for source, last in self._known(sources)
            if last is None or source.version or _seen(source, current.get(source.path)) != last
        )

    def _known(self, sources: Collection[Source]) -> list[tuple[Source, LastRead | None]]:
        with self._lock:
            return [(source, self._last_reads.get(source)) for source in sources]


def _differs(source: Source, last: LastRead, listed: Listed | None) -> bool:
    wanted = wanted_of(source)
    if listed is None:
        # A list shows neither what is deleted nor the secrets of other accounts.
        return last is not Absence.GONE
    if wanted.version_id:
        # A version without a stage is in no list.
        return last is Absence.GONE and wanted.version_id in listed.stages.values()
    return listed.stages.get(wanted.stage or CURRENT, Absence.GONE) != last


def _seen(source: Source, found: str | Refusal | None) -> LastRead | None:
    """What a read would record for what was seen of a source; None where only a read can tell."""
    if found is None or isinstance(found, str):
        return found
    absent = isinstance(faults.of_source(found, source), (SourceNotFound, SourceDeleted))
    return Absence.GONE if absent else None
