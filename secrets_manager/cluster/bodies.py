"""Domain values to the bodies of calls to the API server; pure.

What we wrote is replaced, what others put on an object is sent back as it was seen.
"""

from __future__ import annotations

import binascii
from datetime import UTC, datetime

from secrets_manager.cluster.base import DEFINITIONS, Json
from secrets_manager.domain import marks
from secrets_manager.domain.condition import Status
from secrets_manager.domain.definition import Definition
from secrets_manager.domain.secret import DEFINITION_KIND, LAST_UPDATE, DesiredSecret, ObservedSecret, Owner

API_VERSION = DEFINITIONS.prefix.removeprefix("apis/")


def owner_of(wanting: Definition) -> Owner:
    """The owner mark that a Secret of this definition carries.

    ``blockOwnerDeletion`` stays false: setting it needs a right on the finalizers of the owner.
    """
    return Owner(
        api_version=API_VERSION,
        kind=DEFINITION_KIND,
        name=wanting.ref.name,
        uid=wanting.uid,
        controller=False,
        block_owner_deletion=False,
    )


def new_secret(desired: DesiredSecret, now: datetime) -> Json:
    """The body of the POST for a Secret that does not exist."""
    metadata = marks.merged(desired, None)
    return _secret(
        desired,
        {
            "labels": dict(metadata.labels),
            "annotations": {**metadata.annotations, LAST_UPDATE: update_time(now)},
            "ownerReferences": [_owner_reference(owner) for owner in metadata.owners],
        },
    )


def replaced_secret(desired: DesiredSecret, observed: ObservedSecret, now: datetime | None) -> Json:
    """The body of the PUT: ours replaced, everybody else's kept. ``now`` is None when the data stays.

    uid and resourceVersion are those observed, so the API server refuses it when anything came between.
    """
    metadata = marks.merged(desired, observed)
    updated = {LAST_UPDATE: update_time(now)} if now else {}
    body = _secret(
        desired,
        {
            "uid": observed.uid,
            "resourceVersion": observed.resource_version,
            "labels": dict(metadata.labels),
            "annotations": {**metadata.annotations, **updated},
            "ownerReferences": [_owner_reference(owner) for owner in metadata.owners],
        },
    )
    if observed.finalizers:
        body["metadata"]["finalizers"] = list(observed.finalizers)
    if observed.immutable:
        body["immutable"] = True
    return body


def status_body(wanting: Definition, resource_version: str, new: Status) -> Json:
    """The body of the PUT on the status subresource, which takes nothing but the status from it."""
    condition = new.condition
    return {
        "apiVersion": API_VERSION,
        "kind": DEFINITION_KIND,
        "metadata": {
            "namespace": wanting.ref.namespace,
            "name": wanting.ref.name,
            "uid": wanting.uid,
            "resourceVersion": resource_version,
        },
        "status": {
            "observedGeneration": new.observed_generation,
            "secretName": new.secret_name,
            "conditions": [
                {
                    "type": "Ready",
                    "status": "True" if condition.ready else "False",
                    "reason": condition.reason,
                    "message": condition.message,
                    "observedGeneration": condition.observed_generation,
                    "lastTransitionTime": condition.last_transition_time,
                }
            ],
            "sources": [{"path": path, "version": version} for path, version in new.sources],
        },
    }


def update_time(now: datetime) -> str:
    """The layout of the original's annotation: 2020-04-22T14.34.17Z."""
    return now.astimezone(UTC).strftime("%Y-%m-%dT%H.%M.%SZ")


def rfc3339(now: datetime) -> str:
    """The layout of metav1.Time."""
    return now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _owner_reference(owner: Owner) -> Json:
    reference: Json = {
        "apiVersion": owner.api_version,
        "kind": owner.kind,
        "name": owner.name,
        "uid": owner.uid,
    }
    if owner.controller is not None:
        reference["controller"] = owner.controller
    if owner.block_owner_deletion is not None:
        reference["blockOwnerDeletion"] = owner.block_owner_deletion
    return reference


def _secret(desired: DesiredSecret, metadata: Json) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"namespace": desired.ref.namespace, "name": desired.ref.name, **metadata},
        "type": desired.type,
        "data": {
            key: binascii.b2a_base64(value, newline=False).decode("ascii")
            for key, value in desired.data.items()
        },
    }
