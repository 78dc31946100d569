"""The status of a SecretDefinition, computed from an outcome and the status before.

Pure, and idempotent: an outcome that says nothing new gives back the very same status, and then nothing is
written. ``lastTransitionTime`` moves only when the condition's ``status`` does, as in
https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from secrets_manager.domain.errors import SourceExpired
from secrets_manager.domain.outcome import Outcome, SourceVersion

SYNCED = "Synced"
_MAX_MESSAGE = 1024


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
    """The status subresource: the Ready condition, and what the Secret was last written from."""

    observed_generation: int
    secret_name: str
    condition: Condition
    sources: tuple[SourceVersion, ...] = ()


def next_status(outcome: Outcome, before: Status | None, *, generation: int, now: str) -> Status:
    """The status after ``outcome``; equal to ``before`` when there is nothing new to tell.

    ``secret_name`` and ``sources`` tell of the last Secret that was in step, so they stay while it is not.
    """
    condition = _next_condition(outcome, before.condition if before else None, generation, now)
    if before and not outcome.in_step:
        return replace(before, observed_generation=generation, condition=condition)
    return Status(
        observed_generation=generation,
        secret_name=outcome.secret or "",
        condition=condition,
        sources=outcome.sources,
    )


def _next_condition(outcome: Outcome, before: Condition | None, generation: int, now: str) -> Condition:
    after = Condition(
        ready=outcome.in_step,
        reason=reason_of(outcome),
        message=message_of(outcome),
        observed_generation=generation,
        last_transition_time=now,
    )
    if before is None or before.ready != after.ready:
        return after
    return replace(after, last_transition_time=before.last_transition_time)


def reason_of(outcome: Outcome) -> str:
    """The reason of the Ready condition."""
    if outcome.error is not None:
        return outcome.error.reason
    return SourceExpired.__name__ if outcome.cautions else SYNCED


def message_of(outcome: Outcome) -> str:
    """The message of the Ready condition."""
    if outcome.error is not None:
        return outcome.error.message[:_MAX_MESSAGE]
    in_step = f"Secret {outcome.secret} is in step with its sources"
    return "; ".join((in_step, *outcome.cautions))[:_MAX_MESSAGE]
