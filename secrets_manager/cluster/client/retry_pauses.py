"""The port to the API server with the pauses that it asked for before further writes.

A busy API server says when to come again. Much else causes writes in the meantime: a change of the
definition, a change in the backend, a reconcile that failed for another reason. So the pause is kept here,
for the object that was to be written, and every write passes here. Writes to other objects do not wait.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from secrets_manager.cluster.base import Json, KubernetesApi, Resource
from secrets_manager.cluster.client.forwarding import ForwardingApi
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import ClusterUnavailable

# Pauses end within half a minute. Over this many, those that have ended are dropped.
_MANY = 1024


class _Target(NamedTuple):
    plural: str
    ref: Ref
    subresource: str = ""


@dataclass(frozen=True, slots=True)
class _RequestedPause:
    """The message of the API server, and when its pause ends."""

    message: str
    until: float


class PausingApi(ForwardingApi):
    """KubernetesApi whose writes to one object keep the pause that the API server asked for.

    Until it is over they fail like the last write, without a call. ``clock`` gives monotonic seconds. Safe to
    use from many threads: two that note pauses at once may lose one of them, which costs a call.
    """

    def __init__(self, api: KubernetesApi, clock: Callable[[], float]) -> None:
        super().__init__(api)
        self._clock = clock
        self._asked: dict[_Target, _RequestedPause] = {}

    def create(self, resource: Resource, namespace: str, body: Json) -> Json:
        with self._pausing(_named(resource, namespace, body)):
            return self._api.create(resource, namespace, body)

    def rehearse(self, resource: Resource, namespace: str, body: Json) -> None:
        with self._pausing(_named(resource, namespace, body)):
            self._api.rehearse(resource, namespace, body)

    def replace(self, resource: Resource, ref: Ref, body: Json, *, subresource: str = "") -> Json:
        with self._pausing(_Target(resource.plural, ref, subresource)):
            return self._api.replace(resource, ref, body, subresource=subresource)

    def patch(self, resource: Resource, ref: Ref, body: Json) -> Json:
        with self._pausing(_Target(resource.plural, ref)):
            return self._api.patch(resource, ref, body)

    def delete(self, resource: Resource, ref: Ref, preconditions: Mapping[str, str]) -> None:
        with self._pausing(_Target(resource.plural, ref)):
            self._api.delete(resource, ref, preconditions)

    @contextlib.contextmanager
    def _pausing(self, target: _Target | None) -> Iterator[None]:
        if target is None:
            yield
            return
        asked = self._asked.get(target)
        if asked is not None and (left := asked.until - self._clock()) > 0:
            raise ClusterUnavailable(asked.message, retry_after=left)
        self._asked.pop(target, None)
        try:
            yield
        except ClusterUnavailable as error:
            if error.retry_after:
                self._remember(target, _RequestedPause(error.message, self._clock() + error.retry_after))
            raise

    def _remember(self, target: _Target, asked: _RequestedPause) -> None:
        if len(self._asked) >= _MANY:
            now = self._clock()
            self._asked = {other: each for other, each in self._asked.copy().items() if each.until > now}
        self._asked[target] = asked


def _named(resource: Resource, namespace: str, body: Json) -> _Target | None:
    """The object that a create makes; None if the API server chooses its name, so that each is another
    object.
    """
    name = (body.get("metadata") or {}).get("name")
    return _Target(resource.plural, Ref(namespace, name)) if name else None
