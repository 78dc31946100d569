"""What came of one reconcile: a value that conditions, Events, metrics and log lines are made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import SecretsManagerError
from secrets_manager.domain.plan import Operation


class SourceVersion(NamedTuple):
    """The version of a path that the Secret was written from; "" where the backend has no versions."""

    path: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The fate of one Secret in one reconcile of a definition.

    ``error`` is set when it is not as it should be. ``restored`` says that somebody else had changed or
    deleted it. ``cleanup`` says that this is about a Secret that is no longer wanted, because the definition
    is being deleted or wants another name; it is no news for the definition's condition. ``generation`` is
    that of the definition as it was looked at, None where it was not. ``cautions`` are sentences about values
    that were written and should be looked at by a person.
    """

    definition: Ref
    secret: str | None
    operation: Operation
    reason: str
    changed_keys: tuple[str, ...] = ()
    sources: tuple[SourceVersion, ...] = ()
    error: SecretsManagerError | None = None
    restored: bool = False
    cleanup: bool = False
    generation: int | None = None
    cautions: tuple[str, ...] = ()

    @property
    def in_step(self) -> bool:
        """Whether the Secret is as it should be."""
        return self.error is None
