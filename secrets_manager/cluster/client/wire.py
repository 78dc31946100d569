"""How calls to the API server look on the wire: paths and queries out, JSON and watch lines in; pure.

Replies are only half trusted: a proxy between the daemon and the API server may answer with pages of its own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from secrets_manager.cluster.base import Json, Page, Resource, Scope, WatchEvent
from secrets_manager.cluster.client.status_errors import ApiCall, error_from_status
from secrets_manager.domain.errors import ClusterUnavailable
from secrets_manager.runtime import shallow


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits of lists, watches, writes and connections.

    Attributes:
        page_size: most objects in one page of a list.
        first_page: objects in the first page, while their weight is unknown.
        page_bytes: bytes that a page should have, if its objects are heavy.
        watch_seconds: seconds after which the server is asked to end a watch.
        idle_seconds: a watch that is silent for longer is dead; longer than ``watch_seconds``, since nothing
            need happen.
        write_seconds: total seconds for one write, if that is to be less than for other calls.
        connections: most connections that are kept.
        reply_bytes: most bytes of a reply, and of a line of a watch. etcd takes 1.5 MiB, and each byte of a
            text in it may be six in JSON; an object that could not be read would hide all others of its list.

    """

    page_size: int = 500
    first_page: int = 100
    page_bytes: int = 4 * 1024 * 1024
    watch_seconds: int = 60
    idle_seconds: float = 75.0
    write_seconds: float = math.inf
    connections: int = 10
    reply_bytes: int = 10 * 1024 * 1024


def object_path(resource: Resource, namespace: str, name: str = "", subresource: str = "") -> str:
    """The path of an object or, without ``name``, of the collection that it is created in."""
    return "/".join(
        (
            _collection(resource, namespace if resource.namespaced else None),
            *(_escaped(part) for part in (name, subresource) if part),
        )
    )


def scope_path(scope: Scope, query: dict[str, str]) -> str:
    """The path of a list or watch of ``scope``, with its query."""
    selector = {"labelSelector": scope.selector} if scope.selector else {}
    if scope.fields:
        selector["fieldSelector"] = scope.fields
    return f"{_collection(scope.resource, scope.namespace)}?{urlencode({**query, **selector})}"


def json_object(body: bytes) -> Json:
    """The JSON object in ``body``, or {} when it is none; of one too deep to be parsed, its first levels."""
    try:
        parsed = shallow.loads(body)
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}


def is_json(headers: Mapping[str, str]) -> bool:
    """Whether a reply with these headers (of any case) is plain JSON, as that to a watch has to be."""
    plain = headers.get("Content-Encoding", "identity") == "identity"
    return plain and headers.get("Content-Type", "").startswith("application/json")


def kubernetes_object(body: bytes, call: ApiCall) -> Json:
    """The object of a successful reply; raises ClusterUnavailable when it is not the API server's."""
    parsed = json_object(body)
    if not isinstance(parsed.get("kind"), str) or not isinstance(parsed.get("metadata", {}), dict):
        raise ClusterUnavailable(f"the reply is not a Kubernetes object: {call}")
    return parsed


def page(reply: Json, call: ApiCall) -> tuple[Page, str]:
    """A page of a list and the token of the next one, "" for the last.

    Raises ClusterUnavailable when ``reply`` is no list of objects: taking it for an empty one would make
    everything look deleted.
    """
    items = reply.get("items")
    if not reply["kind"].endswith("List") or not _are_objects(items):
        raise ClusterUnavailable(f"the reply is not a list: {call}")
    metadata = reply.get("metadata", {})
    return Page(items or [], str(metadata.get("resourceVersion", ""))), str(metadata.get("continue") or "")


def watch_event(line: bytes, call: ApiCall) -> WatchEvent:
    """The event in a line of a watch; raises what an ERROR event stands for."""
    event = json_object(line)
    kind, obj = event.get("type"), event.get("object")
    if not isinstance(kind, str) or not isinstance(obj, dict):
        raise ClusterUnavailable(f"a line of the watch is not an event: {call}")
    if kind == "ERROR":
        code = obj.get("code")
        raise error_from_status(code if isinstance(code, int) else 500, obj, call, None)
    return WatchEvent(kind, obj)


def _are_objects(items: object) -> bool:
    return items is None or (isinstance(items, list) and all(isinstance(item, dict) for item in items))


def _collection(resource: Resource, namespace: str | None) -> str:
    inside = "" if namespace is None else f"/namespaces/{_escaped(namespace)}"
    return f"/{resource.prefix}{inside}/{resource.plural}"


def _escaped(part: str) -> str:
    return quote(part, safe="")
