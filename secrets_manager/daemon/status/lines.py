"""What is shown of one definition: what the cluster says, and what this daemon knows beside it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice

from secrets_manager.cluster.view.definition_store import DefinitionEntry
from secrets_manager.daemon.status.journal import Journal
from secrets_manager.domain.definition import Ref
from secrets_manager.overview.definitions import last_change_in, line_of
from secrets_manager.overview.model import DefinitionLine
from secrets_manager.sync.agenda import Agenda
from secrets_manager.sync.queue.keys import Key
from secrets_manager.sync.subscriptions import Route

# A definition may have thousands of paths; of the others the daemon does not say when they are read.
_MOST_SOURCES = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One moment by both clocks: the wall's, and the monotonic one in seconds."""

    at: datetime
    seconds: float

    def of(self, seconds: float | None) -> datetime | None:
        """The time by the wall's clock that is ``seconds`` by the monotonic one."""
        return None if seconds is None else self.at + timedelta(seconds=seconds - self.seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """Makes lines out of what the agenda and the journal hold; takes no lock."""

    agenda: Agenda
    journal: Journal

    def of(self, refs: Iterable[Ref], moment: Moment) -> Iterator[DefinitionLine]:
        """A line for each definition that is still there."""
        for ref in refs:
            entry = self.agenda.view.definitions.get(ref)
            if entry is not None:
                yield self._line(entry, moment)

    def _line(self, entry: DefinitionEntry, moment: Moment) -> DefinitionLine:
        target = entry.definition.target
        secret = self.agenda.view.secrets.get(target) if target else None
        last_change = last_change_in(secret.annotations, secret.labels) if secret else None
        line = line_of(entry.definition, entry.status, last_change)
        route = self.agenda.subscriptions.route_of(entry.definition.ref)
        read_at = self._read_at(route)
        sources = tuple(
            replace(each, read_at=moment.of(read_at.get((each.path, each.backend)))) for each in line.sources
        )
        next_poll = moment.of(self._next_poll(entry.definition.ref, route))
        return replace(line, sources=sources, next_poll=next_poll)

    def _read_at(self, route: Route) -> dict[tuple[str, str], float]:
        """By path and backend, as the definition writes them."""
        found: dict[tuple[str, str], float] = {}
        for source, locations in islice(route.locations.items(), _MOST_SOURCES):
            at = self.journal.read_at(source)
            if at is None:
                continue
            for location in locations:
                place = location.path, location.backend
                # Of several versions of a path, the one whose reading is oldest.
                found[place] = min(at, found.get(place, at))
        return found

    def _next_poll(self, ref: Ref, route: Route) -> float | None:
        keys = (Key.definition(ref), *map(Key.source, islice(route.locations, _MOST_SOURCES)))
        due = (self.agenda.view.schedule.due(key) for key in keys)
        return min((at for at in due if at is not None), default=None)
