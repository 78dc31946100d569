"""Deletes Secrets that are no longer wanted, if they are ours.

Deletion needs evidence: a definition with a deletionTimestamp, a DELETED event for its uid, or a spec that
names another Secret now. A backend is never asked, so deletion works while it is down.
"""

from __future__ import annotations

from dataclasses import dataclass

from secrets_manager.cluster.definition_store import DefinitionEntry, DefinitionStore
from secrets_manager.cluster.secret_store import SecretStore
from secrets_manager.cluster.writer import FINALIZER, DefinitionWriter, SecretWriter
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import Conflict, SecretsManagerError
from secrets_manager.domain.outcome import Outcome
from secrets_manager.domain.plan import NOTHING_TO_DELETE, ORPHANED, Operation, Plan, plan_deletion
from secrets_manager.sync.target_view import TargetView

_TRIES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """The cluster as reconciles use it: what is known of it, and the ways to change it."""

    definitions: DefinitionStore
    secrets: SecretStore
    secret_writer: SecretWriter
    definition_writer: DefinitionWriter


@dataclass(frozen=True, slots=True, kw_only=True)
class Remover:
    """Settles what definitions leave behind."""

    cluster: Cluster
    view: TargetView

    def finish(self, entry: DefinitionEntry) -> Outcome:
        """Delete the Secret of a definition that is being deleted, and release the original's finalizer."""
        definition = entry.definition
        decision = ORPHANED if definition.orphans else NOTHING_TO_DELETE
        if definition.target and not definition.orphans:
            decision = self._delete(definition.uid, definition.target)
        if FINALIZER in definition.finalizers:
            self.cluster.definition_writer.release_finalizer(entry)
        return _deletion(definition.ref, definition.secret_name or "", decision)

    def settle_debts(self, ref: Ref) -> list[Outcome]:
        """Delete the Secrets that earlier states of this definition, or definitions of its name, wanted."""
        outcomes = []
        for debt in self.cluster.definitions.debts(ref):
            uid, target = debt
            try:
                decision = self._delete(uid, target)
            except SecretsManagerError as error:
                outcomes.append(failed(ref, target.name, error, cleanup=True))
                continue
            self.cluster.definitions.settle(ref, debt)
            outcomes.append(_deletion(ref, target.name, decision))
        return outcomes

    def sweep(self, entry: DefinitionEntry) -> list[Outcome]:
        """Delete Secrets with this definition's owner mark that it does not want, as after a restart."""
        definition = entry.definition
        found = set(self.cluster.secrets.owned_by(definition.uid))
        if entry.status and entry.status.secret_name:
            found.add(Ref(definition.ref.namespace, entry.status.secret_name))
        outcomes = []
        for target in sorted(found - {definition.target}):
            try:
                decision = self._delete(definition.uid, target, only_by_owner=True)
            except SecretsManagerError as error:
                outcomes.append(failed(definition.ref, target.name, error, cleanup=True))
                continue
            outcomes.append(_deletion(definition.ref, target.name, decision))
        return outcomes

    def _delete(self, uid: str, target: Ref, *, only_by_owner: bool = False) -> Plan:
        for _ in range(_TRIES):
            observed = self.view.observe(target) or self.view.ask(target)
            decision = plan_deletion(
                uid, observed, wanted=self._is_wanted(target), only_by_owner=only_by_owner
            )
            if decision.operation is not Operation.DELETED or observed is None:
                return decision
            try:
                with self.view.writing(target):
                    self.cluster.secret_writer.delete(observed)
            except Conflict:
                continue
            return decision
        raise Conflict(f"Secret {target.name!r} keeps changing while it is being deleted")

    def _is_wanted(self, target: Ref) -> bool:
        # The very definition that left the debt may have taken its old name again since.
        return any(not claimant.deleting for claimant in self.cluster.definitions.wanting(target))


def failed(ref: Ref, secret: str | None, error: SecretsManagerError, *, cleanup: bool = False) -> Outcome:
    """The outcome of what ended in ``error``."""
    return Outcome(
        definition=ref,
        secret=secret,
        operation=Operation.REFUSED,
        reason=error.reason,
        error=error.bare(),
        cleanup=cleanup,
    )


def _deletion(ref: Ref, secret: str, decision: Plan) -> Outcome:
    return Outcome(
        definition=ref, secret=secret, operation=decision.operation, reason=decision.reason, cleanup=True
    )
