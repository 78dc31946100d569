"""The heart: what to do with one Secret, and why. Two values in, one value out.

The order of the checks is the order of interest to a person: whose Secret it is, whether it can be changed at
all, and only then what differs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from secrets_manager.domain import marks
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import (
    ImmutableTarget,
    NotOwned,
    TargetConflict,
    TargetError,
    TypeConflict,
)
from secrets_manager.domain.secret import DesiredSecret, ObservedSecret
from secrets_manager.domain.wording import in_quotes

# Finalizers that are named in a message.
_MOST_NAMES = 3


class Operation(StrEnum):
    """The operation on the Secret; the word used in logs, Events and metrics."""

    CREATED = "created"
    REPLACED = "replaced"
    DELETED = "deleted"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A decision: the operation, the reason for it, and what it touches.

    ``changed_keys`` are names of data keys that will be added, changed or removed. ``recreate`` says that
    the Secret has to be deleted and created again, ``repairs`` that its data was right until another client
    changed it. ``refusal`` is set exactly when the operation is refused.
    """

    operation: Operation
    reason: str
    changed_keys: tuple[str, ...] = ()
    recreate: bool = False
    repairs: bool = False
    refusal: TargetError | None = None

    @property
    def is_change(self) -> bool:
        """Whether users of the Secret have other data after it than they had before it."""
        return bool(self.changed_keys) and self.operation is Operation.REPLACED and not self.repairs


# For a definition that is being deleted: it named no Secret, or its deletion or it asks to keep the Secret.
NOTHING_TO_DELETE = Plan(operation=Operation.UNCHANGED, reason="NothingToDelete")
ORPHANED = Plan(operation=Operation.UNCHANGED, reason="Orphaned")
RETAINED = Plan(operation=Operation.UNCHANGED, reason="Retained")


def plan(desired: DesiredSecret, observed: ObservedSecret | None) -> Plan:
    """Decide how to bring the Secret from ``observed`` to ``desired``."""
    refusal = _whose(desired, observed)
    if refusal is not None:
        return _refused(refusal)
    if observed is None:
        return Plan(operation=Operation.CREATED, reason="Missing", changed_keys=tuple(sorted(desired.data)))
    changed = _changed_keys(desired.digests, observed.digests)
    refusal = _unchangeable(desired, observed, changed)
    if refusal is not None:
        return _recreated_or_refused(refusal, observed, changed) if desired.recreate else _refused(refusal)
    if changed:
        return Plan(operation=Operation.REPLACED, reason="DataDiffers", changed_keys=changed)
    if _marks_differ(desired, observed):
        return Plan(operation=Operation.REPLACED, reason="MetadataDiffers")
    return Plan(operation=Operation.UNCHANGED, reason="InStep")


def plan_deletion(
    uid: str, observed: ObservedSecret | None, *, wanted: bool, only_by_owner: bool = False
) -> Plan:
    """Decide whether the Secret of a definition that is gone, or wants another name, is ours to delete.

    ``uid`` is that definition's. A Secret that is ``wanted`` now is left to the definition that wants it,
    whatever owner mark it carries. A Secret written by a release without owner marks goes too, unless
    ``only_by_owner`` says that nothing else proves that it belongs to this definition. One that other
    programs trust by its type or name stays, whatever marks it carries.
    """
    if observed is None:
        return Plan(operation=Operation.UNCHANGED, reason="AlreadyGone")
    if observed.is_trusted_by_others:
        return _left("NotOwned")
    if wanted:
        return _left("StillWanted")
    owner = observed.definition_owner
    if owner is not None:
        return _deleted() if owner.uid == uid else _left("OwnedByAnother")
    return _deleted() if observed.has_our_mark and not only_by_owner else _left("NotOwned")


def target_conflict(senior: Ref, target: Ref) -> TargetConflict:
    """The refusal of a definition whose Secret an older one keeps."""
    return TargetConflict(
        f"Secret {target.name!r} belongs to the older SecretDefinition {senior.name!r}; "
        "change spec.name in one of the two"
    )


