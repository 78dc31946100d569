"""What tells the Secret that a definition would make from the one that is there, by names; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from secrets_manager.commands.diff.differences import Names
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import Forbidden, SecretsManagerError, TemporaryError
from secrets_manager.domain.secret import DesiredSecret, ObservedSecret

__all__ = ["Comparison", "Sameness", "compare", "names_between", "not_compared"]


class Sameness(StrEnum):
    """What a comparison ended in."""

    EQUAL = "equal"
    DIFFERS = "differs"
    # There is no Secret of that name.
    MISSING = "missing"
    # What the definition would make, or what is there, cannot be read.
    UNREAD = "unread"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A definition's Secret as it is, against what the definition would make of it.

    Attributes:
        secret: the name of the Secret, "" where the definition names none.
        keys: those that the definition would add, give another value, or take away.
        types: the type that is there and the one that is wanted, where they differ.
        error: why it cannot be read.

    """

    definition: Ref
    secret: str
    sameness: Sameness
    keys: Names = field(default_factory=Names)
    types: tuple[str, str] | None = None
    error: SecretsManagerError | None = None

    @property
    def is_unclear(self) -> bool:
        """Whether nobody knows, since a server did not answer, or the user may not see it."""
        return isinstance(self.error, TemporaryError | Forbidden)


def compare(definition: Ref, desired: DesiredSecret, observed: ObservedSecret | None) -> Comparison:
    """The comparison; the digests of both are by one key."""
    if observed is None:
        return Comparison(definition=definition, secret=desired.ref.name, sameness=Sameness.MISSING)
    keys = names_between(observed.digests, desired.digests)
    types = (observed.type, desired.type) if observed.type != desired.type else None
    return Comparison(
        definition=definition,
        secret=desired.ref.name,
        sameness=Sameness.DIFFERS if keys or types else Sameness.EQUAL,
        keys=keys,
        types=types,
    )


def not_compared(definition: Ref, secret: str, error: SecretsManagerError) -> Comparison:
    """The comparison of what cannot be read."""
    return Comparison(definition=definition, secret=secret, sameness=Sameness.UNREAD, error=error.bare())


def names_between(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> Names:
    """The names of the keys that tell two Secrets apart, by the digests of their values."""
    return Names(
        added=tuple(sorted(after.keys() - before.keys())),
        changed=tuple(sorted(key for key in before.keys() & after.keys() if before[key] != after[key])),
        removed=tuple(sorted(before.keys() - after.keys())),
    )
