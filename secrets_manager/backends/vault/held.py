"""The token in use, and when it is to be renewed: values that the session hands out and is given."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewalRule:
    """When to renew (below so many seconds of life) and for how many seconds to ask."""

    renew_below: float
    increment: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """The token in use.

    Attributes:
        generation: counts logins; a token that was replaced meanwhile is told by it.
        token: hidden.
        granted: seconds of life that the last login or renewal gave.
        granted_at: when that was, on the session's clock.
        renewable: as the last login or renewal said.
        can_look_up: false when the policies do not even allow lookup-self.

    """

    generation: int
    token: str = field(repr=False)
    granted: float
    granted_at: float
    renewable: bool
    can_look_up: bool = True
