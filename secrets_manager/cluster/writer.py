"""Every write to the cluster: Secrets, the status of definitions, the release of a finalizer.

Each write carries what it is based on (uid, resourceVersion), so the API server refuses it when anything came
between: that is the fence against a second leader, and against our own stale view. PUT, never PATCH: people
who moved from the original granted no patch. Nothing is decided here.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from secrets_manager.cluster import bodies, manifests
from secrets_manager.cluster.base import (
    DEFINITIONS,
    SECRETS,
    AlreadyExists,
    Json,
    KubernetesApi,
    NotFound,
)
from secrets_manager.cluster.courtesy import EVERYWHERE, Courtesy
from secrets_manager.cluster.definition_store import DefinitionEntry, DefinitionStore
from secrets_manager.cluster.secret_store import SecretStore
from secrets_manager.domain.condition import Status
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import Conflict, Forbidden, NamespaceTerminating
from secrets_manager.domain.plan import Plan
from secrets_manager.domain.secret import DesiredSecret, Digester, ObservedSecret

# The original put it on every definition; it is released when the definition is deleted.
FINALIZER = "secret.finalizer.secrets-manager.tuenti.io"
_TRIES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretWriter:
    """Creates, replaces and deletes Secrets, and keeps the store in step with what came back."""

    api: KubernetesApi
    store: SecretStore
    digester: Digester

    def observe(self, ref: Ref) -> ObservedSecret | None:
        """Ask the API server for the Secret, past the store."""
        try:
            seen = manifests.observed_secret(self.api.get(SECRETS, ref), self.digester)
        except NotFound:
            return None
        return seen

    def create(self, desired: DesiredSecret, now: datetime) -> None:
        """POST; raises AlreadyExists when there is one after all."""
        body = bodies.new_secret(desired, now)
        with _namespace_there(desired.ref.namespace):
            self._write(desired.ref, lambda: self.api.create(SECRETS, desired.ref.namespace, body))

    def replace(self, desired: DesiredSecret, observed: ObservedSecret, plan: Plan, now: datetime) -> None:
        """PUT over exactly the Secret observed; raises Conflict when it is not the newest any more."""
        if plan.recreate:
            self._recreate(desired, observed, now)
            return
        written_at = now if plan.changed_keys else None
        body = bodies.replaced_secret(desired, observed, written_at)
        try:
            self._write(desired.ref, lambda: self.api.replace(SECRETS, desired.ref, body))
        except NotFound:
            self.store.remove(observed.ref, observed.uid)
            raise Conflict(f"Secret {desired.ref.name!r} was deleted in the meantime") from None

    def delete(self, observed: ObservedSecret) -> None:
        """DELETE exactly the Secret observed; one that is gone already is as good as deleted."""
        preconditions = {"uid": observed.uid, "resourceVersion": observed.resource_version}
        with contextlib.suppress(NotFound):
            self.api.delete(SECRETS, observed.ref, preconditions)
        self.store.remove(observed.ref, observed.uid)

    def _recreate(self, desired: DesiredSecret, observed: ObservedSecret, now: datetime) -> None:
        """Delete and make anew, unless it is known beforehand that the new one would be refused."""
        body = bodies.new_secret(desired, now)
        with _namespace_there(desired.ref.namespace), contextlib.suppress(AlreadyExists):
            self.api.rehearse(SECRETS, desired.ref.namespace, body)
        self.delete(observed)
        self.create(desired, now)

    def _write(self, ref: Ref, call: Callable[[], Json]) -> None:
        self.store.begin_write(ref)
        reply = None
        try:
            reply = manifests.observed_secret(call(), self.digester)
        finally:
            self.store.end_write(ref, reply)


@contextlib.contextmanager
def _namespace_there(namespace: str) -> Iterator[None]:
    """Around a POST: it finds nothing missing but its namespace."""
    try:
        yield
    except NotFound:
        raise NamespaceTerminating(f"namespace {namespace!r} does not exist any more") from None


class DefinitionWriter:
    """Writes the status of definitions and releases the original's finalizer.

    ``on_news`` is told of a definition that turned out to have changed: the store has it then, so the event
    that is still to come will look like nothing new.
    """

    def __init__(
        self,
        api: KubernetesApi,
        store: DefinitionStore,
        *,
        clock: Callable[[], float],
        on_news: Callable[[Ref], None],
    ) -> None:
        self._api = api
        self._store = store
        self._on_news = on_news
        self._status = Courtesy("the status of definitions is not written", clock)

    def refresh(self, ref: Ref) -> DefinitionEntry | None:
        """Ask the API server for the definition, past the store; None when it does not exist."""
        try:
            raw = self._api.get(DEFINITIONS, ref)
        except NotFound:
            return None
        return self._took(raw)

    def write_status(self, entry: DefinitionEntry, status: Status) -> bool:
        """PUT the status; silently done without where rights or the CRD lack it.

        Returns whether that is settled: False while it is done without. Raises ClusterFault when the API
        server is in trouble.
        """
        namespace = entry.definition.ref.namespace
        if not self._status.wanted(namespace):
            return False
        current: DefinitionEntry | None = entry
        for _ in range(_TRIES):
            if current is None or current.definition != entry.definition:
                # It changed since: the next reconcile has something better to say.
                return True
            try:
                self._put_status(current, status)
            except Conflict:
                current = self.refresh(entry.definition.ref)
                continue
            except Forbidden as error:
                self._status.refused(namespace, error.message)
            except NotFound:
                found = self.refresh(entry.definition.ref)
                # One of another uid was made since under the name of the one that is gone.
                if found is not None and found.definition.uid == entry.definition.uid:
                    self._status.refused(EVERYWHERE, "the CRD has no status subresource")
            return self._status.wanted(namespace)
        return False

    def status_again_in(self, namespace: str) -> float | None:
        """Seconds until a status may be written in this namespace; None when that will not be soon."""
        return self._status.again_in(namespace)

    def release_finalizer(self, entry: DefinitionEntry) -> None:
        """Take the original's finalizer off a definition that is being deleted; raises ClusterFault."""
        ref = entry.definition.ref
        for _ in range(_TRIES):
            try:
                raw = self._api.get(DEFINITIONS, ref)
                if manifests.uid_of(raw) != entry.definition.uid:
                    return
                self._api.replace(DEFINITIONS, ref, manifests.without_finalizer(raw, FINALIZER))
            except NotFound:
                return
            except Conflict:
                continue
            return
        raise Conflict(f"the finalizer of SecretDefinition {ref.name!r} could not be released yet")

    def _put_status(self, entry: DefinitionEntry, status: Status) -> None:
        definition = entry.definition
        body = bodies.status_body(definition, entry.resource_version, status)
        raw = self._api.replace(DEFINITIONS, definition.ref, body, subresource="status")
        # The resourceVersion in the body saw to it that nothing but the status differs.
        self._store.apply(DefinitionEntry(definition, manifests.version_of(raw), manifests.status(raw)))

    def _took(self, raw: Json) -> DefinitionEntry:
        entry = DefinitionEntry(manifests.definition(raw), manifests.version_of(raw), manifests.status(raw))
        if self._store.apply(entry):
            self._on_news(entry.definition.ref)
        return entry
