"""What one reconcile would change, in names; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from secrets_manager.commands.diff.rehearsal import Notes, Shape
from secrets_manager.commands.faults import told
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import Forbidden, SecretsManagerError, TargetError, TemporaryError
from secrets_manager.domain.outcome import Outcome
from secrets_manager.domain.plan import Operation
from secrets_manager.domain.secret import LAST_UPDATE, RESTART_PENDING

# They say when a write was, and change with each.
_TIMES = (LAST_UPDATE, RESTART_PENDING)
_NOTHING = Shape(type="", keys=frozenset(), labels={}, annotations={})


@dataclass(frozen=True, slots=True)
class Names:
    """Names that would come, that would have another value, and that would go."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What would become of one Secret of a definition.

    Attributes:
        operation: what would be done; ``recreated`` is a word of its own.
        reason, message: the daemon's, the message "" where nothing is wrong.
        types: the type before and after, where it would change.
        owner: whether the owner mark would change.
        restarts: workloads that would be restarted.
        not_restarted: a sentence about those that cannot be, "" while there are none.
        error: what stands in the way.

    """

    definition: Ref
    secret: str
    operation: str
    reason: str
    message: str = ""
    keys: Names = field(default_factory=Names)
    labels: Names = field(default_factory=Names)
    annotations: Names = field(default_factory=Names)
    types: tuple[str, str] | None = None
    owner: bool = False
    restarts: tuple[str, ...] = ()
    not_restarted: str = ""
    error: SecretsManagerError | None = None

    @property
    def is_any(self) -> bool:
        """Whether it is a difference at all."""
        return self.operation != Operation.UNCHANGED or bool(self.restarts)

    @property
    def is_unclear(self) -> bool:
        """Whether nobody knows, since a server did not answer, or the user may not see it."""
        return isinstance(self.error, TemporaryError | Forbidden)


RECREATED = "recreated"
FAILED = "failed"


def differences(outcomes: list[Outcome], notes: Notes) -> Iterator[Difference]:
    """One for each Secret that the outcomes are about, save those that nobody wants and that stay."""
    for outcome in outcomes:
        if not outcome.cleanup or outcome.operation is not Operation.UNCHANGED:
            yield _difference(outcome, notes)


def _difference(outcome: Outcome, notes: Notes) -> Difference:
    error = outcome.error
    plain = Difference(
        definition=outcome.definition,
        secret=outcome.secret or "",
        operation=str(outcome.operation if error is None or _is_refusal(error) else FAILED),
        reason=outcome.reason,
        message=outcome.shrunk if error is None else told(error),
        error=error,
    )
    target = Ref(outcome.definition.namespace, plain.secret)
    after = notes.written.get(target)
    if error is not None or after is None:
        return plain
    before = notes.seen.get(target)
    return _of_write(plain, before or _NOTHING, after, recreated=target in notes.deleted, outcome=outcome)


def _is_refusal(error: SecretsManagerError) -> bool:
    """Whether the Secret is left as it is because of what it is."""
    return isinstance(error, TargetError) and not isinstance(error, Forbidden)


def _of_write(
    plain: Difference, before: Shape, after: Shape, *, recreated: bool, outcome: Outcome
) -> Difference:
    return Difference(
        definition=plain.definition,
        secret=plain.secret,
        operation=RECREATED if recreated else plain.operation,
        reason=plain.reason,
        message=plain.message,
        keys=_keys(before, after, outcome.changed_keys),
        labels=_marks(before.labels, after.labels),
        annotations=_marks(before.annotations, after.annotations),
        types=(before.type, after.type) if before.type not in ("", after.type) else None,
        owner=before is not _NOTHING and before.owners != after.owners,
    )


def _keys(before: Shape, after: Shape, changed: tuple[str, ...]) -> Names:
    return Names(
        added=tuple(sorted(after.keys - before.keys)),
        changed=tuple(key for key in changed if key in before.keys and key in after.keys),
        removed=tuple(sorted(before.keys - after.keys)),
    )


def _marks(before: Mapping[str, str], after: Mapping[str, str]) -> Names:
    old, new = (
        {name: text for name, text in marks.items() if name not in _TIMES} for marks in (before, after)
    )
    return Names(
        added=tuple(sorted(new.keys() - old.keys())),
        changed=tuple(sorted(name for name in new.keys() & old.keys() if new[name] != old[name])),
        removed=tuple(sorted(old.keys() - new.keys())),
    )
