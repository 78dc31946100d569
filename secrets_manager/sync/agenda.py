"""What comes in: a definition changed, a Secret changed, a source changed.

Each input only says *reconcile this key again*, never what to do, so losing or repeating one costs time and
nothing else. Any thread may call; nothing here talks to the cluster or to a backend, or takes long.

A change may concern other definitions than the one that changed. A definition that cannot have its Secret,
since an older one keeps it, is refused before and after most changes. So even if thousands name one Secret, a
change concerns one or two of them, and finding those costs the same for many as for few.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from secrets_manager.backends.base import Reading, Source
from secrets_manager.cluster.lead.fenced import Leadership
from secrets_manager.cluster.view.definition_store import DefinitionStore
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import SecretsManagerError
from secrets_manager.domain.secret import ObservedSecret
from secrets_manager.runtime.token_bucket import TokenBucket
from secrets_manager.sync.contest import Contests
from secrets_manager.sync.queue.keys import Key
from secrets_manager.sync.queue.parked import Parked, ParkedForCluster
from secrets_manager.sync.queue.work_queue import Lane, WorkQueue
from secrets_manager.sync.subscriptions import Subscriptions, WorldView

# More than the quick repairs of a contest, so that those are never delayed here.
CHANGES_AT_ONCE = 30
CHANGES_PER_SECOND = 1.0


@dataclass(eq=False)
class ChangeLimiter:
    """How soon a definition is reconciled because its Secret changed. ``clock`` gives monotonic seconds.

    Any client that may write a Secret can change it without end, in ways that need no repair, or one that is
    refused in other words each time. Each reconcile reads the backend, and may write a status, an Event and a
    line. So the first such reconciles of a definition run at once and the others at a steady pace. Nothing is
    missed by that: a later reconcile sees the Secret as it is then. Safe from many threads.
    """

    clock: Callable[[], float]
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _buckets: dict[Ref, TokenBucket] = field(default_factory=dict)

    def wait(self, ref: Ref) -> float:
        """Seconds until a definition may be reconciled because its Secret changed just now."""
        now = self.clock()
        with self._lock:
            bucket = self._buckets.get(ref)
            if bucket is None:
                bucket = self._buckets[ref] = TokenBucket(
                    rate=CHANGES_PER_SECOND, burst=CHANGES_AT_ONCE, now=now
                )
            return 0.0 if bucket.try_take(now) else bucket.wait(now)

    def forget(self, ref: Ref) -> None:
        """Drop a definition that is gone."""
        with self._lock:
            self._buckets.pop(ref, None)


@dataclass(eq=False, kw_only=True)
class Agenda:
    """Puts keys on the queue. ``clock`` gives monotonic seconds.

    Attributes:
        doubted: definitions that a complete list lacked; the next reconcile asks for them by name.
        without_lead: definitions that were left to the leader.
        without_cluster: definitions that the API server left without an answer.
        change_limiter: slows down reconciles of definitions whose Secrets change without end.
        on_read: is told of each source that was read, or is known to be as it was read.

    """

    view: WorldView
    queue: WorkQueue[Key]
    subscriptions: Subscriptions
    contests: Contests
    leadership: Leadership
    clock: Callable[[], float]
    doubted: Parked = field(default_factory=Parked)
    without_lead: Parked = field(default_factory=Parked)
    without_cluster: ParkedForCluster = field(init=False)
    change_limiter: ChangeLimiter = field(init=False)
    on_read: Callable[[Source], None] | None = None

    def __post_init__(self) -> None:
        self.without_cluster = ParkedForCluster(self.clock)
        self.change_limiter = ChangeLimiter(self.clock)

    def definition_listed(self, ref: Ref) -> None:
        """A full list had a new or different definition; those that were just made by a person come first."""
        self._definition_seen(ref, Lane.SOON)

    def definition_changed(self, ref: Ref) -> None:
        """A definition was created, changed or deleted; others may want a Secret that it wants or wanted."""
        self._definition_seen(ref, Lane.URGENT)

    def definition_missing(self, ref: Ref) -> None:
        """A complete list lacked a known definition. That is no evidence of a deletion."""
        self.doubted.add(ref)
        self.queue.add(Key.definition(ref), Lane.SOON)

    def secret_changed(self, secret: ObservedSecret) -> None:
        """A Secret of ours differs from the last known state, or is gone."""
        senior, debtor = concerned_by_secret(self.view.definitions, secret)
        if senior and not self.contests.holds_off(senior):
            self._reconcile_changed(senior)
        if debtor and debtor != senior:
            self._reconcile_changed(debtor)

    def secrets_tracking_changed(self) -> None:
        """The Secrets of a namespace can be listed now, or no longer.

        Now: the list shows what changed unseen. No longer: each definition is reconciled once a period.
        """
        self.subscriptions.begin_all()

    def source_read(self, source: Source, result: Reading | SecretsManagerError, by: frozenset[Ref]) -> None:
        """A source was read; if its content changed, its other users are reconciled again.

        So are those that act on its absence, once that is proven.
        """
        now = self.clock()
        if isinstance(result, Reading):
            self.sources_known([source])
        self.view.schedule.served(Key.source(source), now)
        users = self.view.ledger.learn(source, result) | self.subscriptions.absences.heard(
            source, result, now
        )
        self.reconcile_soon(users - by)

    def sources_known(self, sources: Iterable[Source]) -> None:
        """It is known what these sources hold now: they were read, or have not changed since."""
        if self.on_read is not None:
            for source in sources:
                self.on_read(source)

    def lead_acquired(self) -> None:
        """This replica leads from now on: reconcile everything, since all before was left to another."""
        self.without_lead.take_all()
        self.subscriptions.absences.start_over()
        self.reconcile_soon(self.view.definitions.refs_and_debtors())

    def cluster_recovered(self) -> None:
        """The API server serves again: the next tick reconciles everything that waited for it."""
        self.without_cluster.answered()

    def overdue_seconds(self) -> float:
        """How late the most overdue poll is; 0 while this replica does not lead, since it polls nothing."""
        return self.view.schedule.overdue_seconds(self.clock()) if self.leadership.leads() else 0.0

    def reconcile_soon(self, refs: Iterable[Ref]) -> None:
        """Reconcile these, after those that people just changed."""
        for ref in refs:
            self.queue.add(Key.definition(ref), Lane.SOON)

    def poll_now(self, key: Key, lane: Lane) -> None:
        """Poll a source, or survey a backend, before it is due."""
        self.view.schedule.take(key, self.clock())
        self.queue.add(key, lane)

    def _reconcile_changed(self, ref: Ref) -> None:
        wait = self.change_limiter.wait(ref)
        if wait:
            self.queue.add_after(Key.definition(ref), wait)
        else:
            self.queue.add(Key.definition(ref))

    def _definition_seen(self, ref: Ref, lane: Lane) -> None:
        self.subscriptions.expect(ref)
        for each in (ref, *concerned_by_definition(self.view.definitions, ref)):
            self.queue.add(Key.definition(each), lane)


def concerned_by_definition(definitions: DefinitionStore, ref: Ref) -> list[Ref]:
    """The other definitions that may gain or lose their Secret when this one comes, changes or goes.

    There is one for each Secret that it wants or wanted. If it is the eldest now, the next one may have been
    the eldest until now. If it is not, it may have been, and the eldest of now may gain the Secret.
    """
    entry = definitions.get(ref)
    targets = {target for _, target in definitions.debts(ref)}
    if entry and entry.definition.target:
        targets.add(entry.definition.target)
    pairs = map(definitions.eldest, sorted(targets))
    return [other for first, second in pairs if (other := second if first == ref else first)]


def concerned_by_secret(
    definitions: DefinitionStore, secret: ObservedSecret
) -> tuple[Ref | None, Ref | None]:
    """The definition that keeps a Secret, and the one in its owner mark if that may have to delete it."""
    senior = definitions.senior(secret.ref)
    owner = secret.definition_owner
    debtor = Ref(secret.ref.namespace, owner.name) if owner else None
    return senior.ref if senior else None, debtor if debtor and _may_owe(definitions, debtor) else None


def _may_owe(definitions: DefinitionStore, ref: Ref) -> bool:
    """Whether a Secret of a definition of this name may still have to be deleted."""
    entry = definitions.get(ref)
    return bool(definitions.debts(ref)) or (entry is not None and entry.definition.deleting)