def _whose(desired: DesiredSecret, observed: ObservedSecret | None) -> TargetError | None:
    if desired.senior is not None:
        return target_conflict(desired.senior, desired.ref)
    if observed is None:
        return None
    if observed.is_trusted_by_others:
        # Its marks do not count: everyone who may edit the Secret can add them.
        return NotOwned(
            f"Secret {observed.ref.name!r} is of type {in_quotes(observed.type)} and holds a credential or "
            "the state of another program; it is never taken over, replaced or deleted"
        )
    if is_ours(desired, observed):
        return None
    if desired.adopt:
        return None
    return NotOwned(
        f"Secret {observed.ref.name!r} exists and was not written by secrets-manager; delete it, or set "
        "annotation secrets-manager.tuenti.io/adopt to 'true' on the SecretDefinition to take it over"
    )


def is_ours(desired: DesiredSecret, observed: ObservedSecret) -> bool:
    """Whether this program wrote the Secret, for this definition or for another."""
    # The owner mark of a definition that is gone, or that wants another Secret now, does not count: the
    # definitions that still want this Secret were compared by age already.
    owner = observed.definition_owner
    return observed.has_our_mark or (owner is not None and owner.uid == desired.owner.uid)


def _unchangeable(
    desired: DesiredSecret, observed: ObservedSecret, changed: tuple[str, ...]
) -> TargetError | None:
    if observed.type != desired.type:
        return TypeConflict(
            f"Secret {observed.ref.name!r} has type {in_quotes(observed.type)}, the definition wants "
            f"{desired.type!r}, and a type cannot be changed; delete the Secret, or set annotation "
            "secrets-manager.tuenti.io/recreate to 'true' on the SecretDefinition"
        )
    if observed.immutable and changed:
        return ImmutableTarget(
            f"Secret {observed.ref.name!r} is immutable and its data differs; delete it, or set annotation "
            "secrets-manager.tuenti.io/recreate to 'true' on the SecretDefinition"
        )
    return None


def _recreated_or_refused(refusal: TargetError, observed: ObservedSecret, changed: tuple[str, ...]) -> Plan:
    """Plan to delete and create again, except if the Secret has finalizers: then refuse.

    The Secret would stay until they are removed, and the backend may be away by then.
    """
    if not observed.finalizers:
        return _recreated(refusal, changed)
    names = ", ".join(map(in_quotes, observed.finalizers[:_MOST_NAMES]))
    return _refused(
        type(refusal)(
            f"Secret {observed.ref.name!r} cannot be recreated while it has finalizers, such as {names}; "
            "remove them, or let the program that added them do so"
        )
    )


def _changed_keys(desired: Mapping[str, bytes], observed: Mapping[str, bytes]) -> tuple[str, ...]:
    if desired == observed:
        return ()
    names = desired.keys() | observed.keys()
    return tuple(sorted(name for name in names if desired.get(name) != observed.get(name)))


def _marks_differ(desired: DesiredSecret, observed: ObservedSecret) -> bool:
    wanted = marks.merge_metadata(desired, observed)
    return (
        wanted.labels != observed.labels
        or wanted.annotations != observed.annotations
        or wanted.owners != observed.owners
    )


def _refused(refusal: TargetError) -> Plan:
    return Plan(operation=Operation.REFUSED, reason=refusal.reason, refusal=refusal)


def _recreated(refusal: TargetError, changed: tuple[str, ...]) -> Plan:
    return Plan(operation=Operation.REPLACED, reason=refusal.reason, changed_keys=changed, recreate=True)


def _deleted() -> Plan:
    return Plan(operation=Operation.DELETED, reason="DefinitionGone")


def _left(reason: str) -> Plan:
    return Plan(operation=Operation.UNCHANGED, reason=reason)
