"""The time that renewals grant, with and without foreign writes to the Lease."""

from __future__ import annotations

import pytest

from secrets_manager.cluster.lead.tenure import Tenure


@pytest.fixture
def tenure() -> Tenure:
    led = Tenure(deadline=10.0, untouched=3.4)
    led.begin(100.0)
    return led


def test_each_renewal_grants_its_full_time_again(tenure: Tenure) -> None:
    assert tenure.held_until == 110.0
    tenure.renewed(102.0)
    assert tenure.held_until == 112.0


def test_a_lease_that_was_meddled_with_once_costs_no_lead(tenure: Tenure) -> None:
    tenure.regained(102.0)
    tenure.renewed(104.0)
    assert tenure.held_until == 110.0

    tenure.renewed(106.0)

    assert tenure.held_until == 116.0


def test_a_lease_that_is_meddled_with_at_each_renewal_is_lost_at_the_deadline(tenure: Tenure) -> None:
    for second in range(102, 110, 2):
        tenure.regained(float(second))

    assert tenure.held_until == 110.0
    assert not tenure.alone(109.9)


def test_a_lead_that_ended_is_over(tenure: Tenure) -> None:
    tenure.end()

    assert tenure.held_until < 0
