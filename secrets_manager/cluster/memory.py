"""An API server in memory: the official fake, for tests of everything that stands on the port.

It keeps what makes the real one hard: resourceVersions, conflicts, uid preconditions, generations, finalizers
and deletionTimestamps, label selectors, a status subresource that may be absent, watches that end. The
contract suite holds it to the real API server. Faults are put in with ``fail_next`` and ``forbid``.
"""

from __future__ import annotations

import copy
import threading
import uuid
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from secrets_manager.cluster.base import (
    DEFINITIONS,
    AlreadyExists,
    Expired,
    Json,
    NotFound,
    Page,
    Resource,
    Scope,
    WatchEvent,
    nothing,
)
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import Conflict, Forbidden, SecretsManagerError
from secrets_manager.domain.secret import DEFINITION_KIND

_CREATED = "2026-01-01T00:00:00Z"
_DELETED = "2026-01-02T00:00:00Z"
_PLAIN = (str, int, float, type(None))


@dataclass(frozen=True, slots=True)
class _Change:
    version: int
    resource: Resource
    type: str
    object: Json = field(repr=False)
    before: Json | None = field(repr=False, default=None)

    def seen_in(self, scope: Scope) -> WatchEvent | None:
        """The event that a watch of ``scope`` gets, if any.

        An object that stops matching the watch's selector is DELETED there.
        """
        if self.resource != scope.resource.whole:
            return None
        now, then = _matches(scope, self.object), self.before is not None and _matches(scope, self.before)
        if self.type == "MODIFIED" and then and not now and self.before is not None:
            # Its last state that matched, at the version of the change.
            last = _copied(self.before)
            last["metadata"]["resourceVersion"] = str(self.version)
            return WatchEvent("DELETED", last)
        if self.type == "MODIFIED" and now and not then:
            return WatchEvent("ADDED", _copied(self.object))
        return WatchEvent(self.type, _copied(self.object)) if now else None


