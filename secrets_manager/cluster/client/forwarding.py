"""A KubernetesApi in front of another: the common part of the gates in front of writes.

Calls pass unchanged. A gate overrides the writes that it controls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from secrets_manager.cluster.base import Json, KubernetesApi, Page, Resource, Scope, WatchEvent, nothing
from secrets_manager.domain.definition import Ref


class ForwardingApi:
    """KubernetesApi that hands every call on."""

    def __init__(self, api: KubernetesApi) -> None:
        self._api = api

    def get(self, resource: Resource, ref: Ref) -> Json:
        return self._api.get(resource, ref)

    def pages(self, scope: Scope) -> Iterator[Page]:
        return self._api.pages(scope)

    def watch(
        self, scope: Scope, resource_version: str, opened: Callable[[], None] = nothing
    ) -> Iterator[WatchEvent]:
        return self._api.watch(scope, resource_version, opened)

    def create(self, resource: Resource, namespace: str, body: Json) -> Json:
        return self._api.create(resource, namespace, body)

    def rehearse(self, resource: Resource, namespace: str, body: Json) -> None:
        self._api.rehearse(resource, namespace, body)

    def replace(self, resource: Resource, ref: Ref, body: Json, *, subresource: str = "") -> Json:
        return self._api.replace(resource, ref, body, subresource=subresource)

    def patch(self, resource: Resource, ref: Ref, body: Json) -> Json:
        return self._api.patch(resource, ref, body)

    def delete(self, resource: Resource, ref: Ref, preconditions: Mapping[str, str]) -> None:
        self._api.delete(resource, ref, preconditions)

    def close(self) -> None:
        self._api.close()
