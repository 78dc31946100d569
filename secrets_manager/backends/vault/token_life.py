"""The token in use, and what to do with it: a pure decision with its reason.

Times are seconds of remaining or granted life, so no clock is needed here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewalRule:
    """When to renew (below so many seconds of life) and for how many seconds to ask."""

    renew_below: float
    increment: float


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultToken:
    """The token in use.

    Attributes:
        generation: counts logins; it tells a token from the one that replaced it.
        value: the token itself, hidden.
        granted: seconds of life that the last login or renewal gave.
        granted_at: when that was, on the session's clock.
        renewable: as the last login or renewal said.
        expires: as the login said. A renewal in the last second of its maximum life gives no life, too.
        can_look_up: false when the policies do not even allow lookup-self.

    """

    generation: int
    value: str = field(repr=False)
    granted: float
    granted_at: float
    renewable: bool
    expires: bool
    can_look_up: bool = True


class Step(Enum):
    """What the token needs now."""

    KEEP = "keep"
    RENEW = "renew"
    LOGIN = "login"


@dataclass(frozen=True, slots=True)
class TokenDecision:
    """A step and, in a few words for the log, why."""

    step: Step
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenLife:
    """What is known of the token's life.

    Attributes:
        expires: false for a root token, which never ends.
        ttl: seconds that are left.
        granted: seconds that the last login or renewal gave.
        full: the most seconds that a renewal could give: the period, or the life at creation.
        renewable: whether Vault renews it at all; batch tokens are not.

    """

    expires: bool
    ttl: float
    granted: float
    full: float
    renewable: bool


def next_step(life: TokenLife, *, renew_below: float) -> TokenDecision:
    """What to do at a poll; ``renew_below`` is the configured threshold in seconds."""
    if not life.expires:
        return TokenDecision(Step.KEEP, "the token never expires")
    if not life.renewable:
        if life.ttl < life.granted / 3:
            return TokenDecision(
                Step.LOGIN, "the token cannot be renewed and two thirds of its life are over"
            )
        return TokenDecision(Step.KEEP, "the token cannot be renewed and has enough life left")
    if life.ttl < renew_below:
        return TokenDecision(Step.RENEW, "the token has less life left than max-token-ttl")
    if life.ttl < life.granted / 2:
        return TokenDecision(Step.RENEW, "half of the token's life is over")
    return TokenDecision(Step.KEEP, "the token has enough life left")


def misses_renewal(life: TokenLife, decision: TokenDecision, *, renew_below: float) -> bool:
    """Whether the token would have to be renewed but cannot be: a fault in how the token was issued.

    A token that never expires needs no renewal.
    """
    short = life.ttl < renew_below or decision.step is Step.LOGIN
    return life.expires and not life.renewable and short


def after_renewal(life: TokenLife, *, renewed_to: float, asked: float) -> TokenDecision:
    """What to do after a renewal that was accepted; ``renewed_to`` is the life it gave in seconds.

    At the end of its maximum life a token is "renewed" to the rest of that life: only the number shows it.
    """
    if renewed_to < min(asked, life.full) * 2 / 3:
        return TokenDecision(Step.LOGIN, "the token has reached its maximum life")
    return TokenDecision(Step.KEEP, "the token was renewed")


def after_failed_renewal(life: TokenLife, *, refused: bool) -> TokenDecision:
    """What to do after a renewal that failed: log in again once time is short.

    ``refused`` means a 403 (no right to renew, or a dead token), which does not go away with time.
    """
    if refused and life.ttl < life.granted / 2:
        return TokenDecision(Step.LOGIN, "the token may not renew itself and half of its life is over")
    if life.ttl < life.granted / 4:
        return TokenDecision(
            Step.LOGIN, "the renewal fails and less than a quarter of the token's life is left"
        )
    return TokenDecision(Step.KEEP, "the renewal failed and will be tried again")
