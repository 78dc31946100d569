"""Follows the definitions of a scope by a watch, and tells which of them changed.

A watch ends by itself after a minute and is opened again. Where the version to go on from is too old, or the
API server was away, the list is made again and compared with what was known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from secrets_manager.cluster import manifests
from secrets_manager.cluster.base import DEFINITIONS, Expired, KubernetesApi, Scope, WatchEvent
from secrets_manager.commands.listing import LastChanges, Listing, line_now, list_all
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import ClusterUnavailable
from secrets_manager.overview.model import DefinitionLine

_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 30.0


class What(StrEnum):
    """What became of a definition."""

    FOUND = "found"
    CHANGED = "changed"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A definition as it is now, or as it was last; ``before`` is its former line, None if it had none."""

    what: What
    line: DefinitionLine
    before: DefinitionLine | None = None


@dataclass(slots=True, kw_only=True)
class Following:
    """The definitions of a namespace, or of the cluster, from a list on.

    Attributes:
        names: the only ones that are of interest; None for all.
        pause: waits for so many seconds.
        troubled: is told why the API server does not answer, and None when it does again.

    """

    api: KubernetesApi
    namespace: str | None
    changes: LastChanges
    pause: Callable[[float], object]
    troubled: Callable[[str | None], object]
    names: frozenset[Ref] | None = None
    _known: dict[Ref, DefinitionLine] = field(default_factory=dict)
    _version: str = ""
    _pause: float = 0.0

    def begin(self) -> list[DefinitionLine]:
        """The definitions as they are now, to go on from; raises what the API raises."""
        return [change.line for change in self._again()]

    def run(self) -> Iterator[Change]:
        """The changes, without end."""
        while True:
            try:
                yield from self._watch()
            except Expired:
                self._version = ""
            except ClusterUnavailable as error:
                self._wait(error.message)
            else:
                self._well()

    def _watch(self) -> Iterator[Change]:
        if not self._version:
            yield from self._again()
        scope = Scope(resource=DEFINITIONS, namespace=self.namespace)
        for event in self.api.watch(scope, self._version, opened=self._well):
            yield from self._seen(event)
            self._version = manifests.version_of(event.object) or self._version

    def _again(self) -> Iterator[Change]:
        listing = list_all(self.api, self.namespace, self.changes)
        found = _by_ref(listing)
        for ref in self._known.keys() - found.keys():
            yield Change(what=What.DELETED, line=self._known.pop(ref))
        for line in found.values():
            yield from self._updated(line)
        self._version = listing.version

    def _seen(self, event: WatchEvent) -> Iterator[Change]:
        ref = manifests.ref_of(event.object)
        if event.type == "BOOKMARK" or (self.names is not None and ref not in self.names):
            return
        if event.type != "DELETED":
            yield from self._updated(line_now(event.object, self.changes))
        elif (known := self._known.pop(ref, None)) is not None:
            yield Change(what=What.DELETED, line=known)

    def _updated(self, line: DefinitionLine) -> Iterator[Change]:
        ref = Ref(line.namespace, line.name)
        if self.names is not None and ref not in self.names:
            return
        before = self._known.get(ref)
        if line != before:
            self._known[ref] = line
            yield Change(what=What.CHANGED if before else What.FOUND, line=line, before=before)

    def _well(self) -> None:
        if self._pause:
            self._pause = 0.0
            self.troubled(None)

    def _wait(self, why: str) -> None:
        if not self._pause:
            self.troubled(why)
        self._pause = min(_LONGEST_PAUSE, 2 * self._pause or _FIRST_PAUSE)
        self.pause(self._pause)


def _by_ref(listing: Listing) -> dict[Ref, DefinitionLine]:
    return {Ref(line.namespace, line.name): line for line in listing.lines}
