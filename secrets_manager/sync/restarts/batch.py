"""The restarts that are due in one namespace, made together: gather, decide, act, report.

They are work of their own on the queue, so that no Secret waits for them. Each step may be repeated: a
workload that carries the mark of a change is not restarted for it again, and a Secret carries the mark of its
change until all its workloads were.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from secrets_manager.cluster.view.definition_store import DefinitionEntry
from secrets_manager.cluster.write.restarter import Restarter
from secrets_manager.domain.clash import written_at
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import (
    ClusterFault,
    NamespaceTerminating,
    NotLeading,
    NotRestarted,
    PermanentError,
    SecretsManagerError,
)
from secrets_manager.domain.restart_wish import WorkloadName
from secrets_manager.domain.restarts import Change, Restart, dated, due_restarts, listed, to_be_dated
from secrets_manager.sync.notices import Recorder
from secrets_manager.sync.queue.keys import Key
from secrets_manager.sync.queue.work_log import raised_at
from secrets_manager.sync.queue.work_queue import Lane, WorkQueue
from secrets_manager.sync.restarts.board import RestartBoard, Standing
from secrets_manager.sync.restarts.survey import Found, survey
from secrets_manager.sync.target_view import Cluster
from secrets_manager.sync.telemetry import SyncTelemetry

log = logging.getLogger("sync.restarts")

# Faults in a row after which the API server seems to be away, and the rest waits for the next try.
_FAULTS_IN_A_ROW = 3
_MOST_SECRETS = 5


@dataclass(slots=True)
class _Results:
    """What came of the restarts that were due."""

    made: list[Restart] = field(default_factory=list)
    refused: dict[WorkloadName, str] = field(default_factory=dict)
    # Of these nobody knows; they are tried again soon.
    unclear: set[WorkloadName] = field(default_factory=set)

    def note(self, name: WorkloadName, error: SecretsManagerError) -> None:
        if isinstance(error, PermanentError):
            self.refused[name] = error.message
        else:
            self.unclear.add(name)

    @property
    def not_made(self) -> set[WorkloadName]:
        """The workloads that still have to be restarted."""
        return self.unclear | self.refused.keys()


@dataclass(eq=False, kw_only=True)
class RestartBatches:
    """Makes the restarts of one namespace at a time per calling thread. ``now`` is the wall clock."""

    board: RestartBoard
    restarter: Restarter
    cluster: Cluster
    queue: WorkQueue[Key]
    recorder: Recorder
    telemetry: SyncTelemetry
    now: Callable[[], datetime]

    def run(self, namespace: str) -> None:
        """Make the restarts that are due there, and see to it that what is left is tried again.

        Never raises. What a person has to mend is tried again on the slow lane.
        """
        key = Key.restarts(namespace)
        self._try(key, namespace)
        if wait := self.board.until_open(namespace):
            self.queue.add_after(key, wait)

    def _try(self, key: Key, namespace: str) -> None:
        try:
            settled = self._run(namespace)
        except NamespaceTerminating:
            self.queue.forget(key)
        except SecretsManagerError as error:
            if isinstance(error, PermanentError):
                self.queue.retry_slowly(key)
                return
            asked = error.retry_after if isinstance(error, ClusterFault) else None
            self.queue.retry(key, at_least=asked or 0.0)
        except Exception as unexpected:  # noqa: BLE001 - one namespace must not end the worker
            # The text of a foreign exception may hold anything, so only its type and place are logged.
            fields = {"namespace": namespace, "error": f"unexpected {raised_at(unexpected)}"}
            log.error("workloads could not be restarted; trying again", extra=fields)  # noqa: TRY400 - as said
            self.queue.retry_slowly(key)
        else:
            self.queue.forget(key)
            if not settled:
                self.queue.retry_slowly(key)

    def _run(self, namespace: str) -> bool:
        """Returns whether nothing is left to do; raises what may pass."""
        standings = self.board.take(namespace)
        if not standings:
            return True
        found = survey(self.restarter, namespace, standings.values())
        changes = [change for standing in standings.values() if (change := standing.change())]
        changes = self._dated(namespace, changes, found)
        due = due_restarts(changes, found.workloads.values(), self.now())
        self.board.decided(standings)
        for kind, error in found.refused(standings.values()).items():
            self.telemetry.restarted(kind, error.reason)
        results = self._restart_all(namespace, due)
        self._settle_all(namespace, standings, found, results)
        troubles = self._report_all(standings, found, results)
        if results.unclear or found.unclear:
            raise ClusterFault("some workloads could not be restarted yet")
        return not troubles and not results.refused

    def _dated(self, namespace: str, changes: list[Change], found: Found) -> list[Change]:
        """The changes, with the API server's time where a workload was made about then."""
        close = to_be_dated(changes, found.workloads.values())
        managers = self.cluster.secret_writer.managers
        times = {secret: written_at(managers(Ref(namespace, secret))) for secret in sorted(close)}
        return [dated(change, times.get(change.secret, "")) for change in changes]

    # ── act ──────────────────────────────────────────────────────────────────────────────────────────

    def _restart_all(self, namespace: str, due: Iterable[Restart]) -> _Results:
        results, in_a_row = _Results(), 0
        for restart in due:
            name = restart.workload.name
            if in_a_row >= _FAULTS_IN_A_ROW:
                results.unclear.add(name)
                continue
            try:
                if self.restarter.restart(namespace, restart):
                    results.made.append(restart)
                    self._made(namespace, restart)
            except (NotLeading, NamespaceTerminating):
                raise
            except SecretsManagerError as error:
                in_a_row += not isinstance(error, PermanentError)
                results.note(name, error)
                self.telemetry.restarted(name.kind, error.reason)
            else:
                in_a_row = 0
        return results

    def _made(self, namespace: str, restart: Restart) -> None:
        name, secrets = restart.workload.name, restart.secrets
        self.telemetry.restarted(name.kind, "success")
        log.info(
            "workload restarted",
            extra={
                "namespace": namespace,
                "kind": name.kind.value,
                "workload": name.name,
                "secret": ",".join(secrets[:_MOST_SECRETS]),
                "secrets": len(secrets),
                "restarted_for": restart.level,
            },
        )

    def _settle_all(
        self, namespace: str, standings: Mapping[Ref, Standing], found: Found, results: _Results
    ) -> None:
        """Take the marks off the Secrets whose workloads all have what they hold."""
        for ref, standing in standings.items():
            left = found.wanted_by(standing, results.not_made)
            unseen = found.is_unclear_for(standing) or found.faults_for(standing)
            if standing.level and not left and not unseen:
                self.cluster.secret_writer.settle_restarts(Ref(namespace, standing.secret), standing.level)
                self.board.settled(ref, standing)

    # ── report ───────────────────────────────────────────────────────────────────────────────────────

    def _report_all(self, standings: Mapping[Ref, Standing], found: Found, results: _Results) -> int:
        """Returns how many definitions have a trouble."""
        troubles = 0
        for ref, standing in standings.items():
            trouble = self._trouble(standing, found, results)
            troubles += bool(trouble)
            if not found.is_unclear_for(standing):
                self.board.checked(ref, standing, trouble)
            entry = self.cluster.definitions.get(ref)
            if entry is None or entry.definition.uid != standing.uid:
                continue
            self._record(entry, standing, found, results)
            if _is_news(entry, trouble):
                self.queue.add(Key.definition(ref), Lane.SOON)
        return troubles

    def _trouble(self, standing: Standing, found: Found, results: _Results) -> str:
        unclear = found.is_unclear_for(standing) or found.wanted_by(standing, results.unclear)
        if standing.trouble and unclear:
            # The API server is away: nobody knows whether it still stands in the way.
            return standing.trouble
        return found.shortfall(standing, results.refused).sentence()

    def _record(self, entry: DefinitionEntry, standing: Standing, found: Found, results: _Results) -> None:
        made = [restart.workload.name for restart in results.made if standing.secret in restart.secrets]
        names = found.wanted_by(standing, made) if standing.level else []
        if names:
            message = f"{listed(names)} restarted, since the data of Secret {standing.secret} changed"
            self.recorder.record(entry.definition, warning=False, reason="Restarted", message=message)


def _is_news(entry: DefinitionEntry, trouble: str) -> bool:
    """Whether the condition does not say it yet."""
    if entry.status is None:
        return bool(trouble)
    condition = entry.status.condition
    if trouble:
        return trouble not in condition.message
    return condition.reason == NotRestarted.__name__
