"""Domain values to the bodies of calls to the API server; pure.

Our own parts are replaced, the parts of others are sent back as they were seen.
"""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from secrets_manager.cluster.base import DEFINITIONS, Json
from secrets_manager.domain import marks
from secrets_manager.domain.backend_name import DEFAULT_BACKEND
from secrets_manager.domain.condition import Condition, Status
from secrets_manager.domain.definition import Definition
from secrets_manager.domain.outcome import SourceVersion
from secrets_manager.domain.plan import Plan
from secrets_manager.domain.secret import (
    DEFINITION_KIND,
    LAST_UPDATE,
    RESTART_PENDING,
    DesiredSecret,
    ObservedSecret,
    Owner,
)
from secrets_manager.domain.update_times import time_after, update_time

_NO_OTHERS: Json = {}
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
    return _new_secret(desired, {LAST_UPDATE: update_time(now)})


def recreated_secret(desired: DesiredSecret, observed: ObservedSecret, plan: Plan, now: datetime) -> Json:
    """The body of the POST for a Secret in place of the one observed, which is deleted before."""
    before = observed.annotations
    pending = before.get(RESTART_PENDING) if desired.restarts else None
    kept = {RESTART_PENDING: pending} if pending else {}
    return _new_secret(
        desired, {**kept, **_times(desired, time_after(before.get(LAST_UPDATE, ""), now), plan)}
    )


def _new_secret(desired: DesiredSecret, times: Mapping[str, str]) -> Json:
    metadata = marks.merge_metadata(desired, None)
    return _secret(
        desired,
        {
            "labels": dict(metadata.labels),
            "annotations": {**metadata.annotations, **times},
            "ownerReferences": [_owner_reference(owner) for owner in metadata.owners],
        },
    )


def replaced_secret(desired: DesiredSecret, observed: ObservedSecret, plan: Plan, now: datetime) -> Json:
    """The body of the PUT: our parts replaced, all others kept.

    uid and resourceVersion are those observed, so the API server refuses it when anything came between.
    """
    metadata = marks.merge_metadata(desired, observed)
    moment = time_after(metadata.annotations.get(LAST_UPDATE, ""), now)
    updated = _times(desired, moment, plan) if plan.changed_keys else {}
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


def _times(desired: DesiredSecret, moment: str, plan: Plan) -> dict[str, str]:
    """The marks of a write of data at a ``moment``."""
    pending = desired.restarts and plan.is_change
    return {LAST_UPDATE: moment, **({RESTART_PENDING: moment} if pending else {})}


def without_pending_restart(raw: Json, level: str) -> Json | None:
    """``raw`` less the mark of a change of that level; None if it has none, or that of another change."""
    annotations = (raw.get("metadata") or {}).get("annotations") or {}
    if annotations.get(RESTART_PENDING) != level:
        return None
    kept = {name: value for name, value in annotations.items() if name != RESTART_PENDING}
    return {**raw, "metadata": {**raw["metadata"], "annotations": kept}}


def status_body(wanting: Definition, resource_version: str, new: Status, others: Json = _NO_OTHERS) -> Json:
    """The body of the PUT on the status subresource, which takes nothing but the status from it.

    ``others`` is what others wrote into it, which stays.
    """
    overridden = {"overridden": [each._asdict() for each in new.overridden]} if new.overridden else {}
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
            **others,
            "observedGeneration": new.observed_generation,
            "secretName": new.secret_name,
            "conditions": [
                *_our_conditions(new),
                *others.get("conditions", ()),
            ],
            "sources": [_source_body(each) for each in new.sources],
            **overridden,
        },
    }


def _source_body(source: SourceVersion) -> Json:
    """One source; a backend is named unless it is the default, so that old statuses stay as they are."""
    named = {} if source.backend == DEFAULT_BACKEND else {"backend": source.backend}
    return {"path": source.path, "version": source.version, **named}


def _our_conditions(new: Status) -> list[Json]:
    ready = new.condition
    conditions = [_condition_body("Ready", ready)]
    if new.abnormal is not None:
        since = new.abnormal.last_transition_time
        conditions.append(
            _condition_body(new.abnormal.type, replace(ready, ready=True, last_transition_time=since))
        )
    return conditions


def _condition_body(kind: str, condition: Condition) -> Json:
    return {
        "type": kind,
        "status": "True" if condition.ready else "False",
        "reason": condition.reason,
        "message": condition.message,
        "observedGeneration": condition.observed_generation,
        "lastTransitionTime": condition.last_transition_time,
    }


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
