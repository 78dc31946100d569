"""Reads the state of one hand-over from the cluster."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from secrets_manager.cluster import manifests
from secrets_manager.cluster.base import DEFINITIONS, Json, NotFound, PersonsApi, Resource, Scope
from secrets_manager.commands.gitops import keeper_of
from secrets_manager.commands.migrate.comparing import Comparison
from secrets_manager.commands.migrate.takeover.hands import KINDS, OldKind, kind_of, letting_go
from secrets_manager.commands.migrate.takeover.state import RECORD, RELEASED, Old, Ours, State
from secrets_manager.commands.migrate.wished import Wish
from secrets_manager.domain.definition import ADOPT, Definition, Ref, SecretSpec
from secrets_manager.domain.nesting import is_too_deep
from secrets_manager.domain.secret import ObservedSecret

__all__ = ["Gatherer"]


@dataclass(eq=False, kw_only=True)
class Gatherer:
    """Objects of other operators are looked for once in each namespace, and read anew each time."""

    api: PersonsApi
    observe: Callable[[Ref], ObservedSecret | None]
    _resources: list[tuple[OldKind, Resource]] | None = None
    _known: dict[str, list[tuple[OldKind, Resource, str, str]]] = field(default_factory=dict)

    def gather(self, wish: Wish, compared: Comparison) -> State:
        """The state now; raises what the API raises."""
        secret = self.observe(wish.target)
        olds = tuple(self._olds(wish.target))
        uids = {old.uid for old in olds}
        others = [each for each in secret.owners if not each.is_definition] if secret else []
        known = [(each, kind_of(each.api_version, each.kind)) for each in others]
        return State(
            compared=compared,
            retained=wish.examined.definition.retains,
            suspended=wish.spec.suspended,
            ours=self._ours(wish),
            secret=secret,
            olds=olds,
            wished=frozenset({*wish.spec.wished.labels, *wish.spec.wished.annotations}),
            dangling=tuple(
                f"{each.kind} {each.name}" for each, kind in known if kind and each.uid not in uids
            ),
            strangers=tuple(
                f"{each.kind} {each.name} ({each.api_version})" for each, kind in known if not kind
            ),
        )

    def _ours(self, wish: Wish) -> Ours | None:
        try:
            raw = self.api.get(DEFINITIONS, wish.ref)
        except NotFound:
            return None
        definition, status = manifests.definition(raw), manifests.status(raw)
        ready = status.condition if status else None
        return Ours(
            uid=definition.uid,
            version=manifests.version_of(raw),
            spec_is_wished=_same(definition, wish.spec),
            record=_noted(definition.annotations, RECORD),
            released={
                name: each
                for name, each in (_noted(definition.annotations, RELEASED) or {}).items()
                if isinstance(each, dict)
            },
            suspended=isinstance(definition.spec, SecretSpec) and definition.spec.suspended,
            deleting=definition.deleting,
            current=status is not None and status.observed_generation == definition.generation,
            ready=ready is not None and ready.ready,
            reason=ready.reason if ready else "",
            message=ready.message if ready else "",
            adopts=definition.opts_in(ADOPT),
        )

    def _olds(self, target: Ref) -> Iterator[Old]:
        for kind, resource, name, secret in self._found(target.namespace):
            if secret == target.name:
                try:
                    yield _old(kind, resource, self.api.get(resource, Ref(target.namespace, name)))
                except NotFound:
                    continue

    def _found(self, namespace: str) -> list[tuple[OldKind, Resource, str, str]]:
        if namespace not in self._known:
            self._known[namespace] = [
                (kind, resource, manifests.ref_of(raw).name, kind.secret_of(raw))
                for kind, resource in self._served()
                for raw in self._listed(resource, namespace)
            ]
        return self._known[namespace]

    def _served(self) -> list[tuple[OldKind, Resource]]:
        if self._resources is None:
            served = {kind.group: self.api.versions_of(kind.group) for kind in KINDS}
            newest = (
                (kind, next((each for each in kind.versions if each in served[kind.group]), None))
                for kind in KINDS
            )
            self._resources = [(kind, kind.resource(version)) for kind, version in newest if version]
        return self._resources

    def _listed(self, resource: Resource, namespace: str) -> list[Json]:
        try:
            return [
                raw
                for page in self.api.pages(Scope(resource=resource, namespace=namespace))
                for raw in page.items
            ]
        except NotFound:
            # The group is served, and that kind is not.
            return []


def _old(kind: OldKind, resource: Resource, raw: Json) -> Old:
    metadata = raw.get("metadata") or {}
    makers = (each for each in metadata.get("ownerReferences") or () if each.get("controller") is True)
    maker = next(makers, None)
    return Old(
        kind=kind,
        resource=resource,
        ref=manifests.ref_of(raw),
        raw=raw,
        uid=manifests.uid_of(raw),
        version=manifests.version_of(raw),
        deleting=metadata.get("deletionTimestamp") is not None,
        finalizers=tuple(map(str, metadata.get("finalizers") or ())),
        change=letting_go(kind, raw),
        keeper=keeper_of(raw),
        maker=f"{maker.get('kind')} {maker.get('name')}" if maker else "",
    )


def _same(definition: Definition, wanted: SecretSpec) -> bool:
    found = definition.spec
    return isinstance(found, SecretSpec) and replace(found, suspended=wanted.suspended) == wanted


def _noted(annotations: Mapping[str, str], name: str) -> Mapping[str, object] | None:
    """What an annotation of ours says; one that cannot be read says nothing."""
    text = annotations.get(name)
    if text is None:
        return None
    try:
        found = {} if is_too_deep(text) else json.loads(text)
    except ValueError:
        found = {}
    return found if isinstance(found, dict) else {}
