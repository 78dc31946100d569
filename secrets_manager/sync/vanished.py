"""Definitions whose sources are gone, and whose Secrets go with them (`onSourceGone: Delete`).

Deletion needs evidence (see `reading/absences`) for every path that is gone, and that the Secret was made of
these very paths, which the status says: a path with a slip of the pen deletes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeVar

from secrets_manager.backends.base import Source
from secrets_manager.cluster.view.definition_store import DefinitionEntry
from secrets_manager.domain.definition import Definition, Ref
from secrets_manager.domain.errors import ManySourcesGone, SecretsManagerError, SourceGone, Superseded
from secrets_manager.domain.location import Location
from secrets_manager.domain.outcome import Outcome
from secrets_manager.domain.plan import Operation
from secrets_manager.domain.secret import ObservedSecret
from secrets_manager.sync.reading.absences import Absences
from secrets_manager.sync.remover import Remover
from secrets_manager.sync.target_view import Cluster, Observation, TargetView

Kind = TypeVar("Kind", SourceGone, ManySourcesGone)


class Gone(NamedTuple):
    """A source that the backend says is absent, and its names in the definition."""

    source: Source
    locations: Sequence[Location]
    error: SecretsManagerError

    def of(self, kind: type[Kind]) -> Kind:
        """The error of that kind about it."""
        first = self.locations[0]
        return kind(first.path).of_backend(first.backend)


class VanishedError(Exception):
    """All that a definition needs could be read, except for what is gone."""

    def __init__(self, gone: Sequence[Gone]) -> None:
        super().__init__()
        self.gone = gone


@dataclass(frozen=True, slots=True, kw_only=True)
class Vanishing:
    """Decides what becomes of a Secret whose sources are gone, and deletes it."""

    cluster: Cluster
    view: TargetView
    remover: Remover
    absences: Absences

    def settle(
        self, definition: Definition, observed: ObservedSecret | None, gone: Sequence[Gone]
    ) -> Outcome | Observation:
        """The outcome for a definition with this Secret, or the Secret as it is if another client was faster.

        Raises the error of the first path that is gone while the Secret stays, and ManySourcesGone.
        """
        entry = self.cluster.definitions.get(definition.ref)
        first = gone[0]
        if definition.target is None or not all(_was_used(entry, each) for each in gone):
            raise first.error
        error = first.of(SourceGone)
        if observed is None and _says(entry, error):
            # A new process knows nothing yet, but there is nothing left to do either.
            return _outcome(definition, error, Operation.REFUSED)
        if not all(self.absences.is_proven(each.source) for each in gone):
            raise first.error
        if any(self.absences.is_flood(each.source) for each in gone):
            raise first.of(ManySourcesGone)
        return self._delete(definition, definition.target, observed, gone)

    def _delete(
        self, definition: Definition, target: Ref, observed: ObservedSecret | None, gone: Sequence[Gone]
    ) -> Outcome | Observation:
        if observed is None and (seen := self.view.fresh_observation(target)).secret is not None:
            # The backend has to be read once more after that.
            return seen
        self._require_unchanged(definition)
        done = self.remover.delete_observed(definition, target, observed)
        if done is None:
            return self.view.fresh_observation(target)
        if done.operation is not Operation.DELETED and observed is not None:
            raise gone[0].error
        return _outcome(definition, gone[0].of(SourceGone), done.operation)

    def _require_unchanged(self, definition: Definition) -> None:
        """Right before a deletion, check that the definition still is what it was and still wishes it."""
        entry = self.cluster.definitions.get(definition.ref)
        if entry is None or entry.definition != definition:
            raise Superseded(f"SecretDefinition {definition.ref.name!r} changed while it was reconciled")


def _was_used(entry: DefinitionEntry | None, gone: Gone) -> bool:
    """Whether the Secret was made of this source when it was last in step."""
    if entry is None or entry.status is None or entry.status.secret_name != entry.definition.secret_name:
        return False
    used = {(each.path, each.backend): each.version.split(", ") for each in entry.status.sources}
    return any(
        location.version in ("", *versions)
        for location in gone.locations
        if (versions := used.get((location.path, location.backend))) is not None
    )


def _says(entry: DefinitionEntry | None, error: SourceGone) -> bool:
    """Whether the status says so already."""
    if entry is None or entry.status is None:
        return False
    condition = entry.status.condition
    return (condition.reason, condition.message) == (error.reason, error.message)


def _outcome(definition: Definition, error: SourceGone, operation: Operation) -> Outcome:
    outcome = Outcome.of_error(definition.ref, definition.secret_name, error, about=definition)
    return replace(outcome, operation=operation) if operation is Operation.DELETED else outcome
