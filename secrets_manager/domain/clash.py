"""The fields in which a Secret differs from what it should be, by name; pure.

They serve messages about another writer of the same Secret, and the search for that writer in
``managedFields``. Fields are named, values never: data keys, labels, annotations, the type, the owners, or
the Secret as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from secrets_manager.domain import marks
from secrets_manager.domain.secret import (
    COPIED,
    LAST_UPDATE,
    MANAGED_BY_LABEL,
    RESTART_PENDING,
    DesiredSecret,
    ObservedSecret,
)

# Each writer chooses its own name, so a name may hold anything.
_UNSAFE = re.compile(r"[^A-Za-z0-9 ._:@/+-]")
_LONGEST_NAME = 64
_WORDS = {"data": "data key", "labels": "label", "annotations": "annotation"}
_OUR_MANAGER = "secrets-manager"

# Where a field is in the object: ("data", KEY), ("metadata", "labels", NAME), ("type",); () is all of it.
Field = tuple[str, ...]
WHOLE: Field = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldManager:
    """One entry of ``metadata.managedFields``: a writer, the fields that it wrote last, and when (RFC 3339).

    ``fields`` are names within names, each after ``f:``, as in fieldsV1; there are no values in it.
    """

    name: str
    time: str = ""
    fields: Mapping[str, object] = field(default_factory=dict, repr=False)


def differing_fields(desired: DesiredSecret, observed: ObservedSecret | None) -> frozenset[Field]:
    """Our fields that are not as they should be; WHOLE if there is no Secret."""
    if observed is None:
        return frozenset({WHOLE})
    wanted = marks.merge_metadata(desired, observed)
    found: set[Field] = {("data", key) for key in _unequal(desired.digests, observed.digests)}
    found |= {("metadata", "labels", name) for name in _unequal(wanted.labels, observed.labels)}
    found |= {
        ("metadata", "annotations", name) for name in _unequal(wanted.annotations, observed.annotations)
    }
    if wanted.owners != observed.owners:
        found.add(("metadata", "ownerReferences"))
    if desired.type != observed.type:
        found.add(("type",))
    return frozenset(found)


def is_unchanged_for_us(
    before: ObservedSecret | None, after: ObservedSecret | None, named: Collection[str]
) -> bool:
    """Whether a Secret was written in between, and nothing that this program writes changed.

    Then no replica of this program wrote its data, since each such write gives it another time, even one that
    brings the former data back. ``named`` are the names of the labels and annotations that the
    definition has or wishes for.
    """
    if before is None or after is None or before.resource_version == after.resource_version:
        return False
    names = sorted({*named, COPIED, LAST_UPDATE, MANAGED_BY_LABEL, RESTART_PENDING})
    return _of_ours(before, names) == _of_ours(after, names)


def _of_ours(secret: ObservedSecret, names: Iterable[str]) -> tuple[object, ...]:
    marks_of_ours = [(secret.labels.get(name), secret.annotations.get(name)) for name in names]
    return secret.uid, secret.type, secret.immutable, secret.digests, secret.owners, marks_of_ours


def is_content(one: Field) -> bool:
    """Whether users of the Secret get wrong content while this field is wrong."""
    return not one or one[0] != "metadata"


def describe_field(one: Field) -> str:
    """The field for a person to read."""
    if not one:
        return "the Secret as a whole"
    *_, kind, name = ("", *one)
    return f"{_WORDS[kind]} {name!r}" if kind in _WORDS else name


def writers(fields: Iterable[Field], managers: Iterable[FieldManager]) -> list[str]:
    """The names of the other writers that own one of ``fields``.

    A missing field has no owner: if none is found, the result is the other writer that wrote last.
    """
    others = [manager for manager in managers if manager.name != _OUR_MANAGER]
    wanted = list(fields)
    owners = [manager for manager in others if any(_owns(manager, one) for one in wanted)]
    found = owners or sorted(others, key=lambda manager: manager.time)[-1:]
    return sorted({_UNSAFE.sub("?", manager.name)[:_LONGEST_NAME] for manager in found})


def written_at(managers: Iterable[FieldManager]) -> str:
    """When this program last changed the object, by the API server's clock; "" if that is not known."""
    return max((manager.time for manager in managers if manager.name == _OUR_MANAGER), default="")


def _owns(manager: FieldManager, one: Field) -> bool:
    place: object = manager.fields
    for name in one:
        if not isinstance(place, Mapping) or f"f:{name}" not in place:
            return False
        place = place[f"f:{name}"]
    return bool(one)


def _unequal(wanted: Mapping[str, object], found: Mapping[str, object]) -> set[str]:
    return {name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name)}
