"""The decisions about the token, as tables."""

from __future__ import annotations

import pytest

from secrets_manager.backends.vault.token_life import (
    Step,
    TokenLife,
    after_failed_renewal,
    after_renewal,
    next_step,
)
from tests.unit.backends.tables import rows


def life(
    ttl: float, granted: float = 1000, *, full: float = 1000, expires: bool = True, renewable: bool = True
) -> TokenLife:
    return TokenLife(expires=expires, ttl=ttl, granted=granted, full=full, renewable=renewable)


@pytest.mark.parametrize(
    ("token", "step"),
    rows(
        {
            "fresh": (life(900), Step.KEEP),
            "at half its life": (life(500), Step.KEEP),
            "past half its life": (life(499), Step.RENEW),
            "at the threshold of a long life": (life(300, 400), Step.KEEP),
            "below the threshold": (life(299, 400), Step.RENEW),
            "shorter than the threshold from the start": (life(200, 200), Step.RENEW),
            "renewed to less than it was created with": (life(550, 600, full=3600), Step.KEEP),
            "at its very end": (life(0), Step.RENEW),
            "not renewable, young": (life(400, renewable=False), Step.KEEP),
            "not renewable, below the threshold but young": (life(200, 300, renewable=False), Step.KEEP),
            "not renewable, two thirds gone": (life(333, renewable=False), Step.LOGIN),
            "root": (life(0, 0, expires=False), Step.KEEP),
            "root that claims to be renewable": (life(0, 0, expires=False, renewable=False), Step.KEEP),
        }
    ),
)
def test_the_step_at_a_poll(token: TokenLife, step: Step) -> None:
    assert next_step(token, renew_below=300).step is step


@pytest.mark.parametrize(
    ("renewed_to", "asked", "full", "step"),
    rows(
        {
            "granted as asked": (600, 600, 3600, Step.KEEP),
            "a role with a shorter life than we ask for": (120, 600, 120, Step.KEEP),
            "a periodic token, whatever we ask": (3600, 600, 3600, Step.KEEP),
            "a short period": (60, 600, 60, Step.KEEP),
            "a little less than asked": (401, 600, 3600, Step.KEEP),
            "cut by the maximum": (399, 600, 3600, Step.LOGIN),
            "nothing left": (1, 600, 120, Step.LOGIN),
        }
    ),
)
def test_a_renewal_that_gives_little_means_the_maximum_is_reached(
    renewed_to: float, asked: float, full: float, step: Step
) -> None:
    assert after_renewal(life(50, full=full), renewed_to=renewed_to, asked=asked).step is step


@pytest.mark.parametrize(
    ("ttl", "refused", "step"),
    rows(
        {
            "an outage with time left": (250, False, Step.KEEP),
            "an outage with little time left": (249, False, Step.LOGIN),
            "no right to renew, with time left": (500, True, Step.KEEP),
            "no right to renew, past half the life": (499, True, Step.LOGIN),
        }
    ),
)
def test_a_failing_renewal_ends_in_a_login_when_time_is_short(
    ttl: float, *, refused: bool, step: Step
) -> None:
    assert after_failed_renewal(life(ttl), refused=refused).step is step


def test_every_decision_says_why() -> None:
    reasons = {
        next_step(life(900), renew_below=300).reason,
        next_step(life(100), renew_below=300).reason,
        next_step(life(450), renew_below=300).reason,
        next_step(life(1, renewable=False), renew_below=300).reason,
        after_renewal(life(9), renewed_to=1, asked=600).reason,
        after_failed_renewal(life(9), refused=False).reason,
        after_failed_renewal(life(9), refused=True).reason,
    }

    assert len(reasons) == 7
    assert all(reasons)
