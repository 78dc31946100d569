"""One debug line for each reconcile and each poll; and errors of our own code, which are logged seldom.

Where debug lines are off they cost one comparison.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from secrets_manager.backends.base import Source
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import SecretsManagerError
from secrets_manager.domain.outcome import Outcome
from secrets_manager.runtime.reminder import Reminder
from secrets_manager.sync.reading.upstream import Upstreams
from secrets_manager.sync.source_ledger import SourceLedger

log = logging.getLogger("sync.engine")


@dataclass(eq=False, kw_only=True)
class WorkLog:
    """Writes to the log. ``clock`` gives monotonic seconds; every other time here is such seconds too."""

    upstreams: Upstreams
    ledger: SourceLedger
    clock: Callable[[], float]
    _reminder: Reminder = field(init=False)

    def __post_init__(self) -> None:
        self._reminder = Reminder(self.clock)

    def reconciled(self, ref: Ref, outcomes: Sequence[Outcome], seconds: float) -> None:
        """A definition was reconciled, with these outcomes."""
        if not log.isEnabledFor(logging.DEBUG):
            return
        spent = {"backend": self._backends(ref), "seconds": _round(seconds)}
        if not outcomes:
            where = {"namespace": ref.namespace, "name_": ref.name, "secret": ""}
            log.debug("reconciled", extra={**where, "operation": "none", "reason": "Gone", **spent})
        for outcome in outcomes:
            paths = ",".join(source.path for source in outcome.sources)
            log.debug("reconciled", extra={**outcome_fields(outcome), "path": paths, **spent})

    def before_poll(self, source: Source) -> bytes | None:
        """What was last seen of a source, for `polled`."""
        return self.ledger.last_seen(source) if log.isEnabledFor(logging.DEBUG) else None

    def polled(
        self, source: Source, before: bytes | None, error: SecretsManagerError | None, started: float
    ) -> None:
        """A poll of a source ended that began at ``started``."""
        if not log.isEnabledFor(logging.DEBUG):
            return
        changed = before is not None and self.ledger.last_seen(source) != before
        reason = error.reason if error is not None else "Changed" if changed else "Unchanged"
        self._log_call("polled", source, operation="poll", reason=reason, started=started)

    def surveyed(self, itself: Source, error: SecretsManagerError | None, started: float) -> None:
        """A survey of the backend ended that began at ``started``; ``itself`` stands for the backend."""
        reason = error.reason if error is not None else "Done"
        self._log_call("surveyed", itself, operation="survey", reason=reason, started=started)

    def unexpected(self, source: Source, place: str) -> None:
        """An error of our own code came up at ``place`` during a call to the backend."""
        if times := self._reminder.happened(("unexpected", source.backend, place)):
            where = {"backend": source.backend, "path": source.path}
            log.error("unexpected error", extra={**where, "error": place, **_times_field(times)})

    def not_reported(self, ref: Ref, message: str) -> None:
        """An error of our own code prevented the report of an outcome."""
        if times := self._reminder.happened(("the outcome could not be reported", message)):
            named = {"namespace": ref.namespace, "name_": ref.name}
            log.error(
                "the outcome could not be reported", extra={**named, "error": message, **_times_field(times)}
            )

    def _log_call(self, message: str, source: Source, *, operation: str, reason: str, started: float) -> None:
        spent = {"backend": source.backend, "seconds": _round(self.clock() - started)}
        log.debug(message, extra={"path": source.path, "operation": operation, "reason": reason, **spent})

    def _backends(self, ref: Ref) -> str:
        names = {source.backend for source in self.ledger.sources_for(ref)} or set(self.upstreams)
        return ",".join(sorted(names))


def outcome_fields(outcome: Outcome) -> dict[str, object]:
    """The fields of every line about an outcome."""
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


def raised_at(error: BaseException) -> str:
    """The type of an error and where it came up; its text may hold a value."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}" if trace else "?"
    return f"{type(error).__name__} at {where}"


def _times_field(times: int) -> dict[str, int]:
    return {"times": times} if times > 1 else {}


def _round(seconds: float) -> float:
    return round(seconds, 6)
