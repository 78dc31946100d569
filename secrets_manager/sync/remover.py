"""Deletes Secrets that are no longer wanted, if they are ours.

Deletion needs evidence: a definition with a deletionTimestamp, a DELETED event for its uid, or a spec that
names another Secret now. A backend is never asked, so deletion works while it is down.
"""

from __future__ import annotations

from dataclasses import dataclass

from secrets_manager.cluster.view.definition_store import DefinitionEntry
from secrets_manager.cluster.write.writer import FINALIZER
from secrets_manager.domain.definition import Definition, Ref
from secrets_manager.domain.errors import Conflict, Forbidden, SecretsManagerError
from secrets_manager.domain.outcome import Outcome
from secrets_manager.domain.plan import NOTHING_TO_DELETE, ORPHANED, RETAINED, Operation, Plan, plan_deletion
from secrets_manager.domain.secret import ObservedSecret
from secrets_manager.sync.target_view import Cluster, TargetView

_TRIES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Remover:
    """Settles what definitions leave behind."""

    cluster: Cluster
    view: TargetView

    def finish(self, entry: DefinitionEntry) -> Outcome:
        """Delete the Secret of a definition that is being deleted, and release the original's finalizer."""
        definition = entry.definition
        decision = NOTHING_TO_DELETE
        if definition.orphans or definition.retains:
            decision = ORPHANED if definition.orphans else RETAINED
        elif definition.target:
            decision = self._delete(definition.uid, definition.target)
        if FINALIZER in definition.finalizers:
            self.cluster.definition_writer.release_finalizer(entry)
        return _deletion(definition.ref, definition.secret_name or "", decision)

    def delete_observed(
        self, definition: Definition, target: Ref, observed: ObservedSecret | None
    ) -> Plan | None:
        """Delete the Secret of a definition whose sources are gone, exactly as it was observed.

        None when another client was faster.
        """
        senior = self.cluster.definitions.senior(target)
        others = senior is not None and senior.ref != definition.ref
        decision = plan_deletion(definition.uid, observed, wanted=others)
        if decision.operation is Operation.DELETED and observed is not None:
            try:
                with self.view.writing(target):
                    self.cluster.secret_writer.delete(observed)
            except Conflict:
                return None
        return decision

    def settle_debts(self, ref: Ref) -> list[Outcome]:
        """Delete the Secrets that earlier states of this definition, or definitions of its name, wanted."""
        outcomes = []
        for debt in self.cluster.definitions.debts(ref):
            uid, target = debt
            try:
                decision = self._delete(uid, target)
            except SecretsManagerError as error:
                outcomes.append(Outcome.of_error(ref, target.name, error, cleanup=True))
                continue
            self.cluster.definitions.settle(ref, debt)
            outcomes.append(_deletion(ref, target.name, decision))
        return outcomes

    def still_owes(self, ref: Ref, *, ask: bool) -> bool:
        """Whether a debt of this name is left, after those that the leader has paid are settled.

        For a replica that does not lead: the leader deletes. The store shows whether it did; with ``ask``,
        the API server is asked about Secrets that cannot be listed.
        """
        for debt in self.cluster.definitions.debts(ref):
            uid, target = debt
            if (ask or self.cluster.secrets.tracks(target.namespace)) and not self._is_due(uid, target):
                self.cluster.definitions.settle(ref, debt)
        return bool(self.cluster.definitions.debts(ref))

    def _is_due(self, uid: str, target: Ref) -> bool:
        """Whether a Secret still has to be deleted; True where that cannot be found out."""
        secrets = self.cluster.secrets
        try:
            observed = (
                secrets.get(target) if secrets.tracks(target.namespace) else self.view.ask_api_server(target)
            )
        except Forbidden:
            # No replica could delete it either; garbage collection goes by its owner mark.
            return False
        except SecretsManagerError:
            return True
        decision = plan_deletion(uid, observed, wanted=self._is_wanted(target))
        return decision.operation is Operation.DELETED

    def sweep(self, entry: DefinitionEntry) -> list[Outcome]:
        """Delete Secrets with this definition's owner mark that it does not want, as after a restart."""
        definition, namespace = entry.definition, entry.definition.ref.namespace
        if definition.retains:
            return []
        # A Secret that was copied to another namespace keeps its marks, but is not this definition's.
        owned = self.cluster.secrets.owned_by(definition.uid)
        found = {target for target in owned if target.namespace == namespace}
        if entry.status and entry.status.secret_name:
            found.add(Ref(namespace, entry.status.secret_name))
        outcomes = []
        for target in sorted(found - {definition.target}):
            try:
                decision = self._delete(definition.uid, target, only_by_owner=True)
            except SecretsManagerError as error:
                outcomes.append(Outcome.of_error(definition.ref, target.name, error, cleanup=True))
                continue
            outcomes.append(_deletion(definition.ref, target.name, decision))
        return outcomes

    def _delete(self, uid: str, target: Ref, *, only_by_owner: bool = False) -> Plan:
        for _ in range(_TRIES):
            observed = self.view.observe(target) or self.view.ask_api_server(target)
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
        # The definition that left the debt may have taken its old name again since.
        return self.cluster.definitions.senior(target) is not None


def _deletion(ref: Ref, secret: str, decision: Plan) -> Outcome:
    return Outcome(
        definition=ref, secret=secret, operation=decision.operation, reason=decision.reason, cleanup=True
    )
