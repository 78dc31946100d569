"""The definitions that the informers have seen, with an index by the Secret they want.

The store is the cluster as this process knows it, a moment late. It answers look-ups without a call, reports
to its caller whether an event changed anything, and never takes an older version of an object over a newer
one, so that the reply of our own write, taken at once, is not undone by an event from before it.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, replace

from secrets_manager.cluster.view.claims import Claims
from secrets_manager.cluster.view.store_index import is_older, put_in, take_out
from secrets_manager.domain.condition import Status
from secrets_manager.domain.definition import Definition, Ref

# As many as can be deleted while one call of ours is in flight.
_GONE_UIDS = 256


@dataclass(frozen=True, slots=True)
class DefinitionEntry:
    """A definition, the resourceVersion it was seen at and the status it carried then.

    ``shared`` says that others wrote something into the status, too.
    """

    definition: Definition
    resource_version: str
    status: Status | None
    shared: bool = False


class DefinitionStore:
    """All definitions in scope, with an index by the Secret they want.

    A definition that was deleted, or that now wants another Secret, leaves a *debt*: (uid, Secret) that may
    have to be deleted. Debts are kept until they are settled; losing them costs an orphan, not a Secret.

    Only lists and watches put a definition in (``apply``). A reply to a call of ours may come in long after
    the event of the deletion, so it updates a definition that is here under its uid and adds none
    (``update``); the answer to a GET does no more than that either, if anything went since it was sent
    (``learn``).
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._entries: dict[Ref, DefinitionEntry] = {}
        self._claims = Claims()
        # Tuples, which are replaced and never changed: every reconcile reads them without the lock.
        self._debts: dict[Ref, tuple[tuple[str, Ref], ...]] = {}
        self._gone: deque[str] = deque(maxlen=_GONE_UIDS)
        self._losses = 0
        # Objects known before the last list of their scope began: the list is newer than all that is known of
        # them.
        self._before_list: set[Ref] = set()

    def get(self, ref: Ref) -> DefinitionEntry | None:
        """The definition of that name, or None."""
        return self._entries.get(ref)

    def __contains__(self, ref: Ref) -> bool:
        return ref in self._entries

    def has(self, ref: Ref, version: str) -> bool:
        """Whether exactly this state of the definition is known already."""
        known = self._entries.get(ref)
        return known is not None and known.resource_version == version

    def refs(self) -> list[Ref]:
        """All names, in no order."""
        with self._lock:
            return list(self._entries)

    def refs_and_debtors(self) -> list[Ref]:
        """All names, and those of definitions that are gone and left debts."""
        with self._lock:
            return list({**self._entries, **self._debts})

    def __len__(self) -> int:
        return len(self._entries)

    def wanting(self, target: Ref) -> list[Definition]:
        """The definitions that want this Secret, the eldest first; those that are being deleted do not."""
        with self._lock:
            return [self._entries[ref].definition for ref in self._claims.of(target)]

    def senior(self, target: Ref) -> Definition | None:
        """The eldest of those: the one that keeps the Secret. Takes no longer for many than for one."""
        with self._lock:
            ref = self._claims.first(target)
            return self._entries[ref].definition if ref else None

    def eldest(self, target: Ref) -> tuple[Ref | None, Ref | None]:
        """The names of the eldest and of the next one."""
        with self._lock:
            return self._claims.first(target), self._claims.first(target, after=1)

    def debts(self, ref: Ref) -> list[tuple[str, Ref]]:
        """(uid, Secret) pairs left behind by definitions of this name."""
        return sorted(self._debts.get(ref, ()))

    def settle(self, ref: Ref, debt: tuple[str, Ref]) -> None:
        """Forget a debt: the Secret is gone or was found to be not ours."""
        with self._lock:
            take_out(self._debts, ref, debt)

    def apply(self, entry: DefinitionEntry) -> bool:
        """Take a newer state; returns whether anything but status and version differs."""
        with self._lock:
            known = self._entries.get(entry.definition.ref)
            if entry.definition.uid in self._gone:
                return False
            if known and is_older(entry.resource_version, known.resource_version):
                return False
            return self._put(known, entry)

    def list_begins(self, namespace: str | None) -> None:
        """A complete list is requested now: it overrides all that is known by now."""
        with self._lock:
            elsewhere = {ref for ref in self._before_list if namespace not in (None, ref.namespace)}
            self._before_list = elsewhere.union(
                ref for ref in self._entries if namespace in (None, ref.namespace)
            )

    def apply_listed(self, entry: DefinitionEntry) -> bool:
        """As ``apply``, for a list. It replaces what was known before it began, even a newer version.

        Such a version was made up, or the API server was restored to an earlier state.
        """
        ref = entry.definition.ref
        with self._lock:
            if ref in self._before_list and entry.definition.uid not in self._gone:
                return self._put(self._entries.get(ref), entry)
            return self.apply(entry)

    def update(self, entry: DefinitionEntry) -> bool:
        """Take the reply to a call of ours, if this very definition is still here and was no newer.

        Returns whether anything but status and version differs from what was known of it.
        """
        with self._lock:
            known = self._entries.get(entry.definition.ref)
            if known is None or known.definition.uid != entry.definition.uid:
                return False
            if is_older(entry.resource_version, known.resource_version):
                return False
            return self._put(known, entry)

    def losses(self) -> int:
        """How often something may have gone: a count to compare with a later one."""
        return self._losses

    def learn(self, entry: DefinitionEntry, losses: int) -> bool:
        """Take the answer to a GET that was sent at this count of losses.

        Another uid under the name is proof that the one before was deleted. Returns what ``apply`` does.
        """
        with self._lock:
            return self.apply(entry) if losses == self._losses else self.update(entry)

    def listed(self) -> None:
        """A complete list was taken: definitions that it lacks may have gone before."""
        with self._lock:
            self._losses += 1

    def remove(self, ref: Ref, uid: str) -> bool:
        """Take a DELETED event for that uid; its Secret becomes a debt. Returns whether it was known."""
        with self._lock:
            self._losses += 1
            self._gone.append(uid)
            known = self._entries.get(ref)
            if known is None or known.definition.uid != uid:
                return False
            del self._entries[ref]
            self._reindex(known.definition, None)
            return True

    def drop(self, ref: Ref, uid: str | None = None) -> None:
        """Forget a definition that is only known to be absent: no debt arises, and its Secret stays.

        With a ``uid``, only that one: another may have been made since under its name. Garbage collection
        deletes the Secret by its owner mark, if the definition is really gone.
        """
        with self._lock:
            known = self._entries.get(ref)
            if known and uid in (None, known.definition.uid):
                self._losses += 1
                del self._entries[ref]
                self._claims.move(known.definition, None)

    def _put(self, known: DefinitionEntry | None, entry: DefinitionEntry) -> bool:
        if known and known.definition.orphans and known.definition.uid == entry.definition.uid:
            # The garbage collector takes its finalizer off before others do theirs.
            entry = replace(entry, definition=replace(entry.definition, orphans=True))
        self._entries[entry.definition.ref] = entry
        self._before_list.discard(entry.definition.ref)
        self._reindex(known.definition if known else None, entry.definition)
        return known is None or known.definition != entry.definition

    def _reindex(self, before: Definition | None, after: Definition | None) -> None:
        left = before is not None and not before.orphans and (after is None or after.target != before.target)
        kept = any(each is not None and each.retains for each in (before, after))
        if before and before.target and left and not kept:
            put_in(self._debts, before.ref, (before.uid, before.target))
        self._claims.move(before, after)
