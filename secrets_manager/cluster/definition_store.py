"""The definitions that the informers have seen, with an index by the Secret they want.

The store is the cluster as this process knows it, a moment late. It answers look-ups without a call, tells
its caller whether an event said anything new, and never takes an older version of an object over a newer one,
so that the reply of our own write, taken at once, is not undone by an event from before it.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, replace

from secrets_manager.cluster.store_index import is_older, put_in, take_out
from secrets_manager.domain.condition import Status
from secrets_manager.domain.definition import Definition, Ref

# As many as can be deleted while one call of ours is under way.
_GONE_UIDS = 256


@dataclass(frozen=True, slots=True)
class DefinitionEntry:
    """A definition, the resourceVersion it was seen at and the status it carried then."""

    definition: Definition
    resource_version: str
    status: Status | None


class DefinitionStore:
    """All definitions in scope, with an index by the Secret they want.

    A definition that was deleted, or that now wants another Secret, leaves a *debt*: (uid, Secret) that may
    have to be deleted. Debts are kept until they are settled; losing them costs an orphan, not a Secret.

    A reply to a call of ours may come in after the event of the deletion, so the last uids that were deleted
    are remembered and never taken again.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._entries: dict[Ref, DefinitionEntry] = {}
        # Both hold tuples, which are replaced and never changed: every reconcile looks here without the lock.
        self._by_target: dict[Ref, tuple[Ref, ...]] = {}
        self._debts: dict[Ref, tuple[tuple[str, Ref], ...]] = {}
        self._gone: deque[str] = deque(maxlen=_GONE_UIDS)

    def get(self, ref: Ref) -> DefinitionEntry | None:
        """The definition of that name, or None."""
        return self._entries.get(ref)

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
        """The definitions that want this Secret, the eldest first."""
        entries = map(self._entries.get, self._by_target.get(target, ()))
        return sorted((entry.definition for entry in entries if entry), key=lambda d: d.seniority)

    def debts(self, ref: Ref) -> list[tuple[str, Ref]]:
        """(uid, Secret) pairs left behind by definitions of this name."""
        return sorted(self._debts.get(ref, ()))

    def settle(self, ref: Ref, debt: tuple[str, Ref]) -> None:
        """Forget a debt: the Secret is gone or was found to be not ours."""
        with self._lock:
            take_out(self._debts, ref, debt)

    def apply(self, entry: DefinitionEntry) -> bool:
        """Take a newer state; returns whether anything but status and version differs."""
        ref = entry.definition.ref
        with self._lock:
            known = self._entries.get(ref)
            if entry.definition.uid in self._gone:
                return False
            if known and is_older(entry.resource_version, known.resource_version):
                return False
            if known and known.definition.orphans and known.definition.uid == entry.definition.uid:
                # The garbage collector takes its finalizer off before others do theirs.
                entry = replace(entry, definition=replace(entry.definition, orphans=True))
            self._entries[ref] = entry
            self._reindex(known.definition if known else None, entry.definition)
            return known is None or known.definition != entry.definition

    def remove(self, ref: Ref, uid: str) -> bool:
        """Take a DELETED event for that uid; its Secret becomes a debt. Returns whether it was known."""
        with self._lock:
            self._gone.append(uid)
            known = self._entries.get(ref)
            if known is None or known.definition.uid != uid:
                return False
            del self._entries[ref]
            self._reindex(known.definition, None)
            return True

    def drop(self, ref: Ref) -> None:
        """Forget a definition of which only the absence is known: no debt arises, its Secret stays.

        Garbage collection deletes the Secret by its owner mark, if the definition is really gone.
        """
        with self._lock:
            known = self._entries.pop(ref, None)
            if known:
                self._unindex(known.definition)

    def _reindex(self, before: Definition | None, after: Definition | None) -> None:
        left = before is not None and not before.orphans and (after is None or after.target != before.target)
        if before and before.target and left:
            put_in(self._debts, before.ref, (before.uid, before.target))
        if before:
            self._unindex(before)
        if after and after.target:
            put_in(self._by_target, after.target, after.ref)

    def _unindex(self, gone: Definition) -> None:
        if gone.target:
            take_out(self._by_target, gone.target, gone.ref)
