"""The definitions of a cluster as a rehearsal knows them, with those of files as they would be applied."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from secrets_manager.cluster import manifests
from secrets_manager.cluster.base import DEFINITIONS, SECRET_METADATA, Json, KubernetesApi, NotFound, Scope
from secrets_manager.cluster.view.definition_store import DefinitionStore
from secrets_manager.cluster.write.bodies import rfc3339
from secrets_manager.commands.listing import read
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import Forbidden, SecretsManagerError
from secrets_manager.domain.nesting import is_too_deep
from secrets_manager.domain.secret import DEFINITION_GROUP, DEFINITION_KIND, MANAGED_BY, MANAGED_BY_LABEL

_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


@dataclass(eq=False, kw_only=True)
class KnownDefinitions:
    """Fills the store of a rehearsal. ``now`` is when what is not there yet would be created."""

    api: KubernetesApi
    store: DefinitionStore
    now: datetime
    _raw: dict[Ref, Json] = field(default_factory=dict, repr=False)

    def take_all(self, namespace: str | None) -> list[Ref]:
        """Learn of all definitions of a namespace, or of the cluster; raises what the API raises."""
        scope = Scope(resource=DEFINITIONS, namespace=namespace)
        found = [self._take(raw) for page in self.api.pages(scope) for raw in page.items]
        return sorted(found)

    def take_named(self, refs: Collection[Ref]) -> None:
        """Learn of these, and of those beside them, of which an older one may want the same Secret.

        Raises NoSuchObject for the first that is not there.
        """
        self._take_beside(refs)
        for ref in refs:
            if ref not in self.store:
                self._take(read(self.api, ref))

    def take_files(self, raws: Mapping[Ref, Json]) -> None:
        """Learn of definitions as they would be once these manifests are applied."""
        self._take_beside(raws)
        for number, (ref, wanted) in enumerate(raws.items()):
            there = self._raw.get(ref) or self._read(ref)
            self._take(_applied(wanted, there) if there else _created(wanted, self.now, number))

    def _take_beside(self, refs: Iterable[Ref]) -> None:
        for namespace in sorted({ref.namespace for ref in refs}):
            try:
                self.take_all(namespace)
            except Forbidden:
                # Then nothing is known of the others, and each is asked for by name.
                continue

    def _read(self, ref: Ref) -> Json | None:
        try:
            found = self.api.get(DEFINITIONS, ref)
        except NotFound:
            return None
        self._take(found)
        return found

    def _take(self, raw: Json) -> Ref:
        definition = manifests.definition(raw)
        self.store.apply(manifests.entry(definition, raw))
        self._raw[definition.ref] = raw
        return definition.ref


def owned_beside(api: KubernetesApi, store: DefinitionStore, namespaces: Iterable[str]) -> Iterator[Ref]:
    """Secrets of ours with the owner mark of a definition that does not want them, as far as one may know.

    Only their metadata is asked for.
    """
    targets = {}
    for ref in store.refs():
        entry = store.get(ref)
        if entry is not None:
            targets[entry.definition.uid] = entry.definition.target
    label = f"{MANAGED_BY_LABEL}={MANAGED_BY}"
    for namespace in namespaces:
        scope = Scope(resource=SECRET_METADATA, namespace=namespace, selector=label)
        try:
            for page in api.pages(scope):
                for raw in page.items:
                    ref, owners = manifests.ref_of(raw), _definition_owners(raw)
                    if any(targets.get(uid, ref) != ref for uid in owners):
                        yield ref
        except SecretsManagerError:
            # Where Secrets cannot be listed the daemon does not see them either.
            continue


def _definition_owners(raw: Json) -> Iterator[str]:
    for owner in (raw.get("metadata") or {}).get("ownerReferences") or ():
        if owner.get("kind") == DEFINITION_KIND and str(owner.get("apiVersion")).startswith(DEFINITION_GROUP):
            yield str(owner.get("uid"))


def _created(wanted: Json, now: datetime, number: int) -> Json:
    """A definition that is not there yet: younger than all that are, and than those before it."""
    metadata = {**wanted["metadata"], "uid": f"rehearsed-{number:06}", "creationTimestamp": rfc3339(now)}
    return {**wanted, "metadata": {**metadata, "resourceVersion": "0", "generation": 1}}


def _applied(wanted: Json, there: Json) -> Json:
    """The definition after ``kubectl apply``: the spec of the file, and marks merged as kubectl does."""
    metadata = there["metadata"]
    before = _last_applied(metadata.get("annotations") or {})
    merged = {
        kind: _merged(before.get(kind), metadata.get(kind), wanted["metadata"].get(kind))
        for kind in ("labels", "annotations")
    }
    return {
        **there,
        "spec": wanted.get("spec"),
        "metadata": {
            **metadata,
            **merged,
            "generation": metadata.get("generation", 0) + 1,
            "resourceVersion": _after(str(metadata.get("resourceVersion", ""))),
        },
    }


def _after(version: str) -> str:
    return str(int(version) + 1) if version.isdecimal() else version


def _last_applied(annotations: Mapping[str, Any]) -> Mapping[str, Any]:
    text = str(annotations.get(_LAST_APPLIED, "{}"))
    try:
        found = {} if is_too_deep(text) else json.loads(text)
    except ValueError:
        found = {}
    metadata = found.get("metadata") if isinstance(found, dict) else None
    return metadata if isinstance(metadata, dict) else {}


def _merged(before: object, there: object, wanted: object) -> dict[str, Any]:
    old, kept, new = (each if isinstance(each, dict) else {} for each in (before, there, wanted))
    return {**{name: text for name, text in kept.items() if name not in old or name in new}, **new}
