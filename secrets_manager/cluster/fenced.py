"""The port to the API server with a gate before every write: who does not lead, or not for long enough, is
refused.

It stands between the writers and the API server, so no write can be added that forgets to ask. It also counts
what the API server refuses as stale, which is the fence behind this one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from secrets_manager.cluster.base import Json, KubernetesApi, Page, Resource, Scope, WatchEvent
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import Conflict, NotLeading


class FenceTelemetry(Protocol):
    """What is told of writes that were not made; implemented by the metrics."""

    def write_refused(self) -> None:
        """A write was not begun, since this process does not lead or not for long enough."""

    def stale_write_refused(self) -> None:
        """The API server refused a write that was based on an older state."""


class FencedApi:
    """KubernetesApi whose writes ask ``holds`` first and raise NotLeading; reads pass freely."""

    def __init__(
        self, api: KubernetesApi, holds: Callable[[Ref | None], bool], telemetry: FenceTelemetry
    ) -> None:
        self._api = api
        self._holds = holds
        self._telemetry = telemetry

    def get(self, resource: Resource, ref: Ref) -> Json:
        return self._api.get(resource, ref)

    def pages(self, scope: Scope) -> Iterator[Page]:
        return self._api.pages(scope)

    def watch(self, scope: Scope, resource_version: str) -> Iterator[WatchEvent]:
        return self._api.watch(scope, resource_version)

    def create(self, resource: Resource, namespace: str, body: Json) -> Json:
        self._ask(Ref(namespace, ""))
        return self._api.create(resource, namespace, body)

    def rehearse(self, resource: Resource, namespace: str, body: Json) -> None:
        self._api.rehearse(resource, namespace, body)

    def replace(self, resource: Resource, ref: Ref, body: Json, *, subresource: str = "") -> Json:
        self._ask(ref)
        try:
            return self._api.replace(resource, ref, body, subresource=subresource)
        except Conflict:
            self._telemetry.stale_write_refused()
            raise

    def delete(self, resource: Resource, ref: Ref, preconditions: Mapping[str, str]) -> None:
        self._ask(ref)
        try:
            self._api.delete(resource, ref, preconditions)
        except Conflict:
            self._telemetry.stale_write_refused()
            raise

    def close(self) -> None:
        self._api.close()

    def _ask(self, ref: Ref) -> None:
        if not self._holds(ref):
            self._telemetry.write_refused()
            raise NotLeading("this replica does not lead, or not for long enough to write")
