"""From an informer's raw objects into a store, and on to whoever has to look at a key again.

An object of an excluded namespace goes no further than this: it is neither stored nor looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from secrets_manager.cluster import manifests
from secrets_manager.cluster.base import Json
from secrets_manager.cluster.definition_store import DefinitionEntry, DefinitionStore
from secrets_manager.cluster.secret_store import SecretStore
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.secret import Digester, ObservedSecret


@dataclass(frozen=True, slots=True, kw_only=True)
class DefinitionListeners:
    """Who hears about definitions that are new or differ, apart by whether a list or a watch told of them.

    ``missing`` is told of one that a complete list lacks: that is no evidence of a deletion, so somebody has
    to ask for it by name.
    """

    listed: Callable[[Ref], None]
    changed: Callable[[Ref], None]
    deleted: Callable[[Ref], None]
    missing: Callable[[Ref], None]


@dataclass(eq=False, kw_only=True)
class DefinitionSink:
    """Feeds the DefinitionStore from one informer."""

    store: DefinitionStore
    listeners: DefinitionListeners
    namespace: str | None
    excluded: frozenset[str] = frozenset()
    _seen: set[Ref] = field(default_factory=set)

    def restart(self) -> None:
        self._seen = set()

    def listed(self, raw: Json) -> None:
        ref = manifests.ref_of(raw)
        self._seen.add(ref)
        if self._take(raw):
            self.listeners.listed(ref)

    def complete(self, resource_version: str) -> None:  # noqa: ARG002 - the port's parameter
        for ref in self.store.refs():
            if ref not in self._seen and self.namespace in (None, ref.namespace):
                self.listeners.missing(ref)
        self._seen = set()

    def changed(self, raw: Json) -> None:
        ref = manifests.ref_of(raw)
        # The echo of a status of ours, most of the time.
        if not self.store.has(ref, manifests.version_of(raw)) and self._take(raw):
            self.listeners.changed(ref)

    def deleted(self, raw: Json) -> None:
        ref = manifests.ref_of(raw)
        if self.store.remove(ref, manifests.uid_of(raw)):
            self.listeners.deleted(ref)

    def denied(self) -> None:
        """What is stored stays: that we may not look is no evidence that anything changed."""

    def _take(self, raw: Json) -> bool:
        definition = manifests.definition(raw)
        if definition.ref.namespace in self.excluded:
            return False
        entry = DefinitionEntry(definition, manifests.version_of(raw), manifests.status(raw))
        return self.store.apply(entry)


@dataclass(eq=False, kw_only=True)
class SecretSink:
    """Feeds the SecretStore from one informer; values are digested here and go no further.

    ``tracking_changed`` is called when the scope can be watched from now on, or no longer.
    """

    store: SecretStore
    digester: Digester
    changed_secret: Callable[[ObservedSecret], None]
    tracking_changed: Callable[[], None]
    namespace: str | None
    excluded: frozenset[str] = frozenset()
    _listed: list[ObservedSecret] = field(default_factory=list)

    def restart(self) -> None:
        self._listed = []

    def listed(self, raw: Json) -> None:
        if manifests.ref_of(raw).namespace not in self.excluded:
            self._listed.append(manifests.observed_secret(raw, self.digester))

    def complete(self, resource_version: str) -> None:
        differing = self.store.replace_all(self._listed, self.namespace, resource_version)
        self._listed = []
        if self.store.track(self.namespace, on=True):
            self.tracking_changed()
            return
        for secret in differing:
            self.changed_secret(secret)

    def changed(self, raw: Json) -> None:
        ref = manifests.ref_of(raw)
        if ref.namespace in self.excluded or self.store.has(ref, manifests.version_of(raw)):
            return
        self.store.hear(manifests.observed_secret(raw, self.digester), self.changed_secret)

    def deleted(self, raw: Json) -> None:
        self.store.hear(manifests.observed_secret(raw, self.digester), self.changed_secret, gone=True)

    def denied(self) -> None:
        if self.store.track(self.namespace, on=False):
            self.tracking_changed()
