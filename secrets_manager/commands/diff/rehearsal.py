"""An API server for a rehearsal: reads are answered by the real one, and writes are noted and not made."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from secrets_manager.cluster.base import SECRETS, Json, KubernetesApi, Resource
from secrets_manager.cluster.client.forwarding import ForwardingApi
from secrets_manager.domain.definition import OPAQUE, Ref

# Where another Secret stands, or none stood.
_NO_VERSION = "0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A Secret by names: its data without the values, and its marks. Of these the values decide what differs.

    ``owners`` are the uids of its owners.
    """

    type: str
    keys: frozenset[str]
    labels: Mapping[str, str] = field(repr=False)
    annotations: Mapping[str, str] = field(repr=False)
    owners: frozenset[str] = frozenset()

    @classmethod
    def of(cls, raw: Json) -> Shape:
        """The shape of a Secret as the API server has it, or as it is sent there."""
        metadata = raw.get("metadata") or {}
        return cls(
            type=str(raw.get("type") or OPAQUE),
            keys=frozenset(raw.get("data") or {}),
            labels=dict(metadata.get("labels") or {}),
            annotations=dict(metadata.get("annotations") or {}),
            owners=frozenset(str(each.get("uid")) for each in metadata.get("ownerReferences") or ()),
        )


@dataclass(slots=True)
class Notes:
    """The Secrets that were seen, those that would be written, and those that would be deleted."""

    seen: dict[Ref, Shape | None] = field(default_factory=dict)
    written: dict[Ref, Shape] = field(default_factory=dict)
    deleted: set[Ref] = field(default_factory=set)


class Rehearsal(ForwardingApi):
    """KubernetesApi that writes nothing; the notes of a thread are its own."""

    def __init__(self, api: KubernetesApi) -> None:
        super().__init__(api)
        self._threads = threading.local()

    def take(self) -> Notes:
        """What this thread did since it was last asked."""
        notes = self._notes()
        self._threads.notes = Notes()
        return notes

    def get(self, resource: Resource, ref: Ref) -> Json:
        """Read, and remember the shape of a Secret."""
        found = super().get(resource, ref)
        if resource == SECRETS:
            self._notes().seen[ref] = Shape.of(found)
        return found

    def create(self, resource: Resource, namespace: str, body: Json) -> Json:
        """Note a Secret that would be created; the reply is what was sent, with a made-up identity."""
        ref = Ref(namespace, str(body["metadata"]["name"]))
        if resource == SECRETS:
            self._notes().written[ref] = Shape.of(body)
        return _reply(body, uid=f"rehearsed-{ref}", version=_NO_VERSION)

    def rehearse(self, resource: Resource, namespace: str, body: Json) -> None:
        """Ask nothing: the user may not have the daemon's rights."""

    def replace(self, resource: Resource, ref: Ref, body: Json, *, subresource: str = "") -> Json:
        """Note a Secret that would be replaced; the reply is what was sent."""
        if resource == SECRETS and not subresource:
            self._notes().written[ref] = Shape.of(body)
        metadata = body["metadata"]
        return _reply(body, uid=metadata.get("uid", ""), version=_after(metadata["resourceVersion"]))

    def patch(self, resource: Resource, ref: Ref, body: Json) -> Json:
        """Nothing that a rehearsal comes to patches anything."""
        raise NotImplementedError

    def delete(self, resource: Resource, ref: Ref, preconditions: Mapping[str, str]) -> None:  # noqa: ARG002 - the port's
        """Note a Secret that would be deleted."""
        if resource == SECRETS:
            self._notes().deleted.add(ref)

    def _notes(self) -> Notes:
        if not hasattr(self._threads, "notes"):
            self._threads.notes = Notes()
        notes: Notes = self._threads.notes
        return notes


def _reply(body: Json, *, uid: str, version: str) -> dict[str, Any]:
    return {**body, "metadata": {**body["metadata"], "uid": uid, "resourceVersion": version}}


def _after(version: str) -> str:
    return str(int(version) + 1) if version.isdecimal() else version