class MemoryCluster:
    """KubernetesApi in memory. ``calls`` counts (verb, resource) pairs; ``page_size`` is that of lists."""

    def __init__(self, *, status_subresource: bool = True, page_size: int = 500) -> None:
        self.calls: Counter[tuple[str, str]] = Counter()
        self.page_size = page_size
        self.watch_seconds = 1.2
        self._status_subresource = status_subresource
        self._changed = threading.Condition(threading.RLock())
        self._objects: dict[tuple[Resource, Ref], Json] = {}
        self._history: list[_Change] = []
        self._version = 1
        self._oldest = 0
        self._forbidden: set[tuple[str, str]] = set()
        self._faults: dict[tuple[str, str], list[SecretsManagerError]] = {}

    # ── for tests ────────────────────────────────────────────────────────────────────────────────────

    def forbid(self, verb: str, resource: str) -> None:
        """Refuse a verb on a resource from now on; ``resource`` may name a subresource."""
        self._forbidden.add((verb, resource))

    def permit(self, verb: str, resource: str) -> None:
        """Take back ``forbid``."""
        self._forbidden.discard((verb, resource))

    def fail_next(self, verb: str, resource: str, *errors: SecretsManagerError) -> None:
        """Let the next calls of that kind end in these errors, one each."""
        self._faults.setdefault((verb, resource), []).extend(errors)

    def compact(self) -> None:
        """Forget the history: a watch from an older version ends in Expired."""
        with self._changed:
            self._history.clear()
            self._oldest = self._version

    def snapshot(self, resource: Resource, ref: Ref) -> Json | None:
        """A copy of the object, uncounted, or None."""
        with self._changed:
            found = self._objects.get((resource, ref))
            return _copied(found) if found else None

    def edit(self, resource: Resource, ref: Ref, change: Json) -> Json:
        """Merge ``change`` into the object's top-level fields, as a person with kubectl would; uncounted."""
        with self._changed:
            new = _copied(self._objects[resource, ref])
            for name, value in change.items():
                merged = isinstance(value, dict) and isinstance(new.get(name), dict) and name == "metadata"
                new[name] = {**new[name], **value} if merged else value
            return self._store_update(resource, ref, new)

    # ── the port ─────────────────────────────────────────────────────────────────────────────────────

    def get(self, resource: Resource, ref: Ref) -> Json:
        with self._changed:
            self._admit("get", resource.plural)
            return _shown(resource, _copied(self._find(resource.whole, ref)))

    def pages(self, scope: Scope) -> Iterator[Page]:
        with self._changed:
            self._admit("list", scope.resource.plural)
            items = [_shown(scope.resource, _copied(obj)) for obj in self._selected(scope)]
            version = str(self._version)
        for start in range(0, max(len(items), 1), self.page_size):
            if start:
                self._admit("list", scope.resource.plural)
            yield Page(items[start : start + self.page_size], version)

    def watch(
        self, scope: Scope, resource_version: str, opened: Callable[[], None] = nothing
    ) -> Iterator[WatchEvent]:
        self._admit("watch", scope.resource.plural)
        opened()
        position = int(resource_version)
        while True:
            with self._changed:
                if position < self._oldest:
                    raise Expired("the resourceVersion is too old")
                fresh = self._history[bisect_right(self._history, position, key=_version_of) :]
                if not fresh and not self._changed.wait(self.watch_seconds):
                    return
            for change in fresh:
                position = change.version
                event = change.seen_in(scope)
                if event:
                    yield WatchEvent(event.type, _shown(scope.resource, event.object))

    def create(self, resource: Resource, namespace: str, body: Json) -> Json:
        with self._changed:
            ref, new = self._checked_create(resource, namespace, body)
            metadata = new["metadata"]
            metadata.update(namespace=namespace, uid=str(uuid.uuid4()))
            metadata.setdefault("creationTimestamp", _CREATED)
            if resource == DEFINITIONS:
                metadata["generation"] = 1
                self._keep_status(new, {})
            return self._commit("ADDED", resource, ref, new)

    def rehearse(self, resource: Resource, namespace: str, body: Json) -> None:
        with self._changed:
            self._checked_create(resource, namespace, body)

    def replace(self, resource: Resource, ref: Ref, body: Json, *, subresource: str = "") -> Json:
        with self._changed:
            self._admit("update", f"{resource.plural}/{subresource}" if subresource else resource.plural)
            if subresource == "status" and not self._status_subresource:
                raise NotFound("the server could not find the requested resource")
            current = self._find(resource, ref)
            _check_preconditions(current, body.get("metadata") or {})
            if subresource:
                new = {**_copied(current), subresource: _copied_value(body.get(subresource))}
            else:
                new = _copied(body)
                self._keep_status(new, current)
            return self._store_update(resource, ref, new)

    def patch(self, resource: Resource, ref: Ref, body: Json) -> Json:
        with self._changed:
            self._admit("patch", resource.plural)
            current = self._find(resource, ref)
            _check_preconditions(current, body.get("metadata") or {})
            new = _merged(_copied(current), body)
            assert isinstance(new, dict)  # noqa: S101 - the body is a map
            self._keep_status(new, current)
            return self._store_update(resource, ref, new)

    def delete(self, resource: Resource, ref: Ref, preconditions: Mapping[str, str]) -> None:
        with self._changed:
            self._admit("delete", resource.plural)
            current = self._find(resource, ref)
            _check_preconditions(current, preconditions)
            if not current["metadata"].get("finalizers"):
                self._erase(resource, ref)
            elif "deletionTimestamp" not in current["metadata"]:
                marked = _copied(current)
                marked["metadata"]["deletionTimestamp"] = _DELETED
                if "generation" in marked["metadata"]:
                    marked["metadata"]["generation"] += 1
                self._commit("MODIFIED", resource, ref, marked)

    def orphan(self, resource: Resource, ref: Ref, preconditions: Mapping[str, str]) -> None:
        """Delete an object, and do at once what the garbage collector does a moment later."""
        with self._changed:
            uid = self._find(resource, ref)["metadata"]["uid"]
            self.delete(resource, ref, preconditions)
            for (kind, owned), each in list(self._objects.items()):
                owners = each["metadata"].get("ownerReferences") or []
                if any(owner.get("uid") == uid for owner in owners):
                    kept = [owner for owner in owners if owner.get("uid") != uid]
                    self.edit(kind, owned, {"metadata": {"ownerReferences": kept}})

    def versions_of(self, group: str) -> tuple[str, ...]:
        """Those of the objects that are there, and of definitions."""
        with self._changed:
            prefixes = {DEFINITIONS.prefix, *(resource.prefix for resource, _ in self._objects)}
        found = (prefix.removeprefix(f"apis/{group}/") for prefix in prefixes)
        return tuple(sorted(version for version in found if "/" not in version))

    def close(self) -> None:
        """There is nothing to release."""

    # ── inside ───────────────────────────────────────────────────────────────────────────────────────

    def _checked_create(self, resource: Resource, namespace: str, body: Json) -> tuple[Ref, Json]:
        self._admit("create", resource.plural)
        new = _copied(body)
        metadata = new.setdefault("metadata", {})
        # As long as it takes: the API server makes up another name where one is taken (RetryGenerateName).
        metadata.setdefault("name", metadata.get("generateName", "") + uuid.uuid4().hex[:12])
        ref = Ref(namespace, metadata["name"])
        if (resource, ref) in self._objects:
            raise AlreadyExists(f"{resource.plural} {ref.name!r} exists")
        return ref, new

    def _admit(self, verb: str, resource: str) -> None:
        with self._changed:
            self.calls[verb, resource] += 1
            if (verb, resource) in self._forbidden:
                raise Forbidden(f"RBAC does not grant the daemon verb {verb!r} on {resource!r}")
            faults = self._faults.get((verb, resource))
            if faults:
                raise faults.pop(0)

    def _find(self, resource: Resource, ref: Ref) -> Json:
        found = self._objects.get((resource, ref))
        if found is None:
            raise NotFound(f"{resource.plural} {ref.name!r} not found")
        return found

    def _selected(self, scope: Scope) -> list[Json]:
        return [
            obj
            for (resource, _), obj in sorted(self._objects.items(), key=lambda item: item[0][1])
            if resource == scope.resource.whole and _matches(scope, obj)
        ]

    def _keep_status(self, new: Json, current: Json) -> None:
        """A write of the whole object takes no status where that is a subresource."""
        if new.get("kind") == DEFINITION_KIND and self._status_subresource:
            new.pop("status", None)
            if "status" in current:
                new["status"] = _copied_value(current["status"])

    def _store_update(self, resource: Resource, ref: Ref, new: Json) -> Json:
        current = self._objects[resource, ref]
        kept = ("uid", "creationTimestamp", "namespace", "name", "deletionTimestamp", "generation")
        metadata = new.setdefault("metadata", {})
        metadata.update({name: current["metadata"][name] for name in kept if name in current["metadata"]})
        if "generation" in metadata and new.get("spec") != current.get("spec"):
            metadata["generation"] += 1
        if metadata.get("deletionTimestamp") and not metadata.get("finalizers"):
            self._objects[resource, ref] = new
            self._erase(resource, ref)
            return _copied(new)
        if _same(new, current):
            return _copied(current)
        return self._commit("MODIFIED", resource, ref, new)

    def _commit(self, kind: str, resource: Resource, ref: Ref, new: Json) -> Json:
        self._version += 1
        new["metadata"]["resourceVersion"] = str(self._version)
        before = self._objects.get((resource, ref))
        self._objects[resource, ref] = new
        self._history.append(_Change(self._version, resource, kind, _copied(new), before))
        self._changed.notify_all()
        return _copied(new)

    def _erase(self, resource: Resource, ref: Ref) -> None:
        gone = self._objects.pop((resource, ref))
        self._version += 1
        gone["metadata"]["resourceVersion"] = str(self._version)
        self._history.append(_Change(self._version, resource, "DELETED", gone))
        self._changed.notify_all()


