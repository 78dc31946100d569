"""Our Secrets as the informers have seen them, without their values.

As in `definition_store`: a moment late, and never back to an older version.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from secrets_manager.cluster.view.store_index import is_newer, is_older
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.secret import MANAGED_BY, MANAGED_BY_LABEL, ObservedSecret, compact


@dataclass(frozen=True, slots=True)
class _DeferredEvent:
    """An event about a Secret while we write it, and the callback for it if it is not our own doing."""

    seen: ObservedSecret
    gone: bool
    report: Callable[[ObservedSecret], None]


@dataclass(slots=True)
class _OwnWrites:
    """Our writes to one Secret that are in flight, and the events about it since the first began."""

    writes: int = 0
    events: list[_DeferredEvent] = field(default_factory=list)


class SecretStore:
    """Our Secrets as last seen: metadata and keyed digests, indexed by the definition that owns them.

    ``tracked`` namespaces are those whose Secrets are listed and watched; for others a look-up here says
    nothing, and the caller has to ask the API server.

    The event of our own write often overtakes the reply. So events about a Secret wait while a write of it is
    in flight: the reply distinguishes the echo from writes of others.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._lock = threading.RLock()
        self._in_flight: dict[Ref, _OwnWrites] = {}
        self._secrets: dict[Ref, ObservedSecret] = {}
        self._by_owner: dict[str, set[Ref]] = {}
        self._tracked: set[str | None] = set()
        self._taken_at: dict[Ref, float] = {}
        # Objects known before the last list of their scope began: the list is newer than all that is known of
        # them.
        self._before_list: set[Ref] = set()
        # The version of the last complete list, by its namespace (None: of all).
        self._listed: dict[str | None, str] = {}
        # When a Secret last went, or the tracked scopes last changed: nothing is known to be absent for
        # longer.
        self._absent_since = clock()

    def get(self, ref: Ref) -> ObservedSecret | None:
        """The Secret of that name, or None when none of ours is known."""
        return self._secrets.get(ref)

    def known(self, ref: Ref) -> tuple[ObservedSecret | None, float]:
        """The same, and since when the store has known nothing else, in seconds of the clock."""
        with self._lock:
            return self._secrets.get(ref), self._taken_at.get(ref, self._absent_since)

    def has(self, ref: Ref, version: str) -> bool:
        """Whether exactly this state of the Secret is known already."""
        known = self._secrets.get(ref)
        return known is not None and known.resource_version == version

    def owned_by(self, uid: str) -> list[Ref]:
        """The Secrets that carry the owner mark of the definition with this uid."""
        with self._lock:
            return sorted(self._by_owner.get(uid, ()))

    def __len__(self) -> int:
        return len(self._secrets)

    def tracks(self, namespace: str) -> bool:
        """Whether a look-up in this namespace may be trusted."""
        return None in self._tracked or namespace in self._tracked

    def track(self, namespace: str | None, *, on: bool) -> bool:
        """Say that the Secrets of a namespace (None: of all) are watched from now on, or no longer.

        Returns whether that changed.
        """
        with self._lock:
            if on == (namespace in self._tracked):
                return False
            (self._tracked.add if on else self._tracked.discard)(namespace)
            self._absent_since = self.clock()
            return True

    def apply(self, seen: ObservedSecret) -> bool:
        """Take a newer state; returns whether anything but the version differs from what was known."""
        seen = compact(seen)
        with self._lock:
            known = self._secrets.get(seen.ref)
            if known and not is_older(known.resource_version, seen.resource_version):
                return False
            self._put(known, seen)
            return known is None or not _same_content(known, seen)

    def remove(self, ref: Ref, uid: str) -> bool:
        """Take a deletion of that uid; returns whether it was known."""
        with self._lock:
            known = self._secrets.get(ref)
            if known is None or known.uid != uid:
                return False
            del self._secrets[ref]
            del self._taken_at[ref]
            self._absent_since = self.clock()
            self._unindex(known)
            return True

    def learn(self, ref: Ref, seen: ObservedSecret | None) -> None:
        """Take the answer of the API server about one Secret, in a scope that is not listed.

        Only those with our label are ever listed, so no other is kept.
        """
        with self._lock:
            known = self._secrets.get(ref)
            if seen is not None and seen.labels.get(MANAGED_BY_LABEL) == MANAGED_BY:
                # An answer from before a list that lacks the Secret.
                if not self._is_lacking(seen):
                    self.apply(seen)
            elif known is not None:
                self.remove(ref, known.uid)

    def hear(
        self, seen: ObservedSecret, report: Callable[[ObservedSecret], None], *, gone: bool = False
    ) -> None:
        """Take an event; ``report`` is called if it changed anything and is not the echo of our own write."""
        with self._lock:
            if not (self.remove(seen.ref, seen.uid) if gone else self.apply(seen)):
                return
            if seen.ref in self._in_flight:
                self._in_flight[seen.ref].events.append(_DeferredEvent(seen, gone, report))
                return
        report(seen)

    def begin_write(self, ref: Ref) -> None:
        """A write of ours is about to be sent; ``end_write`` must follow."""
        with self._lock:
            self._in_flight.setdefault(ref, _OwnWrites()).writes += 1

    def end_write(self, ref: Ref, reply: ObservedSecret | None) -> None:
        """Take the reply of a write, None if there is none, and report what others did meanwhile.

        The reply to a create adds a Secret, except if it is known to have gone since: a DELETED event came,
        or a newer complete list lacks it. Of several writes the last to end reports.
        """
        with self._lock:
            flight = self._in_flight[ref]
            flight.writes -= 1
            if reply is not None:
                flight.events = [each for each in flight.events if not _covers(reply, each.seen)]
                if not any(each.gone for each in flight.events) and not self._is_lacking(reply):
                    self.apply(reply)
            if flight.writes:
                return
            del self._in_flight[ref]
        for each in flight.events:
            each.report(each.seen)

    def list_begins(self, namespace: str | None) -> None:
        """A complete list is requested now: it overrides all that is known by now."""
        with self._lock:
            elsewhere = {ref for ref in self._before_list if namespace not in (None, ref.namespace)}
            self._before_list = elsewhere.union(
                ref for ref in self._secrets if namespace in (None, ref.namespace)
            )

    def replace_all(
        self, seen: list[ObservedSecret], namespace: str | None, list_version: str
    ) -> list[ObservedSecret]:
        """Take a complete list; returns those that came, changed or went.

        A Secret that was written after the list was made stays. The list replaces what was known before it
        began, even a newer version: such a version was made up, or the API server was restored to an earlier
        state.
        """
        with self._lock:
            self._listed[namespace] = list_version
            changed = [secret for secret in seen if self._apply_listed(secret)]
            keep = {secret.ref for secret in seen}
            gone = [
                known
                for ref, known in self._secrets.items()
                if ref not in keep
                and namespace in (None, ref.namespace)
                and (ref in self._before_list or not is_older(list_version, known.resource_version))
            ]
            for known in gone:
                self.remove(known.ref, known.uid)
            return changed + gone

    def _apply_listed(self, seen: ObservedSecret) -> bool:
        known = self._secrets.get(seen.ref)
        if (
            known is not None
            and seen.ref in self._before_list
            and is_older(seen.resource_version, known.resource_version)
        ):
            self._put(known, seen)
            return not _same_content(known, seen)
        return self.apply(seen)

    def _is_lacking(self, reply: ObservedSecret) -> bool:
        """Whether a complete list that is newer than the reply to a write lacks what that wrote."""
        if reply.ref in self._secrets:
            return False
        lists = (self._listed.get(scope) for scope in (None, reply.ref.namespace))
        return any(version and not is_newer(reply.resource_version, version) for version in lists)

    def _put(self, known: ObservedSecret | None, seen: ObservedSecret) -> None:
        if known:
            self._unindex(known)
        self._secrets[seen.ref] = seen
        self._before_list.discard(seen.ref)
        self._taken_at[seen.ref] = self.clock()
        owner = seen.definition_owner
        if owner:
            self._by_owner.setdefault(owner.uid, set()).add(seen.ref)

    def _unindex(self, known: ObservedSecret) -> None:
        owner = known.definition_owner
        if owner is None:
            return
        # Every writer can mark thousands of Secrets as one definition's, so this costs the same for each of
        # them.
        owned = self._by_owner[owner.uid]
        owned.discard(known.ref)
        if not owned:
            del self._by_owner[owner.uid]


def _covers(reply: ObservedSecret, seen: ObservedSecret) -> bool:
    """Whether ``seen`` is what our write made, or was there before it."""
    versions = (seen.resource_version, reply.resource_version)
    return versions[0] == versions[1] or is_older(*versions)


def _same_content(known: ObservedSecret, seen: ObservedSecret) -> bool:
    return (
        known.uid == seen.uid
        and known.outline == seen.outline
        and known.digests == seen.digests
        and known.labels == seen.labels
        and known.annotations == seen.annotations
        and known.owners == seen.owners
        and known.finalizers == seen.finalizers
        and known.type == seen.type
        and known.immutable == seen.immutable
    )
