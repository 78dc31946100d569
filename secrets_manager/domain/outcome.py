"""The result of one reconcile: a value that conditions, Events, metrics and log lines are made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Self

from secrets_manager.domain.backend_name import DEFAULT_BACKEND
from secrets_manager.domain.definition import Definition, Ref
from secrets_manager.domain.errors import SecretsManagerError
from secrets_manager.domain.plan import Operation

# The reason of an outcome, of a condition and of an Event, while a definition is suspended.
SUSPENDED = "Suspended"


class SourceVersion(NamedTuple):
    """The version of a path that the Secret was written from; "" where the backend has no versions."""

    path: str
    version: str
    backend: str = DEFAULT_BACKEND


class Overridden(NamedTuple):
    """A value that is not in the Secret, since another part of the spec gives the same data key.

    ``source`` and ``by`` are the names of those parts, such as ``dataFrom[0]`` and ``keysMap``.
    """

    key: str
    source: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The fate of one Secret in one reconcile of a definition.

    ``error`` is set when it is not as it should be. ``restored`` says that another writer had changed or
    deleted it. ``cleanup`` says that this is about a Secret that is no longer wanted, because the definition
    is being deleted or wants another name; it does not change the definition's condition. ``uid`` and
    ``generation`` are those of the definition that was reconciled, None if none was known: the outcome says
    nothing about another of its name, or about a later state of it. ``cautions`` are sentences about values
    that were written and that a person should check. ``contested`` is a sentence about another writer that
    undoes each repair, "" while there is none; ``again_in`` is the number of seconds until the next check for
    that. ``suspended`` says that nothing was looked at, as the definition wishes. ``shrunk`` is a sentence
    about what the Secret loses by this write since its sources lost it, "" where nobody need hear of it.
    ``not_restarted`` is a sentence about workloads that cannot be restarted, "" while there is none;
    ``restarts_known`` says that they were looked for since this process began. ``asked`` is the text of the
    annotation by which a sync was asked for, as the reconcile found it.
    """

    definition: Ref
    secret: str | None
    operation: Operation
    reason: str
    changed_keys: tuple[str, ...] = ()
    sources: tuple[SourceVersion, ...] = ()
    overridden: tuple[Overridden, ...] = ()
    error: SecretsManagerError | None = None
    restored: bool = False
    cleanup: bool = False
    uid: str | None = None
    generation: int | None = None
    cautions: tuple[str, ...] = ()
    contested: str = ""
    again_in: float | None = None
    suspended: bool = False
    shrunk: str = ""
    not_restarted: str = ""
    restarts_known: bool = True
    asked: str = ""

    @classmethod
    def of_suspended(cls, about: Definition) -> Self:
        """The outcome of a reconcile of a definition that is suspended."""
        return cls(
            definition=about.ref,
            uid=about.uid,
            generation=about.generation,
            secret=about.secret_name,
            operation=Operation.UNCHANGED,
            reason=SUSPENDED,
            suspended=True,
        )

    @classmethod
    def of_error(
        cls,
        ref: Ref,
        secret: str | None,
        error: SecretsManagerError,
        *,
        cleanup: bool = False,
        about: Definition | None = None,
    ) -> Self:
        """The outcome of a reconcile of ``about`` that ended in ``error``."""
        return cls(
            definition=ref,
            uid=about.uid if about else None,
            generation=about.generation if about else None,
            secret=secret,
            operation=Operation.REFUSED,
            reason=error.reason,
            error=error.bare(),
            cleanup=cleanup,
        )

    @property
    def in_step(self) -> bool:
        """Whether the Secret is as it should be."""
        return self.error is None
