"""Does one step in the cluster. Each write is refused where the object is not as it was looked at."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from secrets_manager.cluster.base import DEFINITIONS, SECRETS, Json, NotFound, PersonsApi
from secrets_manager.commands.migrate.takeover.deciding import Do, Step
from secrets_manager.commands.migrate.takeover.hands import put_back, taken_from
from secrets_manager.commands.migrate.takeover.state import (
    OUR_ANNOTATIONS,
    RECORD,
    RELEASED,
    Old,
    Ours,
    State,
)
from secrets_manager.commands.migrate.wished import Wish
from secrets_manager.domain.definition import ADOPT
from secrets_manager.domain.secret import MANAGED_BY, MANAGED_BY_LABEL, ObservedSecret

__all__ = ["Hand"]


@dataclass(frozen=True, slots=True)
class Hand:
    """Writes; raises what the API raises, Conflict where the state is not what it was."""

    api: PersonsApi

    def do(self, step: Step, wish: Wish, state: State) -> None:
        """Do a step that is no end and no wait."""
        if step.do is Do.CREATE:
            self._create(wish, state.secret)
        elif step.old is not None:
            self._to_old(step.do, wish, step.old, state.ours)
        elif step.do is Do.UNMARK:
            self._unmark(wish, state)
        elif step.do is Do.CLEAN and state.secret is not None:
            self._clean(wish, state.secret, state.marks_of_others)
        elif state.ours is not None:
            self._to_ours(step.do, wish, state.ours)

    def _create(self, wish: Wish, secret: ObservedSecret | None) -> None:
        raw = wish.examined.manifest.raw
        metadata = raw.get("metadata") or {}
        record = {"managedBy": _label_of_others(secret)}
        annotations = {
            **(metadata.get("annotations") or {}),
            ADOPT: "true",
            RECORD: json.dumps(record, separators=(",", ":")),
        }
        body: Json = {
            "apiVersion": raw["apiVersion"],
            "kind": raw["kind"],
            "metadata": {
                "name": wish.ref.name,
                "namespace": wish.ref.namespace,
                "labels": metadata.get("labels") or {},
                "annotations": annotations,
            },
            "spec": raw["spec"],
        }
        self.api.create(DEFINITIONS, wish.ref.namespace, body)

    def _to_ours(self, do: Do, wish: Wish, ours: Ours) -> None:
        if do is Do.REMOVE:
            _quietly(lambda: self.api.orphan(DEFINITIONS, wish.ref, _exactly(ours)))
            return
        changes: Mapping[Do, Json] = {
            Do.SUSPEND: {"spec": {"suspend": True}},
            Do.RESUME: {"spec": {"suspend": None}},
            Do.DISARM: {"metadata": {"annotations": {ADOPT: None}}},
        }
        self._patch_ours(wish, ours, changes[do])

    def _patch_ours(self, wish: Wish, ours: Ours, change: Json) -> None:
        metadata = {**change.get("metadata", {}), **_seen(ours.uid, ours.version)}
        self.api.patch(DEFINITIONS, wish.ref, {**change, "metadata": metadata})

    def _to_old(self, do: Do, wish: Wish, old: Old, ours: Ours | None) -> None:
        if do is Do.TAKE_AWAY:
            _quietly(lambda: self.api.orphan(old.resource, old.ref, _exactly(old)))
        elif do is Do.RELEASE:
            if ours is not None and old.key not in ours.released:
                # First, so that the way back is known whatever happens between the two.
                self._note(wish, ours, {**ours.released, old.key: taken_from(old.kind, old.raw)})
            self._patch_old(old, old.change)
        elif ours is not None:
            self._patch_old(old, put_back(old.kind, old.raw, ours.released[old.key]))
            self._note(wish, ours, {key: each for key, each in ours.released.items() if key != old.key})

    def _note(self, wish: Wish, ours: Ours, released: Mapping[str, object]) -> None:
        text = json.dumps(released, separators=(",", ":"), sort_keys=True) if released else None
        self._patch_ours(wish, ours, {"metadata": {"annotations": {RELEASED: text}}})

    def _patch_old(self, old: Old, spec: Json | None) -> None:
        if spec is not None:
            self.api.patch(old.resource, old.ref, {"metadata": _seen(old.uid, old.version), "spec": spec})

    def _clean(self, wish: Wish, secret: ObservedSecret, marks: Mapping[str, list[str]]) -> None:
        gone = {kind: dict.fromkeys(names) for kind, names in marks.items()}
        metadata = {**_seen(secret.uid, secret.resource_version), **gone}
        self.api.patch(SECRETS, wish.target, {"metadata": metadata})

    def _unmark(self, wish: Wish, state: State) -> None:
        secret = state.secret
        if secret is None:
            return
        annotations = {name: None for name in OUR_ANNOTATIONS if name in secret.annotations}
        labels: dict[str, Any] = {}
        if secret.labels.get(MANAGED_BY_LABEL) == MANAGED_BY:
            before = state.ours.record.get("managedBy") if state.ours and state.ours.record else None
            labels[MANAGED_BY_LABEL] = before if isinstance(before, str) else None
        metadata = {
            **_seen(secret.uid, secret.resource_version),
            "annotations": annotations,
            "labels": labels,
        }
        self.api.patch(SECRETS, wish.target, {"metadata": metadata})


def _label_of_others(secret: ObservedSecret | None) -> str | None:
    found = secret.labels.get(MANAGED_BY_LABEL) if secret is not None else None
    return None if found == MANAGED_BY else found


def _seen(uid: str, version: str) -> dict[str, str]:
    return {"uid": uid, "resourceVersion": version}


def _exactly(each: Ours | Old) -> dict[str, str]:
    return _seen(each.uid, each.version)


def _quietly(delete: Callable[[], None]) -> None:
    try:
        delete()
    except NotFound:
        # Somebody else was faster.
        return
