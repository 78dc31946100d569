"""Which sources and definitions are looked at once a period: kept in step with what the definitions say."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from secrets_manager.backends.base import Backend, Source
from secrets_manager.cluster.definition_store import DefinitionStore
from secrets_manager.cluster.secret_store import SecretStore
from secrets_manager.domain.definition import Definition, Ref, SecretSpec
from secrets_manager.domain.errors import DefinitionError
from secrets_manager.sync.poll_schedule import PollSchedule
from secrets_manager.sync.source_ledger import SourceLedger


class Kind(StrEnum):
    """What a key of the queue is about."""

    DEFINITION = "definition"
    STATUS = "status"
    SOURCE = "source"
    SURVEY = "survey"


class Key(NamedTuple):
    """One thing to do: look at a definition, write its status, poll a source, or the backend as a whole.

    The kind is part of it since a Ref and a Source of the same two texts are equal tuples.
    """

    kind: Kind
    subject: Ref | Source


def look(ref: Ref) -> Key:
    """The key of a definition."""
    return Key(Kind.DEFINITION, ref)


def status(ref: Ref) -> Key:
    """The key of a definition's status, for when that is written apart from the look."""
    return Key(Kind.STATUS, ref)


def poll(source: Source) -> Key:
    """The key of a source."""
    return Key(Kind.SOURCE, source)


def turn_of(key: Key) -> str:
    """Whose turn of the queue a key takes: its namespace's, so that none waits for all of another."""
    return key.subject.namespace if isinstance(key.subject, Ref) else ""


# The key of the backend as a whole; it stands for no source.
SURVEY = Key(Kind.SURVEY, Source(""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is kept of the world; filled by informers and readings."""

    definitions: DefinitionStore
    secrets: SecretStore
    ledger: SourceLedger
    schedule: PollSchedule[Key]


@dataclass(eq=False, kw_only=True)
class Following:
    """Puts sources on the schedule while a definition uses them, and takes them off after.

    Where Secrets cannot be watched, the definition itself is on the schedule too: a change by hand is then
    found by looking once a period.
    """

    known: Known
    backend: Backend
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def follow(self, ref: Ref) -> None:
        """Bring the schedule into step with the definition as the store has it now, or lacks it."""
        with self._lock:
            entry = self.known.definitions.get(ref)
            sources = self._sources(entry.definition) if entry else []
            gained, lost = self.known.ledger.assign(ref, sources)
            for source in gained:
                self.known.schedule.add(poll(source))
            for source in lost:
                self.known.schedule.remove(poll(source))
            if entry is None or self.known.secrets.tracks(ref.namespace):
                self.known.schedule.remove(look(ref))
            else:
                self.known.schedule.add(look(ref))

    def follow_all(self) -> None:
        """As ``follow`` for every definition, after the rights on Secrets changed."""
        for ref in self.known.definitions.refs():
            self.follow(ref)

    def _sources(self, definition: Definition) -> list[Source]:
        if not isinstance(definition.spec, SecretSpec) or definition.deleting:
            return []
        sources = []
        for path in definition.spec.paths:
            try:
                sources.append(self.backend.locate(path))
            except DefinitionError:
                # The reconcile says so in the condition.
                continue
        return sources
