"""The status of a SecretDefinition, decided from an outcome and the status before.

Pure, and idempotent: after an outcome that says nothing new there is no status to write.
``lastTransitionTime`` moves only when the condition's ``status`` does, as in
https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

from secrets_manager.domain.abnormal import Abnormal, abnormal_type, next_abnormal
from secrets_manager.domain.definition import Definition
from secrets_manager.domain.errors import (
    ClusterUnavailable,
    Contested,
    NamespaceTerminating,
    NoAnswerYet,
    NotLeading,
    NotRestarted,
    SecretsManagerError,
    SourceExpired,
    Superseded,
)
from secrets_manager.domain.outcome import SUSPENDED, Outcome, Overridden, SourceVersion
from secrets_manager.domain.restarts import NOT_RESTARTED
from secrets_manager.domain.wording import one_line

SYNCED = "Synced"

Entry = TypeVar("Entry", SourceVersion, Overridden)
# Bytes of a message, and of each list of a status: etcd takes 1.5 MiB for the whole object, and its fields
# are written down once more in managedFields.
_MAX_MESSAGE = 1024
_MAX_ENTRIES = 64 * 1024
# What each entry of a list costs besides its texts.
_EACH_ENTRY = 32
# These need no action by a person: the namespace is being deleted, another replica is at work, it is too
# early to tell, or the definition is gone.
_SILENT = (NamespaceTerminating, NotLeading, NoAnswerYet, Superseded)


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """The Ready condition. ``last_transition_time`` is RFC 3339 in UTC, whole seconds."""

    ready: bool
    reason: str
    message: str
    observed_generation: int
    last_transition_time: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The status subresource: the conditions, and what the Secret was last written from.

    ``abnormal`` is the condition beside Ready, None while the Secret is in step.
    """

    observed_generation: int
    secret_name: str
    condition: Condition
    abnormal: Abnormal | None = None
    sources: tuple[SourceVersion, ...] = ()
    overridden: tuple[Overridden, ...] = ()


def is_silent(outcome: Outcome) -> bool:
    """Whether an outcome is not reported at all."""
    return isinstance(outcome.error, _SILENT)


def status_to_write(
    outcome: Outcome, definition: Definition, before: Status | None, now: str
) -> Status | None:
    """The status that a definition has to get after ``outcome``; None while ``before`` says all of it.

    ``now`` is RFC 3339 in UTC, whole seconds.
    """
    if is_silent(outcome) or not _is_about(outcome, definition):
        return None
    generation = definition.generation
    if before and before.observed_generation == generation:
        outcome = _as_last_known(outcome, before.condition)
    after = next_status(outcome, before, generation=generation, now=now)
    return None if after == before or (before and _says(before, outcome, after)) else after


def next_status(outcome: Outcome, before: Status | None, *, generation: int, now: str) -> Status:
    """The status after ``outcome``; equal to ``before`` when nothing changed.

    ``secret_name``, ``sources`` and ``overridden`` describe the last Secret that was in step, so they stay
    while it is not.
    """
    condition = _next_condition(outcome, before.condition if before else None, generation, now)
    observed = (before.observed_generation, before.abnormal) if before else None
    abnormal = next_abnormal(
        abnormal_type(outcome.error, observed, ready=condition.ready, generation=generation),
        before.abnormal if before else None,
        now,
    )
    if before and (outcome.suspended or not outcome.in_step):
        return replace(before, observed_generation=generation, condition=condition, abnormal=abnormal)
    return Status(
        observed_generation=generation,
        secret_name=(not outcome.suspended and outcome.secret) or "",
        condition=condition,
        abnormal=abnormal,
        sources=leading(outcome.sources),
        overridden=leading(outcome.overridden),
    )


def _as_last_known(outcome: Outcome, before: Condition) -> Outcome:
    """The outcome with what the condition says of restarts, while this process does not know it yet.

    Otherwise each start of the daemon would take the sentence away, and put it back a moment later.
    """
    _, found, rest = before.message.partition(NOT_RESTARTED)
    if outcome.restarts_known or not before.ready or not found:
        return outcome
    return replace(outcome, not_restarted=found + rest)


def is_same_trouble(reason: str, message: str, error: SecretsManagerError) -> bool:
    """Whether a reason and a message that were reported before say what ``error`` does.

    An API server in trouble words it in many ways, which count as the same.
    """
    if reason != error.reason:
        return False
    return isinstance(error, ClusterUnavailable) or message == error.message


def _is_about(outcome: Outcome, definition: Definition) -> bool:
    """Whether the outcome belongs in the status of the definition as it is now.

    A definition that changed since the reconcile began is reconciled again, and gets a better status then. So
    is one that was deleted and created again, and its generation may equal that of the one before.
    """
    same = outcome.uid in (None, definition.uid)
    newest = outcome.generation in (None, definition.generation)
    return same and newest and not outcome.cleanup and not definition.deleting


def _says(before: Status, outcome: Outcome, after: Status) -> bool:
    """Whether a status already reports the error of an outcome, perhaps in other words than ``after``."""
    if outcome.error is None or before.condition.ready:
        return False
    same = (before.observed_generation, before.abnormal) == (after.observed_generation, after.abnormal)
    return same and is_same_trouble(before.condition.reason, before.condition.message, outcome.error)


def _next_condition(outcome: Outcome, before: Condition | None, generation: int, now: str) -> Condition:
    # Whether the Secret was as it should be when it was looked at last.
    was_ready = before is not None and before.ready
    after = Condition(
        ready=was_ready if outcome.suspended else outcome.in_step,
        reason=condition_reason(outcome),
        message=condition_message(outcome),
        observed_generation=generation,
        last_transition_time=now,
    )
    if before is None or before.ready != after.ready:
        return after
    return replace(after, last_transition_time=before.last_transition_time)


def condition_reason(outcome: Outcome) -> str:
    """The reason of the Ready condition."""
    if outcome.error is not None:
        return outcome.error.reason
    if outcome.suspended:
        return SUSPENDED
    if outcome.contested:
        return Contested.__name__
    if outcome.cautions:
        return SourceExpired.__name__
    return NotRestarted.__name__ if outcome.not_restarted else SYNCED


def condition_message(outcome: Outcome) -> str:
    """The message of the Ready condition."""
    if outcome.error is not None:
        return one_line(outcome.error.message, _MAX_MESSAGE)
    if outcome.suspended:
        return "the Secret stays as it is, and nothing is read for it, while spec.suspend is true"
    in_step = f"Secret {outcome.secret} is in sync with its sources"
    short = (_shortened("sources", outcome.sources), _shortened("overridden", outcome.overridden))
    parts = filter(None, (in_step, outcome.contested, *short, *outcome.cautions, outcome.not_restarted))
    return one_line("; ".join(parts), _MAX_MESSAGE)


def leading(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """The first entries of a list, as many as a status has room for."""
    room = _MAX_ENTRIES
    for number, entry in enumerate(entries):
        room -= _EACH_ENTRY + sum(map(_bytes, entry))
        if room < 0:
            return entries[:number]
    return entries


def _shortened(name: str, entries: tuple[Entry, ...]) -> str:
    shown = len(leading(entries))
    return "" if shown == len(entries) else f"status.{name} lists {shown} of {len(entries)}"


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
