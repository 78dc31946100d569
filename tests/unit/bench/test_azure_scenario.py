"""The arithmetic of the Azure scenario."""

from __future__ import annotations

from bench.scenario import Options
from bench.scenarios.azure import Asked, figures


def test_calls_are_told_per_period_with_and_without_the_right_to_list() -> None:
    listing = Asked(seconds=60.0, lists=80, reads=0, logins=0, cpu=0.2)
    reading = Asked(seconds=60.0, lists=0, reads=2000, logins=1, cpu=1.4)

    found = {each.name: each.value for each in figures(listing, reading, Options(period=30.0))}

    assert found["with list: lists per period"] == 40
    assert found["with list: reads per period"] == 0
    assert found["without list: lists per period"] == 0
    assert found["without list: reads per period"] == 1000
    assert found["without list: logins"] == 1
