"""Log lines and Events about outcomes, for people: only changes are reported.

A failing object is reported once when it starts to fail, once when it fails for another reason, and every ten
minutes in the log; a healthy one is not reported at all. Statuses are not written here.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from secrets_manager.cluster.view.definition_store import DefinitionEntry
from secrets_manager.domain.condition import (
    SYNCED,
    condition_message,
    condition_reason,
    is_same_trouble,
)
from secrets_manager.domain.definition import Definition, Ref
from secrets_manager.domain.errors import Contested, NotRestarted, SecretsManagerError
from secrets_manager.domain.outcome import SUSPENDED, Outcome
from secrets_manager.domain.plan import Operation
from secrets_manager.sync.queue.work_log import outcome_fields

log = logging.getLogger("sync")

# The message for each change that was made to a Secret.
DONE = {
    Operation.CREATED: "Secret created",
    Operation.REPLACED: "Secret replaced",
    Operation.DELETED: "Secret deleted",
}
# The reason of the Event about keys or values that a Secret lost.
SHRUNK = "Shrunk"
_REMIND_SECONDS = 600.0


class Recorder(Protocol):
    """Takes Events."""

    def record(self, about: Definition, *, warning: bool, reason: str, message: str) -> None:
        """Record an Event; never raises, never blocks."""


@dataclass(frozen=True, slots=True)
class _Notice:
    uid: str | None
    reason: str
    message: str
    at: float


@dataclass(eq=False, kw_only=True)
class Notices:
    """Writes log lines and Events. Safe from many threads; one definition from one at a time.

    ``clock`` gives monotonic seconds.
    """

    recorder: Recorder
    clock: Callable[[], float]
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _said: dict[Ref, _Notice] = field(default_factory=dict)
    # Notices about Secrets that are no longer wanted and could not be deleted, by their names.
    _of_cleanups: dict[Ref, dict[str, _Notice]] = field(default_factory=dict)

    def report(self, outcome: Outcome, entry: DefinitionEntry | None) -> None:
        """Report what changed with this outcome; ``entry`` is its definition, if that is known."""
        if outcome.contested:
            self._contest(outcome, entry)
        elif outcome.error is not None:
            self._failure(outcome, outcome.error, entry)
        elif outcome.suspended:
            self._suspension(outcome, entry)
        elif outcome.cautions or outcome.not_restarted:
            self._caution(outcome, entry)
        else:
            self._recovery(outcome, entry)
        # Another repair of a contested Secret is not reported; a change from the backend is.
        if outcome.operation not in DONE or (outcome.contested and outcome.restored):
            return
        self.log_change(outcome)
        if entry:
            reason, message = _event(outcome)
            self.recorder.record(entry.definition, warning=False, reason=reason, message=message)
        if outcome.shrunk:
            self._shrinking(outcome, entry)

    def log_change(self, outcome: Outcome) -> None:
        """Log the change of a Secret, if there was one."""
        if outcome.operation in DONE:
            log.info(DONE[outcome.operation], extra=outcome_fields(outcome))

    def forget(self, ref: Ref) -> None:
        """Drop a definition that is gone."""
        with self._lock:
            self._said.pop(ref, None)
            self._of_cleanups.pop(ref, None)

    def _failure(self, outcome: Outcome, error: SecretsManagerError, entry: DefinitionEntry | None) -> None:
        said = self._said_before(outcome, entry)
        is_new = said is None or not is_same_trouble(said.reason, said.message, error)
        if not is_new and said and self.clock() - said.at < _REMIND_SECONDS:
            return
        self._remember(outcome, error.reason, error.message)
        log.error("Secret is out of sync", extra={**outcome_fields(outcome), "error": error.message})
        if is_new and entry:
            self.recorder.record(entry.definition, warning=True, reason=error.reason, message=error.message)

    def _suspension(self, outcome: Outcome, entry: DefinitionEntry | None) -> None:
        said = self._said_before(outcome, entry)
        if said and said.reason == SUSPENDED:
            return
        message = condition_message(outcome)
        self._remember(outcome, SUSPENDED, message)
        log.info("SecretDefinition is suspended", extra=outcome_fields(outcome))
        if entry:
            self.recorder.record(entry.definition, warning=False, reason=SUSPENDED, message=message)

    def _shrinking(self, outcome: Outcome, entry: DefinitionEntry | None) -> None:
        """Report what a Secret lost; once, since the next reconcile finds it as it should be."""
        log.warning(
            "Secret has lost keys or values",
            extra={**outcome_fields(outcome), "reason": SHRUNK, "caution": outcome.shrunk},
        )
        if entry:
            message = f"Secret {outcome.secret} has lost keys or values: {outcome.shrunk}"
            self.recorder.record(entry.definition, warning=True, reason=SHRUNK, message=message)

    def _caution(self, outcome: Outcome, entry: DefinitionEntry | None) -> None:
        reason, message = condition_reason(outcome), condition_message(outcome)
        said = self._said_before(outcome, entry)
        if said and (said.reason, said.message) == (reason, message):
            return
        self._remember(outcome, reason, message)
        log.warning(
            "Secret is in sync, with a caution", extra={**outcome_fields(outcome), "caution": message}
        )
        if entry:
            self.recorder.record(entry.definition, warning=True, reason=reason, message=message)

    def _contest(self, outcome: Outcome, entry: DefinitionEntry | None) -> None:
        """Report a contest once, whether the Secret is right at the moment or not, and not each repair."""
        reason = Contested.__name__
        said = self._said_before(outcome, entry)
        if said and said.reason == reason and said.message.find(outcome.contested) >= 0:
            return
        self._remember(outcome, reason, outcome.contested)
        log.warning(
            "another writer undoes each repair of the Secret",
            extra={**outcome_fields(outcome), "reason": reason, "caution": outcome.contested},
        )
        if entry:
            self.recorder.record(entry.definition, warning=True, reason=reason, message=outcome.contested)

    def _recovery(self, outcome: Outcome, entry: DefinitionEntry | None) -> None:
        if outcome.cleanup:
            with self._lock:
                self._of_cleanups.get(outcome.definition, {}).pop(outcome.secret or "", None)
            return
        said = self._said_before(outcome, entry)
        if said and said.reason == SYNCED:
            return
        if said and said.reason == NotRestarted.__name__ and not outcome.restarts_known:
            return
        self._remember(outcome, SYNCED, "")
        if said:
            log.info("Secret is in sync again", extra=outcome_fields(outcome))

    def _said_before(self, outcome: Outcome, entry: DefinitionEntry | None) -> _Notice | None:
        """The last notice about it; after a restart, its condition."""
        with self._lock:
            if outcome.cleanup:
                return self._of_cleanups.get(outcome.definition, {}).get(outcome.secret or "")
            said = self._said.get(outcome.definition)
        if said and outcome.uid not in (None, said.uid):
            said = None
        if said or entry is None or entry.status is None:
            return said
        condition = entry.status.condition
        return self._remember(outcome, condition.reason, condition.message)

    def _remember(self, outcome: Outcome, reason: str, message: str) -> _Notice:
        said = _Notice(outcome.uid, reason, message, self.clock())
        with self._lock:
            if outcome.cleanup:
                self._of_cleanups.setdefault(outcome.definition, {})[outcome.secret or ""] = said
            else:
                self._said[outcome.definition] = said
        return said


def _event(outcome: Outcome) -> tuple[str, str]:
    """The reason and the message of the Event for something that was done."""
    if outcome.restored:
        return "Restored", f"Secret {outcome.secret} was restored: another client had changed or deleted it"
    reason = outcome.operation.value.capitalize()
    keys = f" (keys {', '.join(outcome.changed_keys)})" if outcome.changed_keys else ""
    return reason, f"Secret {outcome.secret} {outcome.operation.value}{keys}"
