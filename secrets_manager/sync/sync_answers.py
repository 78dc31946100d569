"""Events that answer the annotation by which a sync was asked for.

A sync that finds nothing to do leaves no trace in the status, so whoever asked could wait for ever. Only a
text that is a time since this process began is answered: at a start, annotations of long ago ask nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from secrets_manager.cluster.view.definition_store import DefinitionEntry
from secrets_manager.domain.condition import condition_reason
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.outcome import Outcome
from secrets_manager.sync.notices import Recorder

# The reason of the Event.
SYNC_DONE = "SyncDone"
# By how much the clock of whoever asks may be behind.
_SKEW = timedelta(seconds=30)
_LONGEST_TIME = 40


@dataclass(eq=False, kw_only=True)
class SyncAnswers:
    """Records an Event for each sync that was asked for and is done. Safe from many threads."""

    recorder: Recorder
    now: Callable[[], datetime]
    _since: datetime = field(init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    # The text that was seen last, of the definitions that have one.
    _seen: dict[Ref, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._since = self.now() - _SKEW

    def answer(self, outcome: Outcome, entry: DefinitionEntry | None) -> None:
        """Answer the question that the reconcile of this outcome found, if it is a new one."""
        if not outcome.asked or outcome.cleanup or entry is None:
            return
        with self._lock:
            before, self._seen[outcome.definition] = self._seen.get(outcome.definition), outcome.asked
        if before == outcome.asked or not self._is_new(outcome.asked):
            return
        message = f"the sync asked for at {outcome.asked} is done: {condition_reason(outcome)}"
        self.recorder.record(entry.definition, warning=False, reason=SYNC_DONE, message=message)

    def forget(self, ref: Ref) -> None:
        """Drop a definition that is gone."""
        with self._lock:
            self._seen.pop(ref, None)

    def _is_new(self, asked: str) -> bool:
        try:
            moment = datetime.fromisoformat(asked) if len(asked) <= _LONGEST_TIME else None
        except ValueError:
            return False
        return moment is not None and moment.tzinfo is not None and moment >= self._since
