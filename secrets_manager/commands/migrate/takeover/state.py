"""What is found of one hand-over: our definition, the Secret, the objects of the other operator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from secrets_manager.cluster.base import Json, Resource
from secrets_manager.commands.migrate.comparing import Comparison
from secrets_manager.commands.migrate.takeover.hands import OldKind, marks_of_operators
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.secret import (
    COPIED,
    LAST_UPDATE,
    MANAGED_BY,
    MANAGED_BY_LABEL,
    PREFIX,
    RESTART_PENDING,
    ObservedSecret,
)

__all__ = ["OUR_ANNOTATIONS", "RECORD", "RELEASED", "Old", "Ours", "Snapshot", "State", "has_marks"]

# On a definition that `apply` made: the label that the Secret had in the place of ours.
RECORD = PREFIX + "taken-over"
# On a definition: what `apply --finish` changed in the objects of the other operator.
RELEASED = PREFIX + "released"
OUR_ANNOTATIONS = (LAST_UPDATE, COPIED, RESTART_PENDING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ours:
    """Our definition in the cluster.

    Attributes:
        spec_is_wished: whether its spec says the same as that of the file.
        record: what `apply` noted when it made it; None for a definition that others made.
        released: what `apply --finish` changed in each object, by kind and name.
        current: whether its status is about this very spec.
        ready, reason, message: the condition.
        adopts: whether it may take over a Secret of others.

    """

    uid: str
    version: str
    spec_is_wished: bool
    record: Mapping[str, object] | None
    released: Mapping[str, Mapping[str, object]]
    suspended: bool
    deleting: bool
    current: bool
    ready: bool
    reason: str
    message: str
    adopts: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Old:
    """An object of the other operator that makes the Secret.

    Attributes:
        change: what its spec needs before it can be deleted; None for nothing.
        keeper: the tool that applies it, "" for none that is known.
        maker: kind and name of the object that makes it, "" for none.

    """

    kind: OldKind
    resource: Resource
    ref: Ref
    raw: Json = field(repr=False)
    uid: str
    version: str
    deleting: bool
    finalizers: tuple[str, ...]
    change: Json | None
    keeper: str
    maker: str

    def __str__(self) -> str:
        return f"{self.kind.kind} {self.ref}"

    @property
    def key(self) -> str:
        """What tells it from others of the namespace."""
        return f"{self.kind.kind}/{self.ref.name}"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What must not change about a Secret."""

    uid: str
    digests: Mapping[str, bytes] = field(repr=False)

    @classmethod
    def of(cls, secret: ObservedSecret | None) -> Snapshot:
        """That of a Secret; none there is one of its own."""
        return cls("", {}) if secret is None else cls(secret.uid, dict(secret.digests))


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """All that a decision looks at.

    Attributes:
        compared: the Secret against the definition, as it was when the command began.
        retained: whether the definition puts no owner mark on its Secret.
        suspended: whether the file wishes that.
        olds: the objects of the other operator that make the Secret.
        dangling: owners of the Secret, of kinds in the table, that are none of those objects.
        strangers: owners of the Secret of other kinds.
        wished: names of labels and annotations that the definition wishes for.

    """

    compared: Comparison
    retained: bool
    suspended: bool
    ours: Ours | None
    secret: ObservedSecret | None
    olds: tuple[Old, ...] = ()
    dangling: tuple[str, ...] = ()
    strangers: tuple[str, ...] = ()
    wished: frozenset[str] = frozenset()

    @property
    def adopted(self) -> bool:
        """Whether the Secret carries our marks, for this definition."""
        if self.ours is None or self.secret is None or not has_marks(self.secret):
            return False
        owner = self.secret.definition_owner
        return self.retained if owner is None else owner.uid == self.ours.uid

    @property
    def marks_of_others(self) -> dict[str, list[str]]:
        """Labels and annotations of operators of the table on the Secret, but those that are wished for."""
        found = self.secret
        if found is None:
            return {}
        return {
            kind: sorted({*marks_of_operators(marks)} - self.wished)
            for kind, marks in (("labels", found.labels), ("annotations", found.annotations))
        }

    @property
    def settled(self) -> bool:
        """Whether the daemon says that the Secret is in step with the definition as it is now."""
        return self.ours is not None and self.ours.current and self.ours.ready and not self.ours.deleting


def has_marks(secret: ObservedSecret) -> bool:
    """Whether there is a mark of ours on the Secret, beside that of the owner."""
    return secret.labels.get(MANAGED_BY_LABEL) == MANAGED_BY or any(
        name in secret.annotations for name in OUR_ANNOTATIONS
    )
