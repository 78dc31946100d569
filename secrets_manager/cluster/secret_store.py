"""Our Secrets as the informers have seen them, without their values.

As in `definition_store`: a moment late, and never back to an older version.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from secrets_manager.cluster.store_index import is_older, put_in, take_out
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.secret import ObservedSecret


@dataclass(frozen=True, slots=True)
class _News:
    """An event about a Secret that is being written by us, and who is to be told if it was not our doing."""

    seen: ObservedSecret
    gone: bool
    tell: Callable[[ObservedSecret], None]


class SecretStore:
    """Our Secrets as last seen: metadata and keyed digests, indexed by the definition that owns them.

    ``tracked`` namespaces are those whose Secrets are listed and watched; for others a look-up here says
    nothing, and the caller has to ask the API server.

    The event of our own write often overtakes the reply. So what is heard of a Secret while a write of it is
    in flight waits for the reply, which tells the echo from what somebody else did.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._lock = threading.RLock()
        self._in_flight: dict[Ref, list[_News]] = {}
        self._secrets: dict[Ref, ObservedSecret] = {}
        # As in DefinitionStore.
        self._by_owner: dict[str, tuple[Ref, ...]] = {}
        self._tracked: set[str | None] = set()
        self._taken_at: dict[Ref, float] = {}
        # When a Secret last went, or what is tracked last changed: nothing has been absent for longer.
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
        return sorted(self._by_owner.get(uid, ()))

    def __len__(self) -> int:
        return len(self._secrets)

    def tracks(self, namespace: str) -> bool:
        """Whether a look-up in this namespace may be trusted."""
        return None in self._tracked or namespace in self._tracked

    def track(self, namespace: str | None, *, on: bool) -> bool:
        """Say that the Secrets of a namespace (None: of all) are watched from now on, or no longer.

        Returns whether that is news.
        """
        with self._lock:
            if on == (namespace in self._tracked):
                return False
            (self._tracked.add if on else self._tracked.discard)(namespace)
            self._absent_since = self.clock()
            return True

    def apply(self, seen: ObservedSecret) -> bool:
        """Take a newer state; returns whether anything but the version differs from what was known."""
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

    def hear(
        self, seen: ObservedSecret, tell: Callable[[ObservedSecret], None], *, gone: bool = False
    ) -> None:
        """Take an event; ``tell`` is called if it is news and not the echo of our own write."""
        with self._lock:
            if not (self.remove(seen.ref, seen.uid) if gone else self.apply(seen)):
                return
            if seen.ref in self._in_flight:
                self._in_flight[seen.ref].append(_News(seen, gone, tell))
                return
        tell(seen)

    def begin_write(self, ref: Ref) -> None:
        """A write of ours is about to be sent; ``end_write`` must follow."""
        with self._lock:
            self._in_flight.setdefault(ref, [])

    def end_write(self, ref: Ref, reply: ObservedSecret | None) -> None:
        """Take the reply of a write, None if there is none, and tell what others did meanwhile."""
        with self._lock:
            news = self._in_flight.pop(ref, [])
            if reply is not None:
                news = [each for each in news if not _covers(reply, each.seen)]
                if not any(each.gone for each in news):
                    self.apply(reply)
        for each in news:
            each.tell(each.seen)

    def replace_all(
        self, seen: list[ObservedSecret], namespace: str | None, list_version: str
    ) -> list[ObservedSecret]:
        """Take a complete list; returns those that came, changed or went.

        What was written after the list was made stays.
        """
        with self._lock:
            changed = [secret for secret in seen if self.apply(secret)]
            keep = {secret.ref for secret in seen}
            gone = [
                known
                for ref, known in self._secrets.items()
                if ref not in keep
                and namespace in (None, ref.namespace)
                and not is_older(list_version, known.resource_version)
            ]
            for known in gone:
                self.remove(known.ref, known.uid)
            return changed + gone

    def _put(self, known: ObservedSecret | None, seen: ObservedSecret) -> None:
        if known:
            self._unindex(known)
        self._secrets[seen.ref] = seen
        self._taken_at[seen.ref] = self.clock()
        owner = seen.definition_owner
        if owner:
            put_in(self._by_owner, owner.uid, seen.ref)

    def _unindex(self, known: ObservedSecret) -> None:
        owner = known.definition_owner
        if owner:
            take_out(self._by_owner, owner.uid, known.ref)


def _covers(reply: ObservedSecret, seen: ObservedSecret) -> bool:
    """Whether ``seen`` is what our write made, or was there before it."""
    versions = (seen.resource_version, reply.resource_version)
    return versions[0] == versions[1] or is_older(*versions)


def _same_content(known: ObservedSecret, seen: ObservedSecret) -> bool:
    return (
        known.uid == seen.uid
        and known.digests == seen.digests
        and known.labels == seen.labels
        and known.annotations == seen.annotations
        and known.owners == seen.owners
        and known.type == seen.type
        and known.immutable == seen.immutable
    )
