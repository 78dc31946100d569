"""Brings the Secret of one definition into step: gather, decide, act.

The order of reading is the fence (rule 1 of the design): first the Secret, then the backend, then a write
that carries the Secret's resourceVersion. A write that comes between, by another leader too, makes the API
server refuse ours, and then the whole chain starts again with a fresh observation.

Outcomes are returned; reporting them is not done here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from secrets_manager.cluster.lead.fenced import Leadership
from secrets_manager.cluster.view.definition_store import DefinitionEntry
from secrets_manager.domain.clash import differing_fields, is_content, is_unchanged_for_us, writers
from secrets_manager.domain.definition import SYNC, Definition, Ref, SecretSpec
from secrets_manager.domain.errors import (
    Conflict,
    Contested,
    NotLeading,
    QuotaExceeded,
    SecretsManagerError,
    Superseded,
    WouldShrink,
)
from secrets_manager.domain.lifecycle import OnShrink
from secrets_manager.domain.outcome import Outcome
from secrets_manager.domain.plan import Operation, Plan, plan, target_conflict
from secrets_manager.domain.secret import DesiredSecret, Digester, ObservedSecret
from secrets_manager.runtime.byte_semaphore import ByteSemaphore
from secrets_manager.sync.contest import Contests, with_contest
from secrets_manager.sync.desired import desired_secret, names_of_marks
from secrets_manager.sync.gatherer import Gatherer, GiveWay
from secrets_manager.sync.gathering import Gathered
from secrets_manager.sync.in_step import InStep
from secrets_manager.sync.queue.parked import Parked
from secrets_manager.sync.reading.absences import Absences
from secrets_manager.sync.reading.upstream import Upstreams
from secrets_manager.sync.remover import Remover
from secrets_manager.sync.restarts.board import RestartBoard
from secrets_manager.sync.subscriptions import Routes
from secrets_manager.sync.target_view import Cluster, Observation, TargetView
from secrets_manager.sync.telemetry import SyncTelemetry
from secrets_manager.sync.vanished import VanishedError, Vanishing

_TRIES = 3
# Writes of one reading, where another client writes the Secret all the time without changing what is ours.
_TRIES_OF_ONE_READING = 10
# Values that are handled at a time, in bytes, with some seven copies of each on the way; most are light.
_ROOM = 4 * 1024 * 1024
_LIGHT = 64 * 1024


@dataclass(eq=False, kw_only=True)
class Reconciler:
    """Reconciles one definition at a time per calling thread; never the same one twice at once.

    ``doubted`` are definitions to ask for by name before anything is done for them.
    """

    cluster: Cluster
    upstreams: Upstreams
    routes: Routes
    contests: Contests
    absences: Absences
    restarts: RestartBoard
    doubted: Parked
    digester: Digester
    leadership: Leadership
    now: Callable[[], datetime]
    telemetry: SyncTelemetry
    room: ByteSemaphore = field(default_factory=lambda: ByteSemaphore(_ROOM, light=_LIGHT))
    _view: TargetView = field(init=False)
    _remover: Remover = field(init=False)
    _gatherer: Gatherer = field(init=False)
    _in_step: InStep = field(init=False)
    _vanishing: Vanishing = field(init=False)

    def __post_init__(self) -> None:
        self._view = TargetView(
            store=self.cluster.secrets, writer=self.cluster.secret_writer, telemetry=self.telemetry
        )
        self._gatherer = Gatherer(upstreams=self.upstreams, routes=self.routes, telemetry=self.telemetry)
        self._in_step = InStep(self.digester)
        self._remover = Remover(cluster=self.cluster, view=self._view)
        self._vanishing = Vanishing(
            cluster=self.cluster, view=self._view, remover=self._remover, absences=self.absences
        )

    def forget(self, ref: Ref) -> None:
        """Drop what is remembered of a definition that is gone."""
        self._in_step.forget(ref)
        self.doubted.discard(ref)
        self.contests.forget(ref)
        self._gatherer.forget(ref)
        self.restarts.forget(ref)

    def still_owes(self, ref: Ref, *, ask: bool) -> bool:
        """Whether definitions of this name left a debt for the leader; as `Remover.still_owes`."""
        return self._remover.still_owes(ref, ask=ask)

    def reconcile(self, ref: Ref, asked_at: float, give_way: GiveWay) -> list[Outcome]:
        """Reconcile a definition, and delete the Secrets that definitions of that name left behind.

        ``asked_at`` is when the reconcile was requested, in monotonic seconds: a reading that began later,
        for another definition, is new enough.
        Every SecretsManagerError ends in an Outcome; the definition's own comes first.
        """
        known = self.cluster.definitions.get(ref)
        try:
            self._require_leadership(ref.namespace)
            entry = self._entry(ref)
        except SecretsManagerError as error:
            return [Outcome.of_error(ref, None, error, about=known.definition if known else None)]
        if entry is None:
            return self._remover.settle_debts(ref)
        outcome = self._own_outcome(entry, asked_at, give_way)
        if asked := entry.definition.annotations.get(SYNC):
            outcome = replace(outcome, asked=asked)
        if not outcome.in_step or outcome.suspended or entry.definition.deleting:
            return [outcome]
        return [outcome, *self._remover.settle_debts(ref), *self._remover.sweep(entry)]

    def _entry(self, ref: Ref) -> DefinitionEntry | None:
        known = self.cluster.definitions.get(ref)
        if ref not in self.doubted:
            return known
        if self.cluster.definition_writer.refresh(ref) is None and known is not None:
            self.cluster.definitions.drop(ref, known.definition.uid)
        self.doubted.discard(ref)
        # Not the answer of that call: a deletion may have been seen while the answer was on its way.
        return self.cluster.definitions.get(ref)

    def _own_outcome(self, entry: DefinitionEntry, asked_at: float, give_way: GiveWay) -> Outcome:
        definition = entry.definition
        try:
            if definition.deleting:
                return self._remover.finish(entry)
            return self.restarts.complete(self._sync(definition, asked_at, give_way))
        except SecretsManagerError as error:
            return Outcome.of_error(definition.ref, definition.secret_name, error, about=definition)

    def _sync(self, definition: Definition, asked_at: float, give_way: GiveWay) -> Outcome:
        spec = definition.spec
        if not isinstance(spec, SecretSpec):
            raise spec
        if spec.suspended:
            self.restarts.forget(definition.ref)
            return Outcome.of_suspended(definition)
        target = Ref(definition.ref.namespace, spec.secret_name)
        senior = self.cluster.definitions.senior(target)
        if senior and senior.seniority < definition.seniority:
            # Checked again after reading; but thousands of such reconciles must not cost a reading each.
            raise target_conflict(senior.ref, target)
        seen = self._view.observation(target)
        if seen.secret is None and self.contests.is_active(definition.ref):
            # It may only have lost the label by which it is watched.
            seen = self._view.fresh_observation(target)
        # Before the backend is asked: while that is away, workloads are restarted for what was written.
        self.restarts.saw(definition, spec, seen.secret)
        for _ in range(_TRIES):
            try:
                came = self._attempt(definition, spec, seen.not_before(asked_at), give_way)
            except QuotaExceeded:
                if seen.secret is not None or (came := self._view.fresh_observation(target)).secret is None:
                    raise
            if isinstance(came, Outcome):
                return came
            seen = came
        raise Conflict(f"Secret {spec.secret_name!r} keeps changing while it is being written")

    def _attempt(
        self, definition: Definition, spec: SecretSpec, seen: Observation, give_way: GiveWay
    ) -> Outcome | Observation:
        """Read and write; return the outcome, or the Secret as it is now if another client was faster."""
        try:
            taken = self._gatherer.gather(definition.ref, spec, seen.since, give_way)
        except VanishedError as vanished:
            came = self._vanishing.settle(definition, seen.secret, vanished.gone)
            if isinstance(came, Outcome):
                # What is made later is new, and no repair.
                self._in_step.forget(definition.ref)
            return came
        with self.room.hold(taken.size()):
            return self._persist(definition, spec, seen.secret, taken)

    def _persist(
        self,
        definition: Definition,
        spec: SecretSpec,
        observed: ObservedSecret | None,
        taken: Gathered,
    ) -> Outcome | Observation:
        """Write what was read; over a newer state too, as long as nothing of ours differs in it.

        A client that writes the Secret all the time would come between each new read of the backend and its
        write. Nothing of ours differs, so no replica of ours wrote, and the reading is not older than the
        Secret.
        """
        ours, tries = names_of_marks(definition, spec), 0
        while True:
            tries += 1
            try:
                return self._write(definition, spec, observed, taken)
            except Conflict:
                seen = self._view.fresh_observation(Ref(definition.ref.namespace, spec.secret_name))
            if tries == _TRIES_OF_ONE_READING or not is_unchanged_for_us(observed, seen.secret, ours):
                return seen
            observed = seen.secret

    def _write(
        self,
        definition: Definition,
        spec: SecretSpec,
        observed: ObservedSecret | None,
        taken: Gathered,
    ) -> Outcome:
        data = self._gatherer.data(definition.ref, spec, taken)
        senior = self.cluster.definitions.senior(Ref(definition.ref.namespace, spec.secret_name))
        desired = desired_secret(definition, data, senior, self.digester)
        decision = plan(desired, observed)
        if decision.refusal is not None:
            raise decision.refusal
        self._require_definition(definition, decision)
        outcome = _outcome(definition, decision, taken)
        if decision.operation is not Operation.UNCHANGED and self._in_step.was(definition.ref, desired):
            # The Secret was just so before, so another client changed it.
            outcome, decision = replace(outcome, restored=True), replace(decision, repairs=True)
        elif decision.changed_keys and (
            less := self._in_step.shrink(definition.ref, spec, desired, observed)
        ):
            if spec.on_shrink is OnShrink.REFUSE:
                raise WouldShrink(less.sentence())
            outcome = replace(outcome, shrunk=less.sentence())
        if outcome.restored or self.contests.knows(definition.ref):
            outcome = self._repair(outcome, definition, decision, desired, observed)
        else:
            self._apply(decision, desired, observed)
        self._in_step.note(definition.ref, spec, desired)
        if decision.is_change:
            self.restarts.wrote(definition, spec, self.cluster.secrets.get(desired.ref))
        return outcome

    def _repair(
        self,
        outcome: Outcome,
        definition: Definition,
        decision: Plan,
        desired: DesiredSecret,
        observed: ObservedSecret | None,
    ) -> Outcome:
        """Write what was decided, unless another writer undoes each repair and the next is not due yet."""
        ref, now = outcome.definition, self.contests.clock()
        contest = self.contests.of(ref, self._definition_digest(definition, desired))
        if outcome.restored and now < contest.due_at():
            self.contests.note(ref, contest := contest.with_drift(now))
            outcome = replace(
                outcome, operation=Operation.UNCHANGED, reason=Contested.__name__, restored=False
            )
            return with_contest(
                outcome, contest, now, right=not any(map(is_content, differing_fields(desired, observed)))
            )
        fields, names = differing_fields(desired, observed), list[str]()
        if outcome.restored and contest.is_close() and observed is not None:
            names = writers(fields, self.cluster.secret_writer.managers(desired.ref))
        self._apply(decision, desired, observed)
        if outcome.restored and observed is None:
            # Garbage collection may know before our watch that the definition is gone.
            self.doubted.add(ref)
        if outcome.restored:
            contest = contest.with_repair(self.contests.clock(), fields, names)
            self.contests.note(ref, contest)
        return with_contest(outcome, contest, now, right=not contest.is_doubtful(now))

    def _apply(self, decision: Plan, desired: DesiredSecret, observed: ObservedSecret | None) -> None:
        if decision.operation is Operation.UNCHANGED:
            return
        writer = self.cluster.secret_writer
        with self._view.writing(desired.ref):
            if observed is None:
                writer.create(desired, self.now())
            else:
                writer.replace(desired, observed, decision, self.now())

    def _definition_digest(self, definition: Definition, desired: DesiredSecret) -> bytes:
        """A digest of the definition's state, without that of the backend."""
        parts = (definition.uid, definition.generation, desired.labels, desired.annotations)
        return self.digester.of(repr(parts).encode())

    def _require_definition(self, definition: Definition, decision: Plan) -> None:
        """Check right before a write that the definition still exists, since the backend may have been slow.

        If the definition is deleted between here and the write, garbage collection finds the Secret by its
        owner mark.
        """
        entry = self.cluster.definitions.get(definition.ref)
        there = entry is not None and entry.definition.uid == definition.uid and not entry.definition.deleting
        if decision.operation is not Operation.UNCHANGED and not there:
            raise Superseded(
                f"SecretDefinition {definition.ref.name!r} was deleted while it was being reconciled"
            )

    def _require_leadership(self, namespace: str) -> None:
        if not self.leadership.holds(namespace):
            raise NotLeading("this replica does not lead")


def _outcome(definition: Definition, decision: Plan, taken: Gathered) -> Outcome:
    """The outcome of doing what was decided."""
    return Outcome(
        definition=definition.ref,
        uid=definition.uid,
        generation=definition.generation,
        secret=definition.secret_name,
        operation=decision.operation,
        reason=decision.reason,
        changed_keys=decision.changed_keys,
        sources=taken.versions,
        overridden=taken.overridden,
        cautions=taken.cautions,
    )
