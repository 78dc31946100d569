"""Labels, annotations and owners of a Secret: which are ours, which are copied, which stay.

We own our marks and what we copied from the definition, and nothing more. What others put on the Secret
stays; a copied entry that leaves the definition leaves the Secret, which is why the names of the copied
ones are recorded in an annotation.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from secrets_manager.domain.secret import (
    COPIED,
    LAST_UPDATE,
    LEGACY_LABEL,
    LEGACY_LAST_UPDATE,
    MANAGED_BY,
    MANAGED_BY_LABEL,
    PREFIX,
    DesiredSecret,
    ObservedSecret,
    Owner,
)

# Never copied: a copy would tell another controller that the Secret is its own to change or to prune
# (Argo CD, Flux, Helm), would grant an identity (service-account marks), or would forge our own marks.
# kubectl's record of the last applied configuration holds the whole definition and helps nobody here.
NOT_COPIED_NAMES = frozenset(
    {
        "app.kubernetes.io/instance",
        "app.kubernetes.io/managed-by",
        "kubectl.kubernetes.io/last-applied-configuration",
        LEGACY_LABEL,
        LEGACY_LAST_UPDATE,
    }
)
NOT_COPIED_PREFIXES = (
    PREFIX,
    "argocd.argoproj.io/",
    "helm.sh/",
    "helm.toolkit.fluxcd.io/",
    "kubernetes.io/service-account.",
    "kustomize.toolkit.fluxcd.io/",
    "meta.helm.sh/",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """The labels, annotations and owners a Secret should carry after the next write."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    owners: tuple[Owner, ...]


def copied(entries: Mapping[str, str]) -> dict[str, str]:
    """The labels or annotations of a definition that go to its Secret."""
    return {name: value for name, value in entries.items() if _may_be_copied(name)}


def merged(desired: DesiredSecret, observed: ObservedSecret | None) -> Metadata:
    """What the Secret should carry, given what it carries now; pure and idempotent.

    The time of the last update is not touched here: it changes with the data only.
    """
    if observed is None:
        return Metadata(
            labels={**desired.labels, MANAGED_BY_LABEL: MANAGED_BY},
            annotations={**desired.annotations, **_record(desired)},
            owners=(desired.owner,),
        )
    return Metadata(
        labels=_merged_labels(desired, observed),
        annotations=_merged_annotations(desired, observed),
        owners=_merged_owners(desired, observed),
    )


def _merged_labels(desired: DesiredSecret, observed: ObservedSecret) -> dict[str, str]:
    ours = {*_copied_before(observed, "labels"), LEGACY_LABEL, LEGACY_LAST_UPDATE}
    kept = _without(observed.labels, ours)
    return {**kept, **desired.labels, MANAGED_BY_LABEL: MANAGED_BY}


def _merged_annotations(desired: DesiredSecret, observed: ObservedSecret) -> dict[str, str]:
    kept = _without(observed.annotations, {*_copied_before(observed, "annotations"), COPIED})
    return {**_legacy_time(observed), **kept, **desired.annotations, **_record(desired)}


def _merged_owners(desired: DesiredSecret, observed: ObservedSecret) -> tuple[Owner, ...]:
    if desired.owner in observed.owners and sum(o.is_definition for o in observed.owners) == 1:
        return observed.owners
    return (*(owner for owner in observed.owners if not owner.is_definition), desired.owner)


def _legacy_time(observed: ObservedSecret) -> dict[str, str]:
    # 1.x kept the time in a label, in the layout that 2.x uses in the annotation.
    updated = observed.labels.get(LEGACY_LAST_UPDATE)
    return {LAST_UPDATE: updated} if updated else {}


def _record(desired: DesiredSecret) -> dict[str, str]:
    names = {"annotations": sorted(desired.annotations), "labels": sorted(desired.labels)}
    named = {kind: listed for kind, listed in names.items() if listed}
    return {COPIED: json.dumps(named, separators=(",", ":"))} if named else {}


def _copied_before(observed: ObservedSecret, kind: str) -> set[str]:
    # Anyone who may edit the Secret may edit this record, so a name counts only if it could be copied.
    try:
        record = json.loads(observed.annotations.get(COPIED, "{}"))
        listed = record.get(kind, []) if isinstance(record, dict) else []
    except (ValueError, RecursionError):
        return set()
    names = listed if isinstance(listed, list) else []
    return {name for name in names if isinstance(name, str) and _may_be_copied(name)}


def _without(entries: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    dropped = set(names)
    return {name: value for name, value in entries.items() if name not in dropped}


def _may_be_copied(name: str) -> bool:
    return name not in NOT_COPIED_NAMES and not name.startswith(NOT_COPIED_PREFIXES)
