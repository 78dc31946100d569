"""What to do with the token: a pure decision with its reason.

Times are seconds of remaining or granted life, so no clock is needed here.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Step(Enum):
    """What the token needs now."""

    KEEP = "keep"
    RENEW = "renew"
    LOGIN = "login"


@dataclass(frozen=True, slots=True)
class Decision:
    """A step and, in a few words for the log, why."""

    step: Step
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenLife:
    """What is known of the token's life.

    Attributes:
        expires: false for a root token, which lives for ever.
        ttl: seconds that are left.
        granted: seconds that the last login or renewal gave.
        full: seconds that a renewal could at best give: the period, or the life at creation.
        renewable: whether Vault renews it at all; batch tokens are not.

    """

    expires: bool
    ttl: float
    granted: float
    full: float
    renewable: bool


def next_step(life: TokenLife, *, renew_below: float) -> Decision:
    """What to do at a poll; ``renew_below`` is the configured threshold in seconds."""
    if not life.expires:
        return Decision(Step.KEEP, "the token never expires")
    if not life.renewable:
        if life.ttl < life.granted / 3:
            return Decision(Step.LOGIN, "the token cannot be renewed and two thirds of its life are over")
        return Decision(Step.KEEP, "the token cannot be renewed and has enough life left")
    if life.ttl < renew_below:
        return Decision(Step.RENEW, "the token has less life left than max-token-ttl")
    if life.ttl < life.granted / 2:
        return Decision(Step.RENEW, "half of the token's life is over")
    return Decision(Step.KEEP, "the token has enough life left")


def after_renewal(life: TokenLife, *, renewed_to: float, asked: float) -> Decision:
    """What to do after a renewal that was accepted; ``renewed_to`` is the life it gave in seconds.

    At the end of its maximum life a token is "renewed" to what is left of it: only the figure tells.
    """
    if renewed_to < min(asked, life.full) * 2 / 3:
        return Decision(Step.LOGIN, "the token has reached its maximum life")
    return Decision(Step.KEEP, "the token was renewed")


def after_failed_renewal(life: TokenLife, *, refused: bool) -> Decision:
    """What to do after a renewal that failed: a new login is the way out once time is short.

    ``refused`` tells a 403 (no right to renew, or a dead token), which does not get better with time.
    """
    if refused and life.ttl < life.granted / 2:
        return Decision(Step.LOGIN, "the token may not renew itself and half of its life is over")
    if life.ttl < life.granted / 4:
        return Decision(Step.LOGIN, "the renewal fails and less than a quarter of the token's life is left")
    return Decision(Step.KEEP, "the renewal failed and will be tried again")
