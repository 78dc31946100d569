"""What workers do: take keys from the queue, reconcile definitions, write statuses, poll sources, restart.

Nothing here talks to the cluster or to a backend itself. Whatever happens, a worker continues with the next.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

from secrets_manager.backends.base import Source
from secrets_manager.domain.definition import Ref, SecretSpec
from secrets_manager.domain.errors import (
    BackendFault,
    ClusterFault,
    ClusterUnauthorized,
    ClusterUnavailable,
    Conflict,
    Forbidden,
    InternalError,
    NoAnswerYet,
    NotLeading,
    PermanentError,
    SecretsManagerError,
)
from secrets_manager.domain.outcome import Outcome
from secrets_manager.runtime.heartbeat import Heartbeat
from secrets_manager.sync.agenda import Agenda
from secrets_manager.sync.queue.giving_way import GivingWay
from secrets_manager.sync.queue.keys import Key, KeyKind
from secrets_manager.sync.queue.parked import Parked
from secrets_manager.sync.queue.work_log import WorkLog, raised_at
from secrets_manager.sync.queue.work_queue import BackOff
from secrets_manager.sync.reading.upstream import Upstreams
from secrets_manager.sync.reconciler import Reconciler
from secrets_manager.sync.reporter import Reporter, Requeue
from secrets_manager.sync.restarts.batch import RestartBatches

_TAKE_SECONDS = 5.0
# A source that was left at its first try is read again after this; later if it was skipped for others.
_SOON_AFTER = 0.2
_MORE_TIME_AFTER = 1.0
# A reconcile of a definition of so many paths takes no longer than a few calls.
_FEW_PATHS = 32
# Pauses between checks whether the leader has deleted what a definition left behind.
_UNTIL_SETTLED = BackOff(base=20.0, cap=600.0)
# Faults of the API server that are over in a moment, most of the time.
_BRIEF = (ClusterUnavailable, ClusterUnauthorized, Conflict)


@dataclass(eq=False, kw_only=True)
class Workers:
    """What every worker thread does.

    ``on_outcome`` is called last, after log, Event and metrics; a status that is owed may still be pending.
    """

    agenda: Agenda
    upstreams: Upstreams
    reconciler: Reconciler
    reporter: Reporter
    restarts: RestartBatches
    work_log: WorkLog
    on_outcome: Callable[[Outcome], None]
    _giving_way: GivingWay[Key] = field(init=False)
    _owing: set[Ref] = field(default_factory=set)
    # The uid that was last reconciled under each name.
    _uids: dict[Ref, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        agenda = self.agenda
        self._giving_way = GivingWay(agenda.queue, agenda.clock, self._is_short, self._work_on)

    def run(self, heartbeat: Heartbeat, stop: threading.Event) -> None:
        """The body of a worker thread: work until ``stop`` is set."""
        heartbeat.adopt()
        queue = self.agenda.queue
        while not stop.is_set():
            heartbeat.beat()
            # Pauses may be much shorter than the time between two ticks: a worker that is free ends them.
            if not self.work_once(queue.until_due(_TAKE_SECONDS)):
                queue.release_due()

    def work_once(self, timeout: float, admits: Callable[[Key], bool] = lambda _: True) -> bool:
        """Take one key and work on it; returns whether there was one within ``timeout`` seconds.

        One that ``admits`` says no to is dropped.
        """
        key = self.agenda.queue.take(timeout)
        if key is None:
            return False
        if not admits(key):
            self.agenda.queue.done(key, takes_next=True)
            return True
        self._work_on(key, takes_next=True)
        return True

    def _give_way(self, ref: Ref) -> None:
        """Serve another key between two steps of the reconcile of ``ref``, if that takes long."""
        self._giving_way.between_steps(Key.definition(ref))

    def _is_short(self, key: Key) -> bool:
        """Whether the work is short: a source that is not suspect, or a definition of few paths."""
        if key.kind is KeyKind.RESTARTS:
            return False
        if isinstance(key.subject, Source):
            return key.kind is not KeyKind.SURVEY and not self.upstreams.is_suspect(key.subject)
        entry = self.agenda.view.definitions.get(key.subject)
        spec = entry.definition.spec if entry else None
        return not isinstance(spec, SecretSpec) or len(spec.locations) <= _FEW_PATHS

    def _work_on(self, key: Key, *, takes_next: bool = False) -> None:
        comes_again = False
        try:
            if isinstance(key.subject, Source):
                comes_again = self._ask_backend(key, key.subject)
            elif key.kind is KeyKind.STATUS:
                self._write_status(key.subject)
            elif key.kind is KeyKind.RESTARTS:
                self.restarts.run(key.subject.namespace)
            else:
                self._reconcile_definition(key.subject)
        finally:
            if not comes_again:
                self.agenda.view.schedule.release(key)
            self.agenda.queue.done(key, takes_next=takes_next)

    # ── backends ─────────────────────────────────────────────────────────────────────────────────────

    def _ask_backend(self, key: Key, source: Source) -> bool:
        """Poll a source or survey a backend; return whether the key comes again soon."""
        upstream = self.upstreams[source.backend]
        if key.kind is KeyKind.SURVEY:
            self._ask(key, source, upstream.survey)
            return False
        # While it waited, a reconcile may have read the source.
        if not self.agenda.view.schedule.wants(key):
            return False
        error = self._ask(key, source, partial(upstream.reader.read, source))
        if not isinstance(error, NoAnswerYet):
            return False
        self.agenda.queue.add_after(key, _pause_after(error))
        return True

    def _ask(self, key: Key, source: Source, question: Callable[[], object]) -> SecretsManagerError | None:
        """Call a backend, and log it; the answer itself reaches its users through the reader."""
        if not self.agenda.leadership.leads():
            return None
        started, before = self.agenda.clock(), self.work_log.before_poll(source)
        error: SecretsManagerError | None = None
        try:
            question()
        except SecretsManagerError as raised:
            error = raised
        except Exception as unexpected:  # noqa: BLE001 - one bad object must not end the worker
            # The text of a foreign exception may hold a value, so only its type and place are logged.
            self.work_log.unexpected(source, raised_at(unexpected))
            return None
        if key.kind is KeyKind.SURVEY:
            self.work_log.surveyed(source, error, started)
        else:
            self.work_log.polled(source, before, error, started)
        return error

    # ── definitions ──────────────────────────────────────────────────────────────────────────────────

    def _reconcile_definition(self, ref: Ref) -> None:
        agenda = self.agenda
        started = agenda.clock()
        self._start_over_if_replaced(ref)
        outcomes = self._reconcile(ref, agenda.queue.asked_at(Key.definition(ref)))
        seconds = agenda.clock() - started
        self.work_log.reconciled(ref, outcomes, seconds)
        requeue = self.reporter.report(ref, outcomes, seconds)
        for outcome in outcomes:
            self.on_outcome(outcome)
        agenda.view.schedule.served(Key.definition(ref), agenda.clock())
        self._requeue_after(ref, requeue)
        for outcome in outcomes:
            if outcome.again_in is not None:
                agenda.queue.add_after(Key.definition(ref), outcome.again_in)
        if agenda.view.definitions.get(ref) is None and not agenda.view.definitions.debts(ref):
            self._forget(ref)

    def _write_status(self, ref: Ref) -> None:
        self._requeue_after(ref, self.reporter.write_owed(ref))

    def _requeue_after(self, ref: Ref, requeue: Requeue | None) -> None:
        if requeue is not None:
            self._schedule_next(ref, requeue.error)

    def _reconcile(self, ref: Ref, asked_at: float) -> list[Outcome]:
        entry = self.agenda.view.definitions.get(ref)
        about = entry.definition if entry else None
        try:
            self.agenda.subscriptions.follow(ref)
            return self.reconciler.reconcile(ref, asked_at, self._give_way)
        except Exception as error:  # noqa: BLE001 - one bad object must not end the worker
            return [Outcome.of_error(ref, None, InternalError(f"unexpected {raised_at(error)}"), about=about)]

    def _schedule_next(self, ref: Ref, error: SecretsManagerError | None) -> None:
        queue, without_cluster = self.agenda.queue, self.agenda.without_cluster
        without_cluster.note(ref, error)
        waits = isinstance(error, BackendFault | NoAnswerYet)
        for waiting in self._parked_for(ref):
            if waits:
                waiting.add(ref)
            else:
                waiting.discard(ref)
        # A person has to grant a missing right, but an API server that just started refuses everything.
        slow = isinstance(error, PermanentError) and not isinstance(error, Forbidden)
        if error is None or slow:
            queue.forget(Key.definition(ref))
        if isinstance(error, NotLeading):
            self._leave_to_leader(ref)
        elif isinstance(error, NoAnswerYet):
            queue.add_after(Key.definition(ref), _pause_after(error))
        elif slow:
            queue.retry_slowly(Key.definition(ref))
        elif error is not None:
            # The pause that a backend asked for is kept by the breaker, for all definitions at once.
            asked = error.retry_after if isinstance(error, ClusterFault) else None
            pauses = without_cluster if isinstance(error, _BRIEF) else None
            queue.retry(Key.definition(ref), at_least=asked or 0.0, pauses=pauses)

    # ── inside ───────────────────────────────────────────────────────────────────────────────────────

    def _parked_for(self, ref: Ref) -> Iterator[Parked]:
        """Where this definition is parked when a backend that it uses fails."""
        return self.upstreams.parked_for(self.agenda.view.ledger.sources_for(ref))

    def _leave_to_leader(self, ref: Ref) -> None:
        """Leave a definition to the leader, and settle those of its debts that the leader has paid.

        This replica may lead, but not for long enough to write: then the next tick takes the definition up.
        """
        self.agenda.without_lead.add(ref)
        if self.reconciler.still_owes(ref, ask=ref in self._owing):
            # Give the leader time; a check at once would only show what it has not done yet.
            self._owing.add(ref)
            self.agenda.queue.retry(Key.definition(ref), pauses=_UNTIL_SETTLED)
        else:
            self._owing.discard(ref)
            self.agenda.queue.forget(Key.definition(ref))

    def _forget(self, ref: Ref) -> None:
        self._forget_tries(ref)
        self.agenda.subscriptions.forget(ref)
        self.agenda.without_lead.discard(ref)
        self._owing.discard(ref)
        self.agenda.change_limiter.forget(ref)
        self.reconciler.forget(ref)
        self._uids.pop(ref, None)

    def _start_over_if_replaced(self, ref: Ref) -> None:
        """Forget what is remembered under this name if another definition has it now."""
        entry = self.agenda.view.definitions.get(ref)
        if entry is not None and self._uids.setdefault(ref, entry.definition.uid) != entry.definition.uid:
            self._uids[ref] = entry.definition.uid
            self._forget_tries(ref)

    def _forget_tries(self, ref: Ref) -> None:
        """Forget what came of reconciles of a definition, and how often they failed."""
        self.agenda.queue.forget(Key.definition(ref))
        for waiting in self._parked_for(ref):
            waiting.discard(ref)
        self.agenda.without_cluster.forget(ref)
        self.reporter.forget(ref)


def _pause_after(error: NoAnswerYet) -> float:
    # A path may have been left by accident; then it answers at once.
    return _MORE_TIME_AFTER if error.turned_away else _SOON_AFTER
