"""Calls that are done without where they are refused."""

from __future__ import annotations

import logging

import pytest

from secrets_manager.cluster.client.optional_calls import EVERYWHERE, OptionalCall
from tests.unit.cluster.objects import Clock


def test_a_refusal_holds_for_a_while_in_its_namespace_only() -> None:
    clock = Clock()
    optional = OptionalCall("not done", clock)
    optional.refused("shop", "why")
    assert (optional.wanted("shop"), optional.wanted("elsewhere")) == (False, True)
    clock.now += 9
    assert not optional.wanted("shop")
    clock.now += 1

    assert optional.wanted("shop")


def test_pauses_double_up_to_ten_minutes_while_the_call_is_refused() -> None:
    clock = Clock()
    optional = OptionalCall("not done", clock)

    assert [_pause_after_refusal(optional, clock) for _ in range(8)] == [10, 20, 40, 80, 160, 320, 600, 600]


def test_refusals_of_calls_that_were_under_way_do_not_lengthen_the_pause() -> None:
    clock = Clock()
    optional = OptionalCall("not done", clock)
    for _ in range(16):
        optional.refused("shop", "why")
    clock.now += 10

    assert optional.wanted("shop")


def test_a_refusal_long_after_the_last_one_begins_with_the_shortest_pause() -> None:
    clock = Clock()
    optional = OptionalCall("not done", clock)
    for _ in range(4):
        _pause_after_refusal(optional, clock)
    clock.now += 601

    assert _pause_after_refusal(optional, clock) == 10


def test_a_refusal_everywhere_holds_in_every_namespace() -> None:
    optional = OptionalCall("not done", Clock())
    optional.refused(EVERYWHERE, "why")

    assert not optional.wanted("shop")


def test_an_optional_call_knows_when_the_next_try_is_due_while_that_is_soon() -> None:
    clock = Clock()
    optional = OptionalCall("not done", clock)
    found = [optional.again_in("shop")]
    for _ in range(4):
        optional.refused("shop", "why")
        found.append(optional.again_in("shop"))
        clock.now += 1000 if found[-1] is None else found[-1]
    found.append(optional.again_in("shop"))

    assert found == [0, 10, 20, 40, None, 0]


def test_a_refused_optional_call_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    optional = OptionalCall("not done", Clock())
    for namespace in ("a", "b", "a"):
        optional.refused(namespace, "why")

    assert [record.getMessage() for record in caplog.records] == ["not done"]


def _pause_after_refusal(optional: OptionalCall, clock: Clock) -> int:
    """Have it refused; returns the whole seconds until it is wanted again, and lets them pass."""
    optional.refused("shop", "why")
    seconds = 0
    while not optional.wanted("shop"):
        clock.now += 1
        seconds += 1
    return seconds
