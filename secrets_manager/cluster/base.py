"""The port to an API server: verbs on JSON objects, and the errors they end in.

JSON stays JSON here: the official client's models cost ten times as much to build, drop fields they do not
know, and show Secrets in their repr. ``manifests`` reads the meaning of objects.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import ClusterFault, ClusterUnavailable, Conflict

Json = dict[str, Any]


class Resource(NamedTuple):
    """A kind of object as the API server serves it: ``prefix`` is ``api/v1`` or
    ``apis/<group>/<version>``. An object of a kind that is not ``namespaced`` has the namespace "".

    With ``metadata_only`` reads bring the metadata of objects alone, and no spec, data or status.
    """

    prefix: str
    plural: str
    namespaced: bool = True
    metadata_only: bool = False

    @property
    def whole(self) -> Resource:
        """The same kind, read as a whole."""
        return self._replace(metadata_only=False)


SECRETS = Resource("api/v1", "secrets")
EVENTS = Resource("api/v1", "events")
# Secrets without their values.
SECRET_METADATA = Resource("api/v1", "secrets", metadata_only=True)
DEFINITIONS = Resource("apis/secrets-manager.tuenti.io/v1alpha1", "secretdefinitions")


class NotFound(ClusterFault):
    """The object, or the kind itself, does not exist (404)."""


class AlreadyExists(Conflict):
    """An object of that name exists (409 on a create)."""


class WatchCutShort(ClusterUnavailable):
    """The API server ended a watch at once, without an event. It answers, so asking often gains nothing."""


class Expired(ClusterFault):
    """The resourceVersion or the continue token is too old (410); list again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Range of a list or watch. ``namespace`` None is the whole cluster; ``selector`` a label selector.

    ``fields`` is a field selector, such as ``involvedObject.name=app``.
    """

    resource: Resource
    namespace: str | None = None
    selector: str = ""
    fields: str = ""

    def __str__(self) -> str:
        return f"{self.resource.plural} in {self.namespace or 'all namespaces'}"


@dataclass(frozen=True, slots=True)
class Page:
    """Some items of a list, and the resourceVersion of the whole list."""

    items: list[Json] = field(repr=False)
    resource_version: str


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """One line of a watch: ``type`` is ADDED, MODIFIED, DELETED or BOOKMARK."""

    type: str
    object: Json = field(repr=False)


def nothing() -> None:
    """Do nothing: the default of optional callbacks."""


class KubernetesApi(Protocol):
    """The calls this program makes. Each ends in its result or in a SecretsManagerError, nothing else.

    Besides the errors of this module those are ClusterUnavailable, ClusterUnauthorized, Conflict, Forbidden,
    NamespaceTerminating, QuotaExceeded, AdmissionDenied, TooLarge and RejectedByCluster.
    """

    def get(self, resource: Resource, ref: Ref) -> Json:
        """The object; raises NotFound."""

    def pages(self, scope: Scope) -> Iterator[Page]:
        """List in pages of a few megabytes; raises Expired when the list has to start again.

        Few heavy pages are open at a time, so the caller has to finish with each soon.
        """

    def watch(
        self, scope: Scope, resource_version: str, opened: Callable[[], None] = nothing
    ) -> Iterator[WatchEvent]:
        """The changes after ``resource_version``, until the server ends the watch (about a minute).

        ``opened`` is called when the server has accepted the watch, which may then be silent for long. Raises
        Expired when that version is too old, ClusterUnavailable when nothing arrived for too long.
        """

    def create(self, resource: Resource, namespace: str, body: Json) -> Json:
        """POST; raises AlreadyExists."""

    def rehearse(self, resource: Resource, namespace: str, body: Json) -> None:
        """POST as a dry run: raises what ``create`` would now, AlreadyExists included, and stores nothing.

        The API server checks for an object of that name last, so AlreadyExists means that all else is fine.
        """

    def replace(self, resource: Resource, ref: Ref, body: Json, *, subresource: str = "") -> Json:
        """PUT with the resourceVersion in ``body``; raises Conflict when it is not the newest, NotFound."""

    def patch(self, resource: Resource, ref: Ref, body: Json) -> Json:
        """PATCH by a JSON merge patch (RFC 7386): what ``body`` has, is set or merged; null removes.

        Raises Conflict when the resourceVersion in ``body`` is not the newest, NotFound.
        """

    def delete(self, resource: Resource, ref: Ref, preconditions: Mapping[str, str]) -> None:
        """DELETE with ``uid`` and ``resourceVersion`` preconditions; raises NotFound, Conflict."""

    def close(self) -> None:
        """Release idle connections and files. No call is made afterwards."""


class PersonsApi(KubernetesApi, Protocol):
    """What commands ask for beside it, for a person; the daemon never does."""

    def orphan(self, resource: Resource, ref: Ref, preconditions: Mapping[str, str]) -> None:
        """DELETE that takes the object's mark off all that it owns, and deletes none of it.

        The garbage collector does it, so the object is there for a while. Raises as ``delete``.
        """

    def versions_of(self, group: str) -> tuple[str, ...]:
        """The versions that are served of an API group, the preferred one first; () where there is none."""


class ClusterTelemetry(Protocol):
    """Reports of the API client about each of its calls; implemented by the metrics."""

    def api_call(self, method: str, code: str, host: str, seconds: float) -> None:
        """One call ended with HTTP status ``code``, or ``<error>`` when there was no reply."""
