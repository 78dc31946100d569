"""Calls that are done without where they are refused."""

from __future__ import annotations

import logging

import pytest

from secrets_manager.cluster.courtesy import EVERYWHERE, Courtesy
from tests.unit.cluster.objects import Clock


def test_a_refusal_holds_for_a_while_in_its_namespace_only() -> None:
    clock = Clock()
    courtesy = Courtesy("not done", clock)
    courtesy.refused("shop", "why")
    assert (courtesy.wanted("shop"), courtesy.wanted("elsewhere")) == (False, True)
    clock.now += 9
    assert not courtesy.wanted("shop")
    clock.now += 1

    assert courtesy.wanted("shop")


def test_pauses_double_up_to_ten_minutes_while_it_is_refused_again() -> None:
    clock = Clock()
    courtesy = Courtesy("not done", clock)

    assert [_pause_after_refusal(courtesy, clock) for _ in range(8)] == [10, 20, 40, 80, 160, 320, 600, 600]


def test_refusals_of_calls_that_were_under_way_do_not_lengthen_the_pause() -> None:
    clock = Clock()
    courtesy = Courtesy("not done", clock)
    for _ in range(16):
        courtesy.refused("shop", "why")
    clock.now += 10

    assert courtesy.wanted("shop")


def test_a_refusal_long_after_the_last_one_begins_with_the_shortest_pause() -> None:
    clock = Clock()
    courtesy = Courtesy("not done", clock)
    for _ in range(4):
        _pause_after_refusal(courtesy, clock)
    clock.now += 601

    assert _pause_after_refusal(courtesy, clock) == 10


def test_a_refusal_everywhere_holds_in_every_namespace() -> None:
    courtesy = Courtesy("not done", Clock())
    courtesy.refused(EVERYWHERE, "why")

    assert not courtesy.wanted("shop")


def test_it_tells_when_it_may_be_tried_until_that_is_no_matter_of_seconds() -> None:
    clock = Clock()
    courtesy = Courtesy("not done", clock)
    found = [courtesy.again_in("shop")]
    for _ in range(4):
        courtesy.refused("shop", "why")
        found.append(courtesy.again_in("shop"))
        clock.now += 1000 if found[-1] is None else found[-1]
    found.append(courtesy.again_in("shop"))

    assert found == [0, 10, 20, 40, None, 0]


def test_it_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    courtesy = Courtesy("not done", Clock())
    for namespace in ("a", "b", "a"):
        courtesy.refused(namespace, "why")

    assert [record.getMessage() for record in caplog.records] == ["not done"]


def _pause_after_refusal(courtesy: Courtesy, clock: Clock) -> int:
    """Have it refused; returns the whole seconds until it is wanted again, and lets them pass."""
    courtesy.refused("shop", "why")
    seconds = 0
    while not courtesy.wanted("shop"):
        clock.now += 1
        seconds += 1
    return seconds
