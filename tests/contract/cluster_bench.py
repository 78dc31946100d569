"""What the contract suite needs of each API server, and the objects that it makes there.

Knows no implementation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from secrets_manager.cluster.base import DEFINITIONS, SECRETS, Json, PersonsApi, Resource, Scope
from secrets_manager.cluster.workloads import RESOURCES
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.restart_wish import WorkloadKind

LABEL = "contract.test/watched"
FINALIZER = "contract.test/keep"


class ClusterBench(Protocol):
    """An API under test with two namespaces that nobody else uses."""

    @property
    def api(self) -> PersonsApi:
        """The API under test."""

    @property
    def namespace(self) -> str:
        """The namespace of most tests."""

    @property
    def neighbour(self) -> str:
        """Another namespace."""

    def forget_history(self) -> None:
        """Let the server know the present state alone, as after an etcd compaction."""


def secret(name: str, *, data: Mapping[str, str] | None = None, **metadata: Any) -> Json:
    """The body of a Secret; ``data`` is base64."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, **metadata},
        "type": "Opaque",
        "data": dict(data or {"a": "MQ=="}),
    }


def definition(name: str, *, key: str = "a", **metadata: Any) -> Json:
    """The body of a SecretDefinition."""
    return {
        "apiVersion": "secrets-manager.tuenti.io/v1alpha1",
        "kind": "SecretDefinition",
        "metadata": {"name": name, **metadata},
        "spec": {"name": name, "keysMap": {"a": {"path": "secret/data/app", "key": key}}},
    }


def deployment(name: str, **annotations: str) -> Json:
    """The body of a Deployment; the annotations are those of its pod template."""
    labels = {"app": name}
    metadata = {"labels": labels, **({"annotations": annotations} if annotations else {})}
    containers = [{"name": "app", "image": "images.example.test/app"}]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": metadata, "spec": {"containers": containers}},
        },
    }


def condition(message: str = "as it should be") -> Json:
    """A status as the program writes it."""
    ready = {
        "type": "Ready",
        "status": "True",
        "reason": "Synced",
        "message": message,
        "observedGeneration": 1,
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    return {"observedGeneration": 1, "secretName": "app", "conditions": [ready], "sources": []}


class Hand:
    """Short words for calls in the bench's own namespace."""

    def __init__(self, bench: ClusterBench) -> None:
        self._bench = bench
        self.api = bench.api

    def create(self, body: Json) -> Json:
        """POST."""
        return self.api.create(_resource(body), self._bench.namespace, body)

    def rehearse(self, body: Json) -> None:
        """POST as a dry run."""
        self.api.rehearse(_resource(body), self._bench.namespace, body)

    def put(self, body: Json, *, subresource: str = "") -> Json:
        """PUT, with whatever resourceVersion ``body`` carries."""
        return self.api.replace(_resource(body), self._ref(body), body, subresource=subresource)

    def patch(self, body: Json, change: Json) -> Json:
        """PATCH the object that ``body`` names."""
        return self.api.patch(_resource(body), self._ref(body), change)

    def get(self, body: Json) -> Json:
        """GET the object that ``body`` names."""
        return self.api.get(_resource(body), self._ref(body))

    def delete(self, body: Json) -> None:
        """DELETE exactly the object of that uid and resourceVersion."""
        metadata = body["metadata"]
        wanted = {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]}
        self.api.delete(_resource(body), self._ref(body), wanted)

    def scope(self, resource: Resource = SECRETS, selector: str = "") -> Scope:
        """The bench's namespace."""
        return Scope(resource=resource, namespace=self._bench.namespace, selector=selector)

    def version(self, scope: Scope) -> str:
        """The resourceVersion of a list made now."""
        *_, last = self.api.pages(scope)
        return last.resource_version

    def _ref(self, body: Json) -> Ref:
        return Ref(self._bench.namespace, body["metadata"]["name"])


def changed(body: Json, **metadata: Any) -> Json:
    """``body`` with other metadata."""
    return {**body, "metadata": {**body["metadata"], **metadata}}


def _resource(body: Json) -> Resource:
    of_kind = {"SecretDefinition": DEFINITIONS, "Deployment": RESOURCES[WorkloadKind.DEPLOYMENT]}
    return of_kind.get(body["kind"], SECRETS)
