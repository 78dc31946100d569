"""The bodies of the scheduled jobs: they queue the keys that are due, and maintain sessions."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from secrets_manager.backends.base import Source
from secrets_manager.domain.errors import SecretsManagerError
from secrets_manager.sync.agenda import Agenda
from secrets_manager.sync.queue.keys import Key
from secrets_manager.sync.queue.work_queue import Lane
from secrets_manager.sync.reading.upstream import Upstreams

log = logging.getLogger("sync.engine")


@dataclass(frozen=True, slots=True)
class Rounds:
    """Each method is the body of one job."""

    agenda: Agenda
    upstreams: Upstreams

    def tick(self) -> None:
        """The ``reconcile`` job: release the retries and polls that are due. Enqueues only."""
        agenda = self.agenda
        for upstream in self.upstreams.values():
            upstream.reader.drop_old()
        agenda.queue.release_due()
        if not agenda.leadership.leads():
            return
        agenda.reconcile_soon(agenda.without_lead.take_all())
        agenda.reconcile_soon(agenda.without_cluster.due())
        probes: set[Key] = set()
        for upstream in self.upstreams.values():
            upstream.report_outage()
            probes.update(upstream.probes())
        for key in probes:
            agenda.poll_now(key, Lane.URGENT)
        if all(upstream.domains.open_for() is not None for upstream in self.upstreams.values()):
            # Reconciles and polls would all fail; they stay overdue, and the metric shows that.
            return
        for key in agenda.view.schedule.take_due(agenda.clock()):
            if key in probes:
                continue
            if self._is_spared(key):
                agenda.view.schedule.release(key)
            else:
                agenda.queue.add(key, Lane.ROUTINE)

    def maintain(self, name: str) -> None:
        """The ``token`` job of the backend of that name: maintain its session."""
        if not self.agenda.leadership.leads():
            return
        try:
            self.upstreams[name].maintain()
        except SecretsManagerError as error:
            log.debug("login or token renewal failed", extra={"backend": name, "reason": error.reason})

    def retry_login(self, name: str) -> None:
        """The ``login`` job of the backend of that name: log in with credentials that were replaced."""
        if self.agenda.leadership.leads():
            self.upstreams[name].retry_login()

    def _is_spared(self, key: Key) -> bool:
        return isinstance(key.subject, Source) and self.upstreams[key.subject.backend].spares(key)
