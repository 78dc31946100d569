"""Calls that are done without where they are refused."""

from __future__ import annotations

import logging

import pytest

from secrets_manager.cluster.courtesy import EVERYWHERE, Courtesy
from tests.unit.cluster.objects import Clock


def test_a_refusal_holds_for_ten_minutes_in_its_namespace_only() -> None:
    clock = Clock()
    courtesy = Courtesy("not done", clock)
    courtesy.refused("shop", "why")
    assert (courtesy.wanted("shop"), courtesy.wanted("elsewhere")) == (False, True)
    clock.now += 599
    assert not courtesy.wanted("shop")
    clock.now += 1

    assert courtesy.wanted("shop")


def test_a_refusal_everywhere_holds_in_every_namespace() -> None:
    courtesy = Courtesy("not done", Clock())
    courtesy.refused(EVERYWHERE, "why")

    assert not courtesy.wanted("shop")


def test_it_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    courtesy = Courtesy("not done", Clock())
    for namespace in ("a", "b", "a"):
        courtesy.refused(namespace, "why")

    assert [record.getMessage() for record in caplog.records] == ["not done"]
