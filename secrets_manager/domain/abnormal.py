"""The conditions beside Ready, by which tools tell work under way from trouble that waiting does not heal.

They are those of kstatus, which Flux, kustomize and others go by: each is True or absent, and both are absent
while the Secret is in step.
https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/kstatus/README.md
"""

from __future__ import annotations

from typing import NamedTuple

from secrets_manager.domain.errors import PermanentError, SecretsManagerError

# A person must act; whoever waits for the Secret can give up.
STALLED = "Stalled"
# The first work, or the work after a change, is not done yet and is tried again by itself.
RECONCILING = "Reconciling"
# A tuple: what is looked up in it comes from the cluster, and may be a list.
ABNORMAL_TYPES = (STALLED, RECONCILING)


class Abnormal(NamedTuple):
    """STALLED or RECONCILING. Reason, message and generation are those of Ready.

    ``last_transition_time`` is RFC 3339 in UTC, whole seconds.
    """

    type: str
    last_transition_time: str


# What others made of these conditions. It equals none that is wanted, so the next status replaces it.
UNLIKE_OURS = Abnormal("", "")


def abnormal_type(
    error: SecretsManagerError | None,
    before: tuple[int, Abnormal | None] | None,
    *,
    ready: bool,
    generation: int,
) -> str | None:
    """The type of the condition that stands beside Ready; None while there is to be none.

    ``error`` is that of the reconcile; without one a definition that is not ready is suspended, which
    waiting does not end. ``before`` is the generation that the status spoke of, and the condition it had.
    A passing fault after the generation was in step is neither: the Secret holds what it held.
    """
    if ready:
        return None
    if error is None or isinstance(error, PermanentError):
        return STALLED
    if before is None or before[0] != generation:
        return RECONCILING
    return RECONCILING if before[1] is not None and before[1].type == RECONCILING else None


def next_abnormal(kind: str | None, before: Abnormal | None, now: str) -> Abnormal | None:
    """The condition of that type; its time moves when it appears."""
    if kind is None:
        return None
    return before if before is not None and before.type == kind else Abnormal(kind, now)
