"""The cluster as reconciles use it, and the Secret as it is.

The Secret comes from the store where that may be trusted, and from the API server otherwise.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from secrets_manager.cluster.view.definition_store import DefinitionStore
from secrets_manager.cluster.view.secret_store import SecretStore
from secrets_manager.cluster.write.writer import DefinitionWriter, SecretWriter
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import ClusterFault, QuotaExceeded, SecretsManagerError
from secrets_manager.domain.secret import ObservedSecret
from secrets_manager.sync.telemetry import SyncTelemetry


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """The cluster as reconciles use it: its known state, and the ways to change it."""

    definitions: DefinitionStore
    secrets: SecretStore
    secret_writer: SecretWriter
    definition_writer: DefinitionWriter


class Observation(NamedTuple):
    """The Secret as it was seen, and since when it is known to be so, in monotonic seconds."""

    secret: ObservedSecret | None
    since: float

    def not_before(self, time: float) -> Observation:
        """The same, for readings that must be newer than ``time`` as well."""
        return self._replace(since=max(self.since, time))


@dataclass(eq=False, kw_only=True)
class TargetView:
    """Observes Secrets before they are written.

    After a write that ended in a fault the store proves nothing any more: the write may have been applied, or
    the store was stale to begin with. The next observation then comes from the API server.
    """

    store: SecretStore
    writer: SecretWriter
    telemetry: SyncTelemetry
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _unsure: set[Ref] = field(default_factory=set)

    def observe(self, target: Ref) -> ObservedSecret | None:
        """The Secret, or None when there is none, or none of ours in the store."""
        return self.observation(target).secret

    def observation(self, target: Ref) -> Observation:
        """The same, with the time from which on a reading of the backend may be written over it."""
        with self._lock:
            unsure = target in self._unsure or not self.store.tracks(target.namespace)
        if not unsure:
            known = Observation(*self.store.known(target))
            # An outline shows that the Secret exists, but not all that a write has to keep.
            if known.secret is None or known.secret.outline is None:
                return known
        return self.fresh_observation(target)

    def fresh_observation(self, target: Ref) -> Observation:
        """The Secret as the API server has it now."""
        secret = self.ask_api_server(target)
        return Observation(secret, self.store.clock())

    def ask_api_server(self, target: Ref) -> ObservedSecret | None:
        """The Secret as the API server has it now, ours or not."""
        try:
            observed = self.writer.observe(target)
        except SecretsManagerError:
            self.telemetry.secret_unreadable(target)
            raise
        with self._lock:
            self._unsure.discard(target)
        if not self.store.tracks(target.namespace):
            # Otherwise the first list would show it as new, and cause another reconcile.
            self.store.learn(target, observed)
        return observed

    @contextlib.contextmanager
    def writing(self, target: Ref) -> Iterator[None]:
        """Around a write: after a fault, the next observation comes from the API server.

        A refusal because of a quota counts too: with a full quota, a POST is refused before the API server
        checks whether the Secret exists.
        """
        try:
            yield
        except (ClusterFault, QuotaExceeded):
            with self._lock:
                self._unsure.add(target)
            raise
