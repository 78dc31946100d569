"""Labels, annotations and owners of a Secret: which are ours, which are copied, which stay.

We own our marks, the entries copied from the definition and those that its ``spec.metadata`` wishes for, and
nothing more. Entries of others on the Secret stay; one that leaves the definition leaves the Secret, which is
why the names of ours are recorded in an annotation. An entry that an earlier release copied and that is now
known as a mark of another tool leaves it, too. ``foreign_marks`` decides which entries are such marks.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from secrets_manager.domain import foreign_marks, wished_marks
from secrets_manager.domain.nesting import is_too_deep
from secrets_manager.domain.secret import (
    COPIED,
    LAST_UPDATE,
    LEGACY_LABEL,
    LEGACY_LAST_UPDATE,
    MANAGED_BY,
    MANAGED_BY_LABEL,
    PREFIX,
    RESTART_PENDING,
    DesiredSecret,
    ObservedSecret,
    Owner,
)

# In the record, beside the names that were copied: those that ``spec.metadata`` wished for.
_WISHED = "wished"
# Names that no release with this record ever copied: a record that has one of them is not ours.
_NEVER_RECORDED_NAMES = frozenset(
    {
        "app.kubernetes.io/instance",
        "app.kubernetes.io/managed-by",
        "kubectl.kubernetes.io/last-applied-configuration",
        LEGACY_LABEL,
        LEGACY_LAST_UPDATE,
    }
)
_NEVER_RECORDED_PREFIXES = (
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
    annotations: Mapping[str, str] = field(repr=False)
    owners: tuple[Owner, ...]


def select_copied(entries: Mapping[str, str]) -> dict[str, str]:
    """The labels or annotations of a definition that go to its Secret: all except marks of other tools."""
    return {name: value for name, value in entries.items() if foreign_marks.is_copied(name, value)}


def merge_metadata(desired: DesiredSecret, observed: ObservedSecret | None) -> Metadata:
    """The metadata that the Secret should carry, given what it carries now; pure and idempotent.

    The time of the last update is not touched here: it changes with the data only.
    """
    if observed is None:
        return Metadata(
            labels={**desired.labels, MANAGED_BY_LABEL: MANAGED_BY},
            annotations={**desired.annotations, **_record(desired)},
            owners=() if desired.retained else (desired.owner,),
        )
    return Metadata(
        labels=_merged_labels(desired, observed),
        annotations=_merged_annotations(desired, observed),
        owners=_merged_owners(desired, observed),
    )


def _merged_labels(desired: DesiredSecret, observed: ObservedSecret) -> dict[str, str]:
    ours = {*_recorded(observed, "labels"), LEGACY_LABEL, LEGACY_LAST_UPDATE}
    kept = _without(observed.labels, ours)
    return {**kept, **desired.labels, MANAGED_BY_LABEL: MANAGED_BY}


def _merged_annotations(desired: DesiredSecret, observed: ObservedSecret) -> dict[str, str]:
    ours = {
        *_recorded(observed, "annotations"),
        COPIED,
        *(() if desired.restarts else (RESTART_PENDING,)),
    }
    kept = _without(observed.annotations, ours)
    return {**_legacy_time(observed), **kept, **desired.annotations, **_record(desired)}


def _merged_owners(desired: DesiredSecret, observed: ObservedSecret) -> tuple[Owner, ...]:
    of_others = tuple(owner for owner in observed.owners if not owner.is_definition)
    if desired.retained:
        return of_others
    if desired.owner in observed.owners and len(of_others) + 1 == len(observed.owners):
        return observed.owners
    return (*of_others, desired.owner)


def _legacy_time(observed: ObservedSecret) -> dict[str, str]:
    # 1.x kept the time in a label, in the layout that 2.x uses in the annotation.
    updated = observed.labels.get(LEGACY_LAST_UPDATE)
    return {LAST_UPDATE: updated} if updated else {}


def _record(desired: DesiredSecret) -> dict[str, str]:
    wished = {"annotations": desired.wished.annotations, "labels": desired.wished.labels}
    copied = {
        "annotations": desired.annotations.keys() - desired.wished.annotations.keys(),
        "labels": desired.labels.keys() - desired.wished.labels.keys(),
    }
    named: dict[str, object] = _sorted_names(copied)
    if wishes := _sorted_names(wished):
        named[_WISHED] = wishes
    return {COPIED: json.dumps(named, separators=(",", ":"))} if named else {}


def _sorted_names(of_kinds: Mapping[str, Collection[str]]) -> dict[str, object]:
    return {kind: sorted(names) for kind, names in of_kinds.items() if names}


def _recorded(observed: ObservedSecret, kind: str) -> set[str]:
    """The names of that kind that the last write put there, for all that the record says.

    Anyone who may edit the Secret may edit the record. So a name counts only if it could be copied, by this
    release or an earlier one, or could be wished for: never a mark of ours.
    """
    record = _read_record(observed.annotations.get(COPIED, "{}"))
    wished = record.get(_WISHED)
    copied = {name for name in _names(record, kind) if _may_be_recorded(name)}
    return copied | {name for name in _names(wished, kind) if not wished_marks.is_ours(name)}


def _read_record(text: str) -> Mapping[str, object]:
    if is_too_deep(text):
        return {}
    try:
        record = json.loads(text)
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}


def _names(record: object, kind: str) -> list[str]:
    listed = record.get(kind) if isinstance(record, dict) else None
    return [name for name in listed if isinstance(name, str)] if isinstance(listed, list) else []


def _without(entries: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    dropped = set(names)
    return {name: value for name, value in entries.items() if name not in dropped}


def _may_be_recorded(name: str) -> bool:
    if foreign_marks.may_be_copied(name):
        return True
    return name not in _NEVER_RECORDED_NAMES and not name.startswith(_NEVER_RECORDED_PREFIXES)
