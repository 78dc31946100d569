"""Checks that a reply of the API server is about the object that was asked for. Pure.

A connection that is out of step, or a faulty proxy, delivers the answer to another request, whole and
well-formed. Secrets are written and deleted because of replies, so each is checked here, once, and a reply
about another object counts as none. The error does not name that object: it may be another tenant's.
"""

from __future__ import annotations

from secrets_manager.cluster.base import Json, WatchEvent
from secrets_manager.cluster.client.status_errors import ApiCall, differing_field
from secrets_manager.domain.errors import ClusterUnavailable

_METADATA_ONLY = "PartialObjectMetadata"
_KINDS = {
    "daemonsets": "DaemonSet",
    "deployments": "Deployment",
    "events": "Event",
    "leases": "Lease",
    "rollouts": "Rollout",
    "secretdefinitions": "SecretDefinition",
    "secrets": "Secret",
    "statefulsets": "StatefulSet",
}


def check_reply(reply: Json, call: ApiCall) -> Json:
    """The object or list of a successful reply; raises ClusterUnavailable when it is not about ``call``."""
    if call.verb == "list":
        _refuse(_list_differs(reply, call), call)
    elif call.verb == "delete" and reply["kind"] == "Status":
        _refuse(differing_field(reply, call), call)
    else:
        _refuse(_differs(reply, call), call)
    return reply


def check_event(event: WatchEvent, call: ApiCall) -> WatchEvent:
    """An event of the watch that ``call`` opened; raises ClusterUnavailable when it is not about that."""
    if event.type == "BOOKMARK":
        # It has a version, and is about no object.
        kind = _kind(call)
        _refuse("kind" if event.object.get("kind", kind) != kind else None, call)
    else:
        _refuse(_differs(event.object, call), call)
    return event


def _refuse(differing: str | None, call: ApiCall) -> None:
    if differing is not None:
        raise ClusterUnavailable(f"the reply is about another object (its {differing} differs): {call}")


def _differs(found: Json, call: ApiCall) -> str | None:
    """The field in which an object differs from the one that was asked for; None if it is that object.

    Items of a list have no kind of their own. An empty field of ``call`` was not asked for, and an absent
    field of the object contradicts nothing.
    """
    kind, metadata = _kind(call), found.get("metadata")
    if not isinstance(metadata, dict):
        return "form"
    if kind is not None and found.get("kind", kind) != kind:
        return "kind"
    # This runs for each reply and each event, so it makes no objects.
    for field, value in (("namespace", call.namespace), ("name", call.name), ("uid", call.uid)):
        if value and metadata.get(field, value) != value:
            return field
    return None


def _list_differs(reply: Json, call: ApiCall) -> str | None:
    kind, items = _kind(call), reply.get("items")
    if kind is not None and reply["kind"] != f"{kind}List":
        return "kind"
    objects = [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
    return next(filter(None, (_differs(item, call) for item in objects)), None)


def _kind(call: ApiCall) -> str | None:
    if call.metadata_only:
        return _METADATA_ONLY
    return _KINDS.get(call.resource.partition("/")[0])