def _version_of(change: _Change) -> int:
    return change.version


def _shown(resource: Resource, obj: Json) -> Json:
    """An object as a read of that resource brings it."""
    if not resource.metadata_only:
        return obj
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": obj["metadata"],
    }


def _copied(obj: Json) -> Json:
    """A copy of an object; several times as fast as one by a function that knows nothing of JSON."""
    return {name: _copied_value(value) for name, value in obj.items()}


def _copied_value(value: Any) -> Any:
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, dict):
        return _copied(value)
    if isinstance(value, list):
        return [_copied_value(item) for item in value]
    return copy.deepcopy(value)


def _merged(target: Any, change: Any) -> Any:
    """RFC 7386, MergePatch."""
    if not isinstance(change, dict):
        return _copied_value(change)
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in change.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merged(merged.get(name), value)
    return merged


def _check_preconditions(current: Json, wanted: Mapping[str, str]) -> None:
    for name in ("uid", "resourceVersion"):
        if wanted.get(name) and wanted[name] != current["metadata"][name]:
            raise Conflict(f"{name} is not the newest")


def _matches(scope: Scope, obj: Json) -> bool:
    metadata = obj["metadata"]
    if scope.namespace not in (None, metadata["namespace"]):
        return False
    labels = metadata.get("labels") or {}
    wanted = [pair.split("=", 1) for pair in scope.selector.split(",") if pair]
    fields = [pair.split("=", 1) for pair in scope.fields.split(",") if pair]
    return all(labels.get(name) == value for name, value in wanted) and all(
        _field(obj, path) == value for path, value in fields
    )


def _field(obj: Any, path: str) -> Any:
    for name in path.split("."):
        obj = obj.get(name) if isinstance(obj, dict) else None
    return obj


def _same(new: Json, current: Json) -> bool:
    def bare(obj: Json) -> Json:
        metadata = {k: v for k, v in obj["metadata"].items() if k != "resourceVersion"}
        return {**obj, "metadata": metadata}

    return bare(new) == bare(current)
