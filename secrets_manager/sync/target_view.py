"""The Secret as it is: from the store where that may be trusted, from the API server where not."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from secrets_manager.cluster.secret_store import SecretStore
from secrets_manager.cluster.writer import SecretWriter
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import ClusterFault, QuotaExceeded, SecretsManagerError
from secrets_manager.domain.secret import ObservedSecret
from secrets_manager.sync.telemetry import SyncTelemetry


class Sight(NamedTuple):
    """The Secret as it was seen, and since when it is known to be so, in monotonic seconds."""

    secret: ObservedSecret | None
    since: float

    def not_before(self, time: float) -> Sight:
        """The same, for readings that must be newer than ``time`` as well."""
        return self._replace(since=max(self.since, time))


@dataclass(eq=False, kw_only=True)
class TargetView:
    """Looks at Secrets before they are written.

    After a write that ended in a fault the store says nothing any more: the write may have been applied, or
    the store was stale to begin with. The next look then goes to the API server.
    """

    store: SecretStore
    writer: SecretWriter
    telemetry: SyncTelemetry
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _unsure: set[Ref] = field(default_factory=set)

    def observe(self, target: Ref) -> ObservedSecret | None:
        """The Secret, or None when there is none, or none of ours as far as the store knows."""
        return self.look(target).secret

    def look(self, target: Ref) -> Sight:
        """The same, with the time from which on a reading of the backend may be written over it."""
        with self._lock:
            ask = target in self._unsure or not self.store.tracks(target.namespace)
        if not ask:
            return Sight(*self.store.known(target))
        return self.ask_anew(target)

    def ask_anew(self, target: Ref) -> Sight:
        """What the API server has now, as a sight from now on."""
        secret = self.ask(target)
        return Sight(secret, self.store.clock())

    def ask(self, target: Ref) -> ObservedSecret | None:
        """The Secret as the API server has it now, whoever wrote it."""
        try:
            observed = self.writer.observe(target)
        except SecretsManagerError:
            self.telemetry.secret_unreadable(target)
            raise
        with self._lock:
            self._unsure.discard(target)
        return observed

    @contextlib.contextmanager
    def writing(self, target: Ref) -> Iterator[None]:
        """Around a write: a fault makes the next look go to the API server.

        A refusal for the sake of a quota counts too: with a full one, a POST is refused before the Secret
        is found to be there.
        """
        try:
            yield
        except (ClusterFault, QuotaExceeded):
            with self._lock:
                self._unsure.add(target)
            raise
