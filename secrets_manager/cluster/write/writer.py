"""Every write to the cluster: Secrets, the status of definitions, the release of a finalizer.

Each write carries the state that it is based on (uid, resourceVersion), so the API server refuses it after
any other write: that is the fence against a second leader, and against our own stale view. PUT, never PATCH:
people who moved from the original granted no patch. Nothing is decided here.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from secrets_manager.cluster import manifests
from secrets_manager.cluster.base import (
    DEFINITIONS,
    SECRETS,
    AlreadyExists,
    Json,
    KubernetesApi,
    NotFound,
)
from secrets_manager.cluster.client.optional_calls import EVERYWHERE, OptionalCall
from secrets_manager.cluster.view.definition_store import DefinitionEntry, DefinitionStore
from secrets_manager.cluster.view.secret_store import SecretStore
from secrets_manager.cluster.write import bodies
from secrets_manager.cluster.write.retry_window import RetryWindow
from secrets_manager.domain.clash import FieldManager
from secrets_manager.domain.condition import Status
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import (
    ClusterUnauthorized,
    ClusterUnavailable,
    Conflict,
    Forbidden,
    NamespaceTerminating,
    SecretsManagerError,
    TooLarge,
)
from secrets_manager.domain.plan import Plan
from secrets_manager.domain.secret import DesiredSecret, Digester, ObservedSecret
from secrets_manager.runtime.byte_semaphore import ByteSemaphore

# The original put it on every definition; it is released when the definition is deleted.
FINALIZER = "secret.finalizer.secrets-manager.tuenti.io"
_TRIES = 3
# After a status was written, so many in a row must be unknown before the CRD counts as having lost them: an
# API server that just started knows only its own kinds for a moment.
_MOST_UNKNOWN = 20
_MIB = 1024 * 1024
# Bytes of Secrets that are read by name at a time, with some three copies of each in memory; the size from
# which one counts; and the size of one that is not known yet, which lets half of the workers read.
_ROOM = 8 * _MIB
_LIGHT = _MIB // 16
_UNKNOWN = _MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretWriter:
    """Creates, replaces and deletes Secrets, and puts the replies into the store."""

    api: KubernetesApi
    store: SecretStore
    digester: Digester
    retry_window: RetryWindow = field(default_factory=RetryWindow)
    room: ByteSemaphore = field(default_factory=lambda: ByteSemaphore(_ROOM, light=_LIGHT))

    def observe(self, ref: Ref) -> ObservedSecret | None:
        """Ask the API server for the Secret, past the store."""
        known = self.store.get(ref)
        # Before it is asked for: the bytes of the reply are the first copy.
        with self.room.hold(_UNKNOWN if known is None else known.weight):
            try:
                seen = manifests.observed_secret(self.api.get(SECRETS, ref), self.digester)
            except NotFound:
                return None
            return seen

    def managers(self, ref: Ref) -> list[FieldManager]:
        """Ask the API server for the last writer of each field of the Secret; [] if it does not answer."""
        try:
            return manifests.field_managers(self.api.get(SECRETS, ref))
        except SecretsManagerError:
            return []

    def create(self, desired: DesiredSecret, now: datetime) -> None:
        """POST; raises AlreadyExists when there is one after all."""
        self._post(desired.ref, bodies.new_secret(desired, now))

    def replace(self, desired: DesiredSecret, observed: ObservedSecret, plan: Plan, now: datetime) -> None:
        """PUT over exactly the Secret observed; raises Conflict when it is not the newest any more."""
        _require_fence(observed)
        if plan.recreate:
            self._recreate(desired, observed, bodies.recreated_secret(desired, observed, plan, now))
            return
        body = bodies.replaced_secret(desired, observed, plan, now)
        try:
            self._write(desired.ref, lambda: self.api.replace(SECRETS, desired.ref, body))
        except NotFound:
            self.store.remove(observed.ref, observed.uid)
            raise Conflict(f"Secret {desired.ref.name!r} was deleted in the meantime") from None

    def delete(self, observed: ObservedSecret) -> None:
        """DELETE exactly the Secret observed; one that is gone already is as good as deleted."""
        _require_fence(observed)
        preconditions = {"uid": observed.uid, "resourceVersion": observed.resource_version}
        with contextlib.suppress(NotFound):
            self.api.delete(SECRETS, observed.ref, preconditions)
        self.store.remove(observed.ref, observed.uid)

    def settle_restarts(self, ref: Ref, level: str) -> None:
        """Take the mark off that workloads have to be restarted for the change of that level.

        Nothing happens where the Secret does not have it. Raises ClusterFault.
        """
        for _ in range(_TRIES):
            with self.room.hold(_UNKNOWN):
                try:
                    body = bodies.without_pending_restart(self.api.get(SECRETS, ref), level)
                    if body is not None:
                        self._write(ref, partial(self.api.replace, SECRETS, ref, body))
                except NotFound:
                    return
                except Conflict:
                    continue
                return
        raise Conflict(f"Secret {ref.name!r} keeps changing while its workloads are restarted")

    def _post(self, ref: Ref, body: Json) -> None:
        with _namespace_there(ref.namespace):
            self._write(ref, lambda: self.api.create(SECRETS, ref.namespace, body))

    def _recreate(self, desired: DesiredSecret, observed: ObservedSecret, body: Json) -> None:
        """Delete and create again, except if the new one is known to be refused."""
        with _namespace_there(desired.ref.namespace), contextlib.suppress(AlreadyExists):
            self.api.rehearse(SECRETS, desired.ref.namespace, body)
        deleted = False

        def step() -> None:
            nonlocal deleted
            if not deleted:
                self.delete(observed)
                deleted = True
            self._make(desired, body)

        # Retry here, while the values are at hand: a backend that is away after the DELETE would leave no
        # Secret.
        self.retry_window.run(step, lambda error: _is_worth_another_try(error, deleted=deleted))

    def _make(self, desired: DesiredSecret, body: Json) -> None:
        """POST, perhaps again; raises AlreadyExists if the existing Secret is not from an earlier try."""
        try:
            self._post(desired.ref, body)
        except AlreadyExists:
            there = self.observe(desired.ref)
            if there is None:
                raise Conflict(
                    f"Secret {desired.ref.name!r} keeps being created and deleted while it is recreated"
                ) from None
            if not _is_made(desired, there):
                raise
            self.store.apply(there)

    def _write(self, ref: Ref, call: Callable[[], Json]) -> None:
        self.store.begin_write(ref)
        reply = None
        try:
            reply = manifests.observed_secret(call(), self.digester)
        finally:
            self.store.end_write(ref, reply)


def _require_fence(observed: ObservedSecret) -> None:
    """Raise ClusterUnavailable if the observed Secret has no uid or no resourceVersion.

    The API server lets a write without them overwrite any state.
    """
    if not observed.uid or not observed.resource_version:
        raise ClusterUnavailable(
            f"Secret {observed.ref.name!r} came from the API server without uid or resourceVersion"
        )


def _is_worth_another_try(error: SecretsManagerError, *, deleted: bool) -> bool:
    """Whether another try may recreate the Secret; ``deleted`` says that the old one is gone."""
    if not deleted:
        # The DELETE may have worked.
        return isinstance(error, ClusterUnavailable | ClusterUnauthorized)
    # A lead that is too short for a write just now may be renewed; one that is lost ends the process.
    return not isinstance(error, AlreadyExists | NamespaceTerminating)


def _is_made(desired: DesiredSecret, there: ObservedSecret) -> bool:
    """Whether a Secret was made by a POST of ours whose reply was lost."""
    owner = there.definition_owner
    ours = there.has_our_mark if desired.retained else owner is not None and owner.uid == desired.owner.uid
    return ours and there.digests == desired.digests and there.type == desired.type


@contextlib.contextmanager
def _namespace_there(namespace: str) -> Iterator[None]:
    """Wrap a POST: only its namespace can be missing."""
    try:
        yield
    except NotFound:
        raise NamespaceTerminating(f"namespace {namespace!r} does not exist any more") from None


class DefinitionWriter:
    """Writes the status of definitions and releases the original's finalizer.

    ``on_change`` is called with a definition that turned out to have changed: the store has the change by
    then, so the event that is still to come shows no difference.
    """

    def __init__(
        self,
        api: KubernetesApi,
        store: DefinitionStore,
        *,
        clock: Callable[[], float],
        on_change: Callable[[Ref], None],
    ) -> None:
        self._api = api
        self._store = store
        self._on_change = on_change
        self._status = OptionalCall("the status of definitions is not written", clock)
        self._statuses_written = False
        self._unknown_statuses = 0

    def refresh(self, ref: Ref) -> DefinitionEntry | None:
        """Ask the API server for the definition, past the store; None when it does not exist.

        The store takes it, except if something went while the answer was on its way: then this one may be
        gone too.
        """
        losses = self._store.losses()
        try:
            raw = self._api.get(DEFINITIONS, ref)
        except NotFound:
            return None
        return self._take(raw, losses)

    def write_status(self, entry: DefinitionEntry, status: Status) -> bool:
        """PUT the status; silently skipped where rights or the CRD lack it.

        Returns whether that is done: False while it is skipped. Raises ClusterFault when the API server is in
        trouble.
        """
        namespace = entry.definition.ref.namespace
        if not self._status.wanted(namespace):
            return False
        current: DefinitionEntry | None = entry
        for _ in range(_TRIES):
            if current is None or current.definition != entry.definition:
                # The definition changed: the next reconcile writes a better status.
                return True
            try:
                self._put_status(current, status)
            except Conflict:
                current = self.refresh(entry.definition.ref)
                continue
            except TooLarge:
                if not status.sources:
                    raise
                # Beside so large a spec there is no room for the list of sources: the condition comes first.
                status = replace(status, sources=())
                continue
            except Forbidden as error:
                self._status.refused(namespace, error.message)
            except NotFound:
                found = self.refresh(entry.definition.ref)
                # The name may belong to a new definition, with another uid.
                if found is not None and found.definition.uid == entry.definition.uid:
                    self._note_unknown_status(entry)
            return self._status.wanted(namespace)
        return False

    def answers_about(self, ref: Ref) -> bool:
        """Whether the API server answers a GET of a definition just now; one call."""
        try:
            self.refresh(ref)
        except SecretsManagerError:
            return False
        return True

    def status_again_in(self, namespace: str) -> float | None:
        """Seconds until a status may be written in this namespace; None when that will not be soon."""
        return self._status.again_in(namespace)

    def knows_statuses(self) -> bool:
        """Whether the CRD has the status subresource, as far as is known."""
        return self._status.wanted(EVERYWHERE)

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

    def _note_unknown_status(self, entry: DefinitionEntry) -> None:
        """The API server knows the definition, not its status; raises ClusterUnavailable if that may pass."""
        self._unknown_statuses += 1
        if self._statuses_written and self._unknown_statuses <= _MOST_UNKNOWN:
            name = entry.definition.ref.name
            raise ClusterUnavailable(f"the API server does not know the status of {name!r} just now")
        self._status.refused(EVERYWHERE, "the CRD has no status subresource")

    def _put_status(self, entry: DefinitionEntry, status: Status) -> None:
        definition = entry.definition
        others = self._status_of_others(entry) if entry.shared else {}
        body = bodies.status_body(definition, entry.resource_version, status, others)
        raw = self._api.replace(DEFINITIONS, definition.ref, body, subresource="status")
        self._statuses_written, self._unknown_statuses = True, 0
        # The resourceVersion in the body saw to it that nothing but the status differs.
        self._store.update(manifests.entry(definition, raw))

    def _status_of_others(self, entry: DefinitionEntry) -> Json:
        """GET it, since the store only knows that it exists; raises Conflict when it is newer."""
        raw = self._api.get(DEFINITIONS, entry.definition.ref)
        if manifests.version_of(raw) != entry.resource_version:
            raise Conflict("the status changed in the meantime")
        return manifests.status_of_others(raw)

    def _take(self, raw: Json, losses: int) -> DefinitionEntry:
        entry = manifests.entry(manifests.definition(raw), raw)
        if self._store.learn(entry, losses):
            self._on_change(entry.definition.ref)
        return entry
