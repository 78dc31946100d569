"""Tells what came of a reconcile: condition, Event, metric and log line, and only what changed.

A failing object says so once when it starts to fail, once when it fails for another reason, and reminds every
ten minutes in the log; a healthy one says nothing at all. Status and Events are a courtesy: where rights or
the CRD lack them, or the API server is in trouble, the sync itself is none the worse.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from secrets_manager.cluster.bodies import rfc3339
from secrets_manager.cluster.definition_store import DefinitionEntry, DefinitionStore
from secrets_manager.cluster.writer import DefinitionWriter
from secrets_manager.domain.condition import SYNCED, Condition, Status, message_of, next_status, reason_of
from secrets_manager.domain.definition import Definition, Ref
from secrets_manager.domain.errors import (
    ClusterFault,
    NamespaceTerminating,
    NoAnswerYet,
    NotLeading,
    PermanentError,
    SecretsManagerError,
)
from secrets_manager.domain.outcome import Outcome
from secrets_manager.domain.plan import Operation
from secrets_manager.sync.telemetry import SyncTelemetry

log = logging.getLogger("sync")

_REMIND_SECONDS = 600.0
# Nobody can act on these, and nobody has to: the namespace is going, another replica is at work, or it is too
# early to say.
_QUIET = (NamespaceTerminating, NotLeading, NoAnswerYet)


class Recorder(Protocol):
    """Who takes Events."""

    def record(self, about: Definition, *, warning: bool, reason: str, message: str) -> None:
        """Take note of something worth an Event; never raises, never blocks."""


@dataclass(frozen=True, slots=True)
class _Told:
    reason: str
    message: str
    at: float


@dataclass(eq=False, kw_only=True)
class Teller:
    """Tells outcomes to people and machines. Safe from many threads; one definition from one at a time."""

    definitions: DefinitionStore
    writer: DefinitionWriter
    recorder: Recorder
    telemetry: SyncTelemetry
    clock: Callable[[], float]
    now: Callable[[], datetime]
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _told: dict[Ref, _Told] = field(default_factory=dict)
    # Of Secrets that are no longer wanted and could not be deleted, by their names.
    _told_of_cleanups: dict[Ref, dict[str, _Told]] = field(default_factory=dict)

    def tell(self, outcome: Outcome, seconds: float) -> None:
        """Tell of one outcome all but its status; ``seconds`` is how long it took."""
        if isinstance(outcome.error, _QUIET):
            return
        self.telemetry.reconciled(outcome, seconds)
        self._tell_people(outcome, self.definitions.get(outcome.definition))

    def has_news(self, outcome: Outcome) -> bool:
        """Whether the status of the definition does not say yet what came of this."""
        return self._news(outcome) is not None

    def write_status(self, outcome: Outcome) -> SecretsManagerError | None:
        """Write the status that an outcome gives, if that is news.

        Returns what kept it from being written, so that it can be tried again.
        """
        news = self._news(outcome)
        if news is None:
            return None
        try:
            settled = self.writer.write_status(*news)
        except SecretsManagerError as error:
            log.debug("the status could not be written", extra={**_fields(outcome), "error": error.message})
            return error
        if settled:
            return None
        missing = "the status may not be written"
        # An API server that has just started refuses everybody for a moment.
        pause = self.writer.status_again_in(outcome.definition.namespace)
        return PermanentError(missing) if pause is None else ClusterFault(missing, retry_after=pause)

    def forget(self, ref: Ref) -> None:
        """Let go of a definition that is gone, its metrics included."""
        with self._lock:
            self._told.pop(ref, None)
            self._told_of_cleanups.pop(ref, None)
        self.telemetry.forgotten(ref)

    def _tell_people(self, outcome: Outcome, entry: DefinitionEntry | None) -> None:
        if outcome.error is not None:
            self._tell_failure(outcome, outcome.error, entry)
            return
        if outcome.cautions:
            self._tell_caution(outcome, entry)
        else:
            self._tell_recovery(outcome, entry)
        if outcome.operation is Operation.UNCHANGED:
            return
        log.info(_SAID[outcome.operation], extra=_fields(outcome))
        if entry:
            reason, message = _event(outcome)
            self.recorder.record(entry.definition, warning=False, reason=reason, message=message)

    def _tell_failure(
        self, outcome: Outcome, error: SecretsManagerError, entry: DefinitionEntry | None
    ) -> None:
        told = self._told_before(outcome, entry)
        news = told is None or (told.reason, told.message) != (error.reason, error.message)
        if not news and told and self.clock() - told.at < _REMIND_SECONDS:
            return
        self._remember(outcome, error.reason, error.message)
        log.error("not in step", extra={**_fields(outcome), "error": error.message})
        if news and entry:
            self.recorder.record(entry.definition, warning=True, reason=error.reason, message=error.message)

    def _tell_caution(self, outcome: Outcome, entry: DefinitionEntry | None) -> None:
        reason, message = reason_of(outcome), message_of(outcome)
        told = self._told_before(outcome, entry)
        if told and (told.reason, told.message) == (reason, message):
            return
        self._remember(outcome, reason, message)
        log.warning("in step, with a caution", extra={**_fields(outcome), "caution": message})
        if entry:
            self.recorder.record(entry.definition, warning=True, reason=reason, message=message)

    def _tell_recovery(self, outcome: Outcome, entry: DefinitionEntry | None) -> None:
        if outcome.cleanup:
            with self._lock:
                self._told_of_cleanups.get(outcome.definition, {}).pop(outcome.secret or "", None)
            return
        told = self._told_before(outcome, entry)
        if told and told.reason == SYNCED:
            return
        self._remember(outcome, SYNCED, "")
        if told:
            log.info("in step again", extra=_fields(outcome))

    def _told_before(self, outcome: Outcome, entry: DefinitionEntry | None) -> _Told | None:
        """What was last told of it; after a restart, what its condition says."""
        with self._lock:
            if outcome.cleanup:
                return self._told_of_cleanups.get(outcome.definition, {}).get(outcome.secret or "")
            told = self._told.get(outcome.definition)
        if told or entry is None or entry.status is None:
            return told
        condition: Condition = entry.status.condition
        return self._remember(outcome, condition.reason, condition.message)

    def _remember(self, outcome: Outcome, reason: str, message: str) -> _Told:
        told = _Told(reason, message, self.clock())
        with self._lock:
            if outcome.cleanup:
                self._told_of_cleanups.setdefault(outcome.definition, {})[outcome.secret or ""] = told
            else:
                self._told[outcome.definition] = told
        return told

    def _news(self, outcome: Outcome) -> tuple[DefinitionEntry, Status] | None:
        """The definition and what its status has to become; None when there is nothing to write."""
        entry = self.definitions.get(outcome.definition)
        if isinstance(outcome.error, _QUIET) or not entry or not _is_about(outcome, entry.definition):
            return None
        generation = entry.definition.generation
        status = next_status(outcome, entry.status, generation=generation, now=rfc3339(self.now()))
        return None if status == entry.status else (entry, status)


def _is_about(outcome: Outcome, definition: Definition) -> bool:
    """Whether the outcome belongs in the status of the definition as it is now.

    One that changed since it was looked at will be looked at again, and has a better status then.
    """
    newest = outcome.generation in (None, definition.generation)
    return newest and not outcome.cleanup and not definition.deleting


_SAID = {
    Operation.CREATED: "Secret created",
    Operation.REPLACED: "Secret replaced",
    Operation.DELETED: "Secret deleted",
}


def _fields(outcome: Outcome) -> dict[str, object]:
    fields: dict[str, object] = {
        "namespace": outcome.definition.namespace,
        # A LogRecord keeps "name" to itself; the formatter drops the underscore.
        "name_": outcome.definition.name,
        "secret": outcome.secret or "",
        "operation": outcome.operation.value,
        "reason": outcome.reason,
    }
    if outcome.changed_keys:
        fields["keys"] = ",".join(outcome.changed_keys)
    return fields


def _event(outcome: Outcome) -> tuple[str, str]:
    """The reason and the message of the Event for something that was done."""
    if outcome.restored:
        return "Restored", f"Secret {outcome.secret} had been changed or deleted by somebody else"
    reason = outcome.operation.value.capitalize()
    keys = f" (keys {', '.join(outcome.changed_keys)})" if outcome.changed_keys else ""
    return reason, f"Secret {outcome.secret} {outcome.operation.value}{keys}"
