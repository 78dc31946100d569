"""Reports the outcomes of a reconcile, and decides whether, when and where each is reported.

People get log lines and Events (see `notices`), machines get metrics, and the definition gets its status.
`domain/condition` decides what the status says, and `cluster/write/writer` writes it. Status and Events are
optional: where the rights or the CRD lack them, or the API server is in trouble, the sync goes on without.

A status costs an API server as much time as two Secrets. So when many definitions wait for a reconcile, as at
a start or when many values have changed at once, the status of each is owed until no Secret waits any more:
all Secrets are right after half the time, and all statuses as soon as before. A status of a definition is
written by one thread at a time, in the order of the reconciles, and always reports the newest. A status that
is still owed when the process ends is written by the next leader, which reconciles everything.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import NamedTuple

from secrets_manager.cluster.view.definition_store import DefinitionEntry, DefinitionStore
from secrets_manager.cluster.write.bodies import rfc3339
from secrets_manager.cluster.write.writer import DefinitionWriter
from secrets_manager.domain.condition import Status, is_silent, status_to_write
from secrets_manager.domain.definition import Definition, Ref
from secrets_manager.domain.errors import (
    ClusterFault,
    ClusterUnavailable,
    InternalError,
    NotLeading,
    PermanentError,
    SecretsManagerError,
)
from secrets_manager.domain.outcome import Outcome
from secrets_manager.sync.notices import Notices, Recorder
from secrets_manager.sync.queue.keys import Key
from secrets_manager.sync.queue.work_log import WorkLog, outcome_fields, raised_at
from secrets_manager.sync.queue.work_queue import Lane, WorkQueue
from secrets_manager.sync.sync_answers import SyncAnswers
from secrets_manager.sync.telemetry import SyncTelemetry

log = logging.getLogger("sync")

_REMIND_SECONDS = 600.0
# So many failures in a row, over so many seconds, are no accident.
_IN_A_ROW = 5
_OVER_SECONDS = 3.0


class Requeue(NamedTuple):
    """Decides when a definition is reconciled next: by its error, or None when all is well."""

    error: SecretsManagerError | None


class _Owed(NamedTuple):
    """The outcome that a status has to report, and the worst error of that reconcile."""

    outcome: Outcome
    error: SecretsManagerError | None


@dataclass(eq=False, kw_only=True)
class Reporter:
    """Reports outcomes. Safe from many threads; one definition from one at a time.

    ``clock`` gives monotonic seconds.
    """

    queue: WorkQueue[Key]
    definitions: DefinitionStore
    writer: DefinitionWriter
    recorder: Recorder
    telemetry: SyncTelemetry
    work_log: WorkLog
    clock: Callable[[], float]
    now: Callable[[], datetime]
    _owed: dict[Ref, _Owed] = field(default_factory=dict)
    _notices: Notices = field(init=False)
    _answers: SyncAnswers = field(init=False)
    _unwritten: _Unwritten = field(init=False)

    def __post_init__(self) -> None:
        self._notices = Notices(recorder=self.recorder, clock=self.clock)
        self._answers = SyncAnswers(recorder=self.recorder, now=self.now)
        self._unwritten = _Unwritten(
            recorder=self.recorder,
            telemetry=self.telemetry,
            clock=self.clock,
            answers=self.writer.answers_about,
        )

    def report(self, ref: Ref, outcomes: list[Outcome], seconds: float) -> Requeue | None:
        """Report the outcomes of a reconcile of ``ref``, whose key is being worked on, after so many seconds.

        Never raises. None while a status is owed: then it is too early to say that all is well.
        """
        requeues = [self._guarded(ref, partial(self.announce, outcome, seconds)) for outcome in outcomes]
        requeues.append(self._guarded(ref, partial(self._write_or_owe, ref, outcomes)))
        return _combine(requeues)

    def write_owed(self, ref: Ref) -> Requeue | None:
        """Write the status that is owed for ``ref``, if one is. Never raises.

        None where nothing follows: the reconcile is retried for its own error, or a newer one has done all.
        """
        return self._guarded(ref, partial(self._write_owed, ref))

    def announce(self, outcome: Outcome, seconds: float) -> None:
        """Report one outcome everywhere except in the status; ``seconds`` is how long it took."""
        if is_silent(outcome):
            return
        if not self._is_current(outcome):
            # It must not count for the definition that has the name now.
            self._notices.log_change(outcome)
            return
        self.telemetry.reconciled(outcome, seconds)
        self._notices.report(outcome, self.definitions.get(outcome.definition))

    def write_status(self, outcome: Outcome) -> SecretsManagerError | None:
        """Write the status that an outcome gives, if it differs.

        Returns the error that prevented the write, so that it can be tried again.
        """
        due = self._status_to_write(outcome)
        if due is None:
            self._unwritten.written(outcome.definition)
            return None
        try:
            settled = self.writer.write_status(*due)
        except NotLeading as error:
            return error
        except SecretsManagerError as error:
            log.debug(
                "the status could not be written", extra={**outcome_fields(outcome), "error": error.message}
            )
            self._unwritten.failed(due[0].definition, outcome, error)
            return error
        if settled:
            self._unwritten.written(outcome.definition)
            return None
        missing = "a right or the status subresource is missing"
        # An API server that has just started refuses every client for a moment.
        pause = self.writer.status_again_in(outcome.definition.namespace)
        return PermanentError(missing) if pause is None else ClusterFault(missing, retry_after=pause)

    def is_written(self, outcome: Outcome) -> bool:
        """Whether the status says what ``outcome`` gives, as far as the CRD has a status at all."""
        return self._status_to_write(outcome) is None or not self.writer.knows_statuses()

    def forget(self, ref: Ref) -> None:
        """Drop a definition that is gone, its metrics included."""
        self._owed.pop(ref, None)
        self._notices.forget(ref)
        self._answers.forget(ref)
        self._unwritten.forget(ref)
        self.telemetry.forgotten(ref)

    def _write_or_owe(self, ref: Ref, outcomes: list[Outcome]) -> Requeue | None:
        error = worst(outcome.error for outcome in outcomes)
        own = next((outcome for outcome in outcomes if not outcome.cleanup), None)
        # Never overtake a status that is queued or in flight: the older one would land last. Whether this one
        # changes anything is only known after it.
        if not self.queue.is_known(Key.status(ref)):
            if not self.queue.is_pressed(Key.definition(ref)):
                requeue = Requeue(worst([error, *map(self.write_status, outcomes)]))
                self._answer(own)
                return requeue
            if own is not None and self._status_to_write(own) is None:
                self._answer(own)
                own = None
        if own is None:
            self._owed.pop(ref, None)
            return Requeue(error)
        self._owed[ref] = _Owed(own, error)
        self.queue.add(Key.status(ref), Lane.AFTER)
        return None if error is None else Requeue(error)

    def _write_owed(self, ref: Ref) -> Requeue | None:
        owed = self._owed.pop(ref, None)
        if owed is None or not self._is_current(owed.outcome):
            return None
        error = self.write_status(owed.outcome)
        self._answer(owed.outcome)
        if owed.error is not None and (error is None or not isinstance(owed.error, PermanentError)):
            return None
        return Requeue(worst([owed.error, error]))

    def _answer(self, outcome: Outcome | None) -> None:
        """Answer whoever asked for this reconcile, who finds its status by then."""
        if outcome is not None and not is_silent(outcome) and self._is_current(outcome):
            self._answers.answer(outcome, self.definitions.get(outcome.definition))

    def _status_to_write(self, outcome: Outcome) -> tuple[DefinitionEntry, Status] | None:
        """The definition and what its status has to become; None when there is nothing to write."""
        entry = self.definitions.get(outcome.definition)
        if entry is None:
            return None
        status = status_to_write(outcome, entry.definition, entry.status, rfc3339(self.now()))
        return None if status is None else (entry, status)

    def _is_current(self, outcome: Outcome) -> bool:
        """Whether the name still belongs to the definition of this outcome, and not to one of another uid."""
        entry = self.definitions.get(outcome.definition)
        return entry is None or outcome.cleanup or outcome.uid in (None, entry.definition.uid)

    def _guarded(self, ref: Ref, step: Callable[[], Requeue | None]) -> Requeue | None:
        try:
            return step()
        except Exception as unexpected:  # noqa: BLE001 - one bad object must not end the worker
            error = InternalError(f"unexpected {raised_at(unexpected)}")
            self.work_log.not_reported(ref, error.message)
            return Requeue(error)


def worst(errors: Iterable[SecretsManagerError | None]) -> SecretsManagerError | None:
    """The error that decides on the next try: what may work later comes before what a person must mend."""
    return min(filter(None, errors), key=lambda each: isinstance(each, PermanentError), default=None)


def _combine(requeues: list[Requeue | None]) -> Requeue | None:
    given = [requeue.error for requeue in requeues if requeue is not None]
    return Requeue(worst(given)) if given else None


@dataclass(slots=True)
class _Trouble:
    since: float
    failures: int = 0
    reported: SecretsManagerError | None = None
    reported_at: float = 0.0


@dataclass(eq=False, kw_only=True)
class _Unwritten:
    """Statuses that cannot be written. Safe from many threads; one definition from one at a time.

    A status is where trouble is reported, so this trouble goes to the log, an Event and the metrics. What the
    API server refuses for good is reported at once. A fault that may pass is reported when it has come again
    and again while the API server answers otherwise: then it is this object's.

    ``answers`` is asked whether the API server answers otherwise; it gets the definition's name, may make one
    call, and must not raise. ``clock`` gives monotonic seconds.
    """

    recorder: Recorder
    telemetry: SyncTelemetry
    clock: Callable[[], float]
    answers: Callable[[Ref], bool]
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _troubles: dict[Ref, _Trouble] = field(default_factory=dict)

    def failed(self, about: Definition, outcome: Outcome, error: SecretsManagerError) -> None:
        """The status that ``outcome`` gives could not be written."""
        self.telemetry.status_unwritten(outcome, error)
        with self._lock:
            trouble = self._troubles.setdefault(about.ref, _Trouble(self.clock()))
        trouble.failures += 1
        if not self._is_worth_a_report(about.ref, trouble, error):
            return
        is_new = trouble.reported is None or trouble.reported.reason != error.reason
        trouble.reported, trouble.reported_at = error.bare(), self.clock()
        log.error(
            "the status cannot be written",
            extra={
                "namespace": about.ref.namespace,
                "name_": about.ref.name,
                "reason": error.reason,
                "error": error.message,
            },
        )
        if is_new:
            message = f"the status cannot be written: {error.message}"
            self.recorder.record(about, warning=True, reason=error.reason, message=message)

    def written(self, ref: Ref) -> None:
        """The status of a definition was written, or says what it should."""
        with self._lock:
            trouble = self._troubles.pop(ref, None)
        if trouble is not None and trouble.reported is not None:
            log.info("the status is written again", extra={"namespace": ref.namespace, "name_": ref.name})

    def forget(self, ref: Ref) -> None:
        """Drop a definition that is gone."""
        with self._lock:
            self._troubles.pop(ref, None)

    def _is_worth_a_report(self, ref: Ref, trouble: _Trouble, error: SecretsManagerError) -> bool:
        reported = trouble.reported is not None and trouble.reported.reason == error.reason
        if reported and self.clock() - trouble.reported_at < _REMIND_SECONDS:
            return False
        if isinstance(error, PermanentError):
            return True
        lasts = trouble.failures >= _IN_A_ROW and self.clock() - trouble.since >= _OVER_SECONDS
        # Ask an API server that may be away only as often as is needed to find out.
        asks = isinstance(error, ClusterUnavailable) and lasts and trouble.failures % _IN_A_ROW == 0
        return asks and self.answers(ref)
