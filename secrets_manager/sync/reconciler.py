"""Brings the Secret of one definition into step: gather, decide, act.

The order of reading is the fence (rule 1 of the design): first the Secret, then the backend, then a write
that carries the Secret's resourceVersion. Whatever comes between, another leader included, makes the API
server refuse the write, and then the whole chain starts again with a fresh look.

What came of it is returned; telling it to anybody is not done here.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from secrets_manager.backends.base import Backend, Reading
from secrets_manager.cluster.definition_store import DefinitionEntry
from secrets_manager.domain.definition import Definition, Ref, SecretSpec
from secrets_manager.domain.errors import (
    Conflict,
    KeyFault,
    NoAnswerYet,
    NotLeading,
    QuotaExceeded,
    SecretsManagerError,
)
from secrets_manager.domain.outcome import Outcome, SourceVersion
from secrets_manager.domain.plan import Operation, Plan, plan
from secrets_manager.domain.policy import PathPolicy
from secrets_manager.domain.secret import DesiredSecret, Digester, ObservedSecret
from secrets_manager.runtime.heartbeat import beat_here
from secrets_manager.runtime.room import Room
from secrets_manager.sync.desired import desired_data, desired_secret
from secrets_manager.sync.leadership import Leadership
from secrets_manager.sync.remover import Cluster, Remover, failed
from secrets_manager.sync.source_reader import SourceReader
from secrets_manager.sync.target_view import Sight, TargetView
from secrets_manager.sync.telemetry import SyncTelemetry

_TRIES = 3
# Values that are handled at a time, in bytes, with some seven copies of each on the way; most are light.
_ROOM = 4 * 1024 * 1024
_LIGHT = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """The backend as reconciles use it: where a path leads, who may go there, what is there."""

    backend: Backend
    reader: SourceReader
    policy: PathPolicy


@dataclass(eq=False, kw_only=True)
class Reconciler:
    """Reconciles one definition at a time per calling thread; never the same one twice at once."""

    cluster: Cluster
    sources: Sources
    digester: Digester
    leadership: Leadership
    now: Callable[[], datetime]
    telemetry: SyncTelemetry
    room: Room = field(default_factory=lambda: Room(_ROOM, light=_LIGHT))
    _view: TargetView = field(init=False)
    _remover: Remover = field(init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _doubted: set[Ref] = field(default_factory=set)
    _in_step: dict[Ref, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._view = TargetView(
            store=self.cluster.secrets, writer=self.cluster.secret_writer, telemetry=self.telemetry
        )
        self._remover = Remover(cluster=self.cluster, view=self._view)

    def doubt(self, ref: Ref) -> None:
        """A complete list lacked this definition: ask for it by name before doing anything for it."""
        with self._lock:
            self._doubted.add(ref)

    def forget(self, ref: Ref) -> None:
        """Let go of what is remembered of a definition that is gone."""
        with self._lock:
            self._in_step.pop(ref, None)
            self._doubted.discard(ref)

    def reconcile(self, ref: Ref, asked_at: float = math.inf) -> list[Outcome]:
        """Look at a definition, and at what definitions of that name left behind.

        ``asked_at`` is when that was asked for, in monotonic seconds: what was read of the backend since, for
        another definition, is new enough.
        Every SecretsManagerError ends in an Outcome; the definition's own comes first.
        """
        try:
            self._require_leadership(ref)
            entry = self._entry(ref)
        except SecretsManagerError as error:
            return [failed(ref, None, error)]
        if entry is None:
            return self._remover.settle_debts(ref)
        outcome = self._main(entry, asked_at)
        if not outcome.in_step or entry.definition.deleting:
            return [outcome]
        return [outcome, *self._remover.settle_debts(ref), *self._remover.sweep(entry)]

    def _entry(self, ref: Ref) -> DefinitionEntry | None:
        with self._lock:
            doubted = ref in self._doubted
        if not doubted:
            return self.cluster.definitions.get(ref)
        entry = self.cluster.definition_writer.refresh(ref)
        if entry is None:
            self.cluster.definitions.drop(ref)
        with self._lock:
            self._doubted.discard(ref)
        return entry

    def _main(self, entry: DefinitionEntry, asked_at: float) -> Outcome:
        definition = entry.definition
        try:
            if definition.deleting:
                return self._remover.finish(entry)
            return self._sync(definition, asked_at)
        except SecretsManagerError as error:
            outcome = failed(definition.ref, definition.secret_name, error)
            return replace(outcome, generation=definition.generation)

    def _sync(self, definition: Definition, asked_at: float) -> Outcome:
        spec = definition.spec
        if not isinstance(spec, SecretSpec):
            raise spec
        target = Ref(definition.ref.namespace, spec.secret_name)
        seen = self._view.look(target)
        for _ in range(_TRIES):
            try:
                return self._bring(definition, spec, seen.not_before(asked_at))
            except Conflict:
                seen = self._view.look(target)
            except QuotaExceeded:
                if seen.secret is not None or (seen := self._view.ask_anew(target)).secret is None:
                    raise
        raise Conflict(f"Secret {spec.secret_name!r} keeps changing while it is being written")

    def _bring(self, definition: Definition, spec: SecretSpec, seen: Sight) -> Outcome:
        readings = self._read(definition.ref, spec, seen.since)
        with self.room.of(sum(reading.weight() for reading in readings.values())):
            return self._write(definition, spec, seen.secret, readings)

    def _write(
        self,
        definition: Definition,
        spec: SecretSpec,
        observed: ObservedSecret | None,
        readings: Mapping[str, Reading],
    ) -> Outcome:
        data = self._data(definition.ref, spec, readings)
        claimants = self.cluster.definitions.wanting(Ref(definition.ref.namespace, spec.secret_name))
        desired = desired_secret(definition, data, claimants, self.digester)
        decision = plan(desired, observed)
        if decision.refusal is not None:
            raise decision.refusal
        self._act(decision, desired, observed)
        return Outcome(
            definition=definition.ref,
            generation=definition.generation,
            secret=spec.secret_name,
            operation=decision.operation,
            reason=decision.reason,
            changed_keys=decision.changed_keys,
            sources=tuple(SourceVersion(path, readings[path].version) for path in spec.paths),
            restored=self._was_restored(definition.ref, decision, desired),
            cautions=tuple(dict.fromkeys(one.caution for one in readings.values() if one.caution)),
        )

    def _read(self, asker: Ref, spec: SecretSpec, since: float) -> dict[str, Reading]:
        readings: dict[str, Reading] = {}
        for path in spec.paths:
            # Many paths of a slow backend take long, and a worker without a sign of life is taken for dead.
            beat_here()
            try:
                source = self.sources.backend.locate(path)
                self.sources.policy.check(asker.namespace, source.path)
                readings[path] = self.sources.reader.read(source, asker, since)
            except NoAnswerYet:
                raise
            except SecretsManagerError as error:
                self._tell_failed_keys(asker, spec, path, error)
                raise
        return readings

    def _data(self, asker: Ref, spec: SecretSpec, readings: Mapping[str, Reading]) -> dict[str, bytes]:
        try:
            return desired_data(spec, readings)
        except KeyFault as error:
            self.telemetry.source_failed(asker, error.path, error.key, error)
            raise

    def _tell_failed_keys(self, asker: Ref, spec: SecretSpec, path: str, error: SecretsManagerError) -> None:
        for source in spec.keys.values():
            if source.path == path:
                self.telemetry.source_failed(asker, path, source.key, error)

    def _act(self, decision: Plan, desired: DesiredSecret, observed: ObservedSecret | None) -> None:
        if decision.operation is Operation.UNCHANGED:
            return
        writer = self.cluster.secret_writer
        with self._view.writing(desired.ref):
            if observed is None:
                writer.create(desired, self.now())
            else:
                writer.replace(desired, observed, decision, self.now())

    def _was_restored(self, ref: Ref, decision: Plan, desired: DesiredSecret) -> bool:
        """Remember what is in step now, and tell whether it had been so before somebody changed it."""
        parts = (desired.owner.uid, desired.ref, desired.type, desired.digests, desired.labels)
        mark = self.digester.of(repr((*parts, desired.annotations)).encode())
        with self._lock:
            before = self._in_step.get(ref)
            self._in_step[ref] = mark
        return decision.operation is not Operation.UNCHANGED and before == mark

    def _require_leadership(self, ref: Ref) -> None:
        if not self.leadership.holds(ref):
            raise NotLeading("this replica does not lead")
