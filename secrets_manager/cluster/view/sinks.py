"""From an informer's raw objects into a store, and on to the callbacks that have them reconciled.

Objects of excluded namespaces stop here: they are neither stored nor reconciled.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from secrets_manager.cluster import manifests
from secrets_manager.cluster.base import Json
from secrets_manager.cluster.view.definition_store import DefinitionEntry, DefinitionStore
from secrets_manager.cluster.view.secret_store import SecretStore
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.secret import Digester, ObservedSecret, compact


@dataclass(frozen=True, slots=True, kw_only=True)
class DefinitionListeners:
    """Callbacks for definitions that are new, differ or are gone, separate for lists and watches.

    ``missing`` is called for one that a complete list lacks: that is no evidence of a deletion, so it has to
    be requested by name.
    """

    listed: Callable[[Ref], None]
    changed: Callable[[Ref], None]
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
        self.store.list_begins(self.namespace)

    def listed(self, raw: Json) -> None:
        ref = manifests.ref_of(raw)
        self._seen.add(ref)
        if self._take(raw, self.store.apply_listed):
            self.listeners.listed(ref)

    def complete(self, resource_version: str) -> None:  # noqa: ARG002 - the port's parameter
        self.store.listed()
        for ref in self.store.refs():
            if ref not in self._seen and self.namespace in (None, ref.namespace):
                self.listeners.missing(ref)
        self._seen = set()

    def changed(self, raw: Json) -> None:
        ref = manifests.ref_of(raw)
        # The echo of a status of ours, most of the time.
        if not self.store.has(ref, manifests.version_of(raw)) and self._take(raw, self.store.apply):
            self.listeners.changed(ref)

    def deleted(self, raw: Json) -> None:
        ref = manifests.ref_of(raw)
        if self.store.remove(ref, manifests.uid_of(raw)):
            self.listeners.changed(ref)

    def denied(self) -> None:
        """The store stays as it is: a missing right is no evidence of a change."""

    def _take(self, raw: Json, apply: Callable[[DefinitionEntry], bool]) -> bool:
        ref = manifests.ref_of(raw)
        if ref.namespace in self.excluded:
            return False
        known = self.store.get(ref)
        definition = manifests.definition(raw, known.definition if known else None)
        return apply(manifests.entry(definition, raw))


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
    _was_denied: bool = False

    def restart(self) -> None:
        self._listed = []
        self.store.list_begins(self.namespace)

    def listed(self, raw: Json) -> None:
        if manifests.ref_of(raw).namespace not in self.excluded:
            self._listed.append(self._seen(raw))

    def complete(self, resource_version: str) -> None:
        differing = self.store.replace_all(self._listed, self.namespace, resource_version)
        self._listed = []
        if self.store.track(self.namespace, on=True):
            self.tracking_changed()
            if not self._was_denied:
                # At the start nothing was reconciled yet.
                return
        for secret in differing:
            self.changed_secret(secret)

    def changed(self, raw: Json) -> None:
        ref = manifests.ref_of(raw)
        if ref.namespace in self.excluded or self.store.has(ref, manifests.version_of(raw)):
            return
        self.store.hear(self._seen(raw), self.changed_secret)

    def deleted(self, raw: Json) -> None:
        self.store.hear(self._seen(raw), self.changed_secret, gone=True)

    def _seen(self, raw: Json) -> ObservedSecret:
        return compact(manifests.observed_secret(raw, self.digester))

    def denied(self) -> None:
        self._was_denied = True
        if self.store.track(self.namespace, on=False):
            self.tracking_changed()
