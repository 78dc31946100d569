"""Three inputs, one queue, one path out.

A definition changed, a Secret changed, a source changed: each input only says *look at this key again*, never
what to do, so losing or repeating one costs time and nothing else. Workers take keys from the queue; the
bodies of the scheduled jobs are here too. Nothing here talks to the cluster or the backend itself.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial

from secrets_manager.backends.base import Backend, Reading, Source
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import (
    BackendFault,
    ClusterFault,
    Forbidden,
    InternalError,
    NoAnswerYet,
    NotLeading,
    PermanentError,
    SecretsManagerError,
)
from secrets_manager.domain.outcome import Outcome
from secrets_manager.domain.secret import ObservedSecret
from secrets_manager.runtime.heartbeat import Heartbeat
from secrets_manager.sync.circuit_breaker import CircuitBreaker
from secrets_manager.sync.following import SURVEY, Following, Key, Kind, Known, look, poll
from secrets_manager.sync.leadership import Leadership
from secrets_manager.sync.reconciler import Reconciler
from secrets_manager.sync.remover import failed
from secrets_manager.sync.set_aside import SetAside
from secrets_manager.sync.source_reader import SourceReader
from secrets_manager.sync.statuses import Settled, Statuses, worst
from secrets_manager.sync.stranded import Stranded
from secrets_manager.sync.surveys import Surveys
from secrets_manager.sync.teller import Teller
from secrets_manager.sync.work_queue import Lane, WorkQueue

log = logging.getLogger("sync.engine")

# A backend that is down for longer than this is told to every definition that depends on it; a shorter outage
# would only make every condition flicker.
OUTAGE_TOLD_AFTER = 10.0
_TAKE_SECONDS = 5.0
# A source that was left at its first try is asked again after this.
_MORE_TIME_AFTER = 1.0
_TOLD = Settled(None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """How the engine gets things done."""

    backend: Backend
    breaker: CircuitBreaker
    reader: SourceReader
    reconciler: Reconciler
    teller: Teller


@dataclass(eq=False, kw_only=True)
class Engine:
    """Joins inputs, queue and workers. ``clock`` gives monotonic seconds.

    ``on_outcome`` is told of every outcome after everybody else was, but for a status that is owed.
    """

    known: Known
    work: Work
    queue: WorkQueue[Key]
    leadership: Leadership
    clock: Callable[[], float]
    on_outcome: Callable[[Outcome], None] = lambda _: None
    _following: Following = field(init=False)
    _surveys: Surveys = field(init=False)
    _statuses: Statuses = field(init=False)
    _without_backend: SetAside = field(default_factory=SetAside)
    _without_lead: SetAside = field(default_factory=SetAside)
    _without_cluster: Stranded = field(init=False)
    _outage_told: bool = False

    def __post_init__(self) -> None:
        self._following = Following(known=self.known, backend=self.work.backend)
        self._statuses = Statuses(queue=self.queue, teller=self.work.teller)
        self._without_cluster = Stranded(self.clock)
        self._surveys = Surveys(self.work.backend, self.work.breaker, self.known.schedule, self.clock)

    # ── inputs ───────────────────────────────────────────────────────────────────────────────────────

    def definition_listed(self, ref: Ref) -> None:
        """A full list told of a new or differing definition; it may wait for one that somebody just made."""
        self._following.follow(ref)
        self.queue.add(look(ref), Lane.SOON)
        self._wake_rivals(ref, Lane.SOON)

    def definition_changed(self, ref: Ref) -> None:
        """A definition was made or changed: others may have wanted the Secret that it wants, or wanted."""
        self._following.follow(ref)
        self.queue.add(look(ref))
        self._wake_rivals(ref)

    def definition_deleted(self, ref: Ref) -> None:
        """A definition was deleted: its Secret may have to go, or may be another's now."""
        self.definition_changed(ref)

    def definition_missing(self, ref: Ref) -> None:
        """A complete list lacked a definition that we know."""
        self.work.reconciler.doubt(ref)
        self.queue.add(look(ref), Lane.SOON)

    def secret_changed(self, secret: ObservedSecret) -> None:
        """A Secret of ours differs from what was known of it, or is gone."""
        for claimant in self.known.definitions.wanting(secret.ref):
            self.queue.add(look(claimant.ref))
        owner = secret.definition_owner
        debtor = Ref(secret.ref.namespace, owner.name) if owner else None
        if debtor and self.known.definitions.debts(debtor):
            self.queue.add(look(debtor))

    def secrets_tracking_changed(self) -> None:
        """Secrets of some namespace can be watched now, or no longer: what changed in between nobody saw."""
        self._following.follow_all()
        self._look_soon(self.known.definitions.refs())

    def source_read(self, source: Source, result: Reading | SecretsManagerError, by: frozenset[Ref]) -> None:
        """Somebody read a source; whoever else uses it looks again if that is news."""
        self.known.schedule.served(poll(source), self.clock())
        self._look_soon(self.known.ledger.learn(source, result) - by)

    def lead(self) -> None:
        """We lead from now on: look at everything, since what came up before was left to another."""
        self._without_lead.take_all()
        self._look_soon(self.known.definitions.refs_and_debtors())

    def backend_recovered(self) -> None:
        """The backend serves again: look at once at everything that waited for it."""
        self._look_soon(self._without_backend.take_all())

    def cluster_recovered(self) -> None:
        """The API server serves again after a while: the next tick looks at everything that waited for it."""
        self._without_cluster.answered()

    def overdue_seconds(self) -> float:
        """By how much the most overdue poll is late; 0 while we do not lead, and so poll nothing."""
        if not self.leadership.holds(None):
            return 0.0
        return self.known.schedule.overdue_seconds(self.clock())

    # ── bodies of the jobs ───────────────────────────────────────────────────────────────────────────

    def tick(self) -> None:
        """The ``reconcile`` job: release the retries and polls that are due. Enqueues only."""
        self.work.reader.let_go_of_old()
        if not self.leadership.holds(None):
            return
        self.queue.release_due()
        self._look_soon(self._without_lead.take_all())
        self._look_soon(self._without_cluster.due())
        if self.work.breaker.open_for() is not None:
            self._probe()
            self._tell_outage()
            return
        self._outage_told = False
        for key in self.known.schedule.take_due(self.clock()):
            if self._surveys.spare(key):
                self.known.schedule.let_go(key)
            else:
                self.queue.add(key, Lane.ROUTINE)

    def maintain_session(self) -> None:
        """The ``token`` job: look after the session, unless the backend is down, which probes look after."""
        if not self.leadership.holds(None) or self.work.breaker.open_for() is not None:
            return
        try:
            self.work.backend.maintain()
        except SecretsManagerError as error:
            log.debug("the session could not be looked after", extra={"reason": error.reason})

    # ── workers ──────────────────────────────────────────────────────────────────────────────────────

    def run_worker(self, heartbeat: Heartbeat, stop: threading.Event) -> None:
        """The body of a worker thread: work until ``stop`` is set."""
        heartbeat.adopt()
        while not stop.is_set():
            heartbeat.beat()
            self.work_once(_TAKE_SECONDS)

    def work_once(self, timeout: float) -> bool:
        """Take one key and work on it; returns whether there was one within ``timeout`` seconds."""
        key = self.queue.take(timeout)
        if key is None:
            return False
        comes_again = False
        try:
            if key == SURVEY:
                self._survey()
            elif key.kind is Kind.STATUS and isinstance(key.subject, Ref):
                self._write_status(key.subject)
            elif isinstance(key.subject, Source):
                comes_again = self._poll(key, key.subject)
            else:
                self._look_at(key.subject)
        finally:
            if not comes_again:
                self.known.schedule.let_go(key)
            self.queue.done(key)
        return True

    def _poll(self, key: Key, source: Source) -> bool:
        """Read ``source``; returns whether that is to be done again soon."""
        # While it waited, a reconcile may have read the source.
        if not self.known.schedule.wants(key):
            return False
        error = self._ask(source.path, lambda: self.work.reader.read(source))
        if not isinstance(error, NoAnswerYet):
            return False
        self.queue.add_after(key, _MORE_TIME_AFTER)
        return True

    def _survey(self) -> None:
        self._ask("", self._enqueue_stale)

    def _enqueue_stale(self) -> None:
        for source in self._surveys.run(self.known.ledger.sources()):
            self._poll_now(poll(source), Lane.SOON)

    def _ask(self, path: str, question: Callable[[], object]) -> SecretsManagerError | None:
        """Ask the backend something; who wants to know the answer hears of it elsewhere."""
        if not self.leadership.holds(None):
            return None
        try:
            question()
        except SecretsManagerError as error:
            log.debug("poll failed", extra={"path": path, "reason": error.reason})
            return error
        except Exception as error:  # noqa: BLE001 - one bad object must not end the worker
            # The text of a foreign exception may hold a value, so only its type and place are told.
            told = {"path": path, "error": _place(error)}
            log.error("unexpected error", extra=told)  # noqa: TRY400 - as above
        return None

    def _look_at(self, ref: Ref) -> None:
        started = self.clock()
        outcomes = self._reconcile(ref, self.queue.asked_at(look(ref)))
        seconds = self.clock() - started
        errors = [self._guarded(partial(self._tell, outcome, seconds)).error for outcome in outcomes]
        settled = self._guarded(partial(self._statuses.after_look, ref, outcomes))
        for outcome in outcomes:
            self.on_outcome(outcome)
        self.known.schedule.served(look(ref), self.clock())
        self._conclude(ref, settled._replace(error=worst([settled.error, *errors])))
        if self.known.definitions.get(ref) is None and not self.known.definitions.debts(ref):
            self._forget(ref)

    def _tell(self, outcome: Outcome, seconds: float) -> Settled:
        self.work.teller.tell(outcome, seconds)
        return _TOLD

    def _write_status(self, ref: Ref) -> None:
        self._conclude(ref, self._guarded(partial(self._statuses.write, ref)))

    def _conclude(self, ref: Ref, settled: Settled) -> None:
        # While a status is owed it is too early to say that all is well.
        if settled.error is not None or settled.final:
            self._schedule_next(ref, settled.error)

    def _guarded(self, step: Callable[[], Settled]) -> Settled:
        try:
            return step()
        except Exception as unexpected:  # noqa: BLE001 - one bad object must not end the worker
            error = InternalError(f"unexpected {_place(unexpected)}")
            log.error("not told", extra={"error": error.message})  # noqa: TRY400 - as in _ask
            return Settled(error)

    def _reconcile(self, ref: Ref, asked_at: float) -> list[Outcome]:
        try:
            return self.work.reconciler.reconcile(ref, asked_at)
        except Exception as error:  # noqa: BLE001 - one bad object must not end the worker
            return [failed(ref, None, InternalError(f"unexpected {_place(error)}"))]

    def _schedule_next(self, ref: Ref, error: SecretsManagerError | None) -> None:
        self._without_cluster.note(ref, error)
        if isinstance(error, BackendFault | NoAnswerYet):
            self._without_backend.add(ref)
        else:
            self._without_backend.discard(ref)
        # A missing right is a person's matter, but an API server that just started misses all of them.
        slow = isinstance(error, PermanentError) and not isinstance(error, Forbidden)
        if error is None or slow:
            self.queue.forget(look(ref))
        if isinstance(error, NotLeading):
            self._leave(ref)
        elif isinstance(error, NoAnswerYet):
            self.queue.add_after(look(ref), _MORE_TIME_AFTER)
        elif slow:
            self.queue.retry_slowly(look(ref))
        elif error is not None:
            # A backend that asks for a pause is heeded by the breaker, for all definitions at once.
            asked = error.retry_after if isinstance(error, ClusterFault) else None
            self.queue.retry(look(ref), at_least=asked or 0.0)

    # ── inside ───────────────────────────────────────────────────────────────────────────────────────

    def _look_soon(self, refs: Iterable[Ref]) -> None:
        for ref in refs:
            self.queue.add(look(ref), Lane.SOON)

    def _leave(self, ref: Ref) -> None:
        """Leave a definition to the leader, and what that has done about its debts already.

        We may be the leader, with too little of the lead left for a write: then the next tick takes it up.
        """
        for debt in self.known.definitions.debts(ref):
            _, target = debt
            if self.known.secrets.tracks(target.namespace) and self.known.secrets.get(target) is None:
                self.known.definitions.settle(ref, debt)
        self._without_lead.add(ref)

    def _wake_rivals(self, ref: Ref, lane: Lane = Lane.URGENT) -> None:
        entry = self.known.definitions.get(ref)
        targets = {target for _, target in self.known.definitions.debts(ref)}
        if entry and entry.definition.target:
            targets.add(entry.definition.target)
        for target in targets:
            for other in self.known.definitions.wanting(target):
                if other.ref != ref:
                    self.queue.add(look(other.ref), lane)

    def _probe(self) -> None:
        if not self.work.breaker.wants_probe():
            return
        self._surveys.postpone()
        # A source that hangs by itself would tell nothing of the others, and takes its time about it.
        schedule = self.known.schedule
        key = schedule.first_due(self._is_quick) or schedule.most_overdue()
        if key is not None:
            self._poll_now(key, Lane.URGENT)

    def _is_quick(self, key: Key) -> bool:
        return isinstance(key.subject, Source) and key != SURVEY and key.subject not in self.work.reader.slow

    def _poll_now(self, key: Key, lane: Lane) -> None:
        self.known.schedule.take(key, self.clock())
        self.queue.add(key, lane)

    def _tell_outage(self) -> None:
        open_for = self.work.breaker.open_for() or 0.0
        if self._outage_told or open_for < OUTAGE_TOLD_AFTER:
            return
        self._outage_told = True
        self._look_soon(self.known.definitions.refs())

    def _forget(self, ref: Ref) -> None:
        self._following.follow(ref)
        self.queue.forget(look(ref))
        self._without_lead.discard(ref)
        self._without_cluster.forget(ref)
        self.work.reconciler.forget(ref)
        self._statuses.forget(ref)
        self.work.teller.forget(ref)


def _place(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}" if trace else "?"
    return f"{type(error).__name__} at {where}"
