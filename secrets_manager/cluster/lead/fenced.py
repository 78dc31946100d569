"""The port to the API server with a gate before every write: a replica that does not lead, or not for long
enough, is refused.

It stands between the writers and the API server, so no write can be added that forgets to ask, nor a PUT that
does not say what it is based on. It also counts what the API server refuses as stale, which is the fence
behind this one. Jobs and workers ask the same question before they begin with anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from secrets_manager.cluster.base import Json, KubernetesApi, Resource
from secrets_manager.cluster.client.forwarding import ForwardingApi
from secrets_manager.cluster.manifests import require_version
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import Conflict, NotLeading


class Leadership(Protocol):
    """Computed again for each question; never a flag that a stuck thread could leave true."""

    def leads(self) -> bool:
        """Whether this process may write at all, with time enough left for one write."""

    def holds(self, namespace: str) -> bool:
        """Whether it may write in that namespace."""


class SoleReplica:
    """Leads always: the election is switched off, so there is one replica."""

    def leads(self) -> bool:
        """Yes."""
        return True

    def holds(self, namespace: str) -> bool:  # noqa: ARG002 - the question is the port's
        """Yes."""
        return True


class FenceTelemetry(Protocol):
    """Reports of writes that were not made; implemented by the metrics."""

    def write_refused(self) -> None:
        """A write was not begun, since this process does not lead or not for long enough."""

    def stale_write_refused(self) -> None:
        """The API server refused a write that was based on an older state."""


class FencedApi(ForwardingApi):
    """KubernetesApi whose writes ask ``holds`` first and raise NotLeading; reads pass freely."""

    def __init__(self, api: KubernetesApi, holds: Callable[[str], bool], telemetry: FenceTelemetry) -> None:
        super().__init__(api)
        self._holds = holds
        self._telemetry = telemetry

    def create(self, resource: Resource, namespace: str, body: Json) -> Json:
        self._ask(namespace)
        return self._api.create(resource, namespace, body)

    def replace(self, resource: Resource, ref: Ref, body: Json, *, subresource: str = "") -> Json:
        self._ask(ref.namespace)
        require_version(body)
        try:
            return self._api.replace(resource, ref, body, subresource=subresource)
        except Conflict:
            self._telemetry.stale_write_refused()
            raise

    def patch(self, resource: Resource, ref: Ref, body: Json) -> Json:
        self._ask(ref.namespace)
        require_version(body)
        try:
            return self._api.patch(resource, ref, body)
        except Conflict:
            self._telemetry.stale_write_refused()
            raise

    def delete(self, resource: Resource, ref: Ref, preconditions: Mapping[str, str]) -> None:
        self._ask(ref.namespace)
        try:
            self._api.delete(resource, ref, preconditions)
        except Conflict:
            self._telemetry.stale_write_refused()
            raise

    def _ask(self, namespace: str) -> None:
        if not self._holds(namespace):
            self._telemetry.write_refused()
            raise NotLeading("this replica does not lead, or not long enough to finish a write")
