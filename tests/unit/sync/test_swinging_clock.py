"""A wall clock that jumps between any two readings: it dates what is written, and decides nothing."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta

from tests.unit.sync.doubles import FakeClock
from tests.unit.sync.world import Spent, World, wanting

HOUR, DAY, TEN_YEARS = timedelta(hours=1), timedelta(days=1), timedelta(days=3650)


class SwingingClock(FakeClock):
    """The monotonic clock goes on as it is; the wall clock is elsewhere at each reading."""

    def __init__(self) -> None:
        super().__init__()
        self._swings = itertools.cycle([-HOUR, DAY, TEN_YEARS, timedelta(), -TEN_YEARS])

    def now(self) -> datetime:
        return super().now() + next(self._swings)


def estate() -> World:
    """Definitions in each state that lasts, on a clock that swings."""
    world = World(clock=SwingingClock())
    for path in ("app", "other"):
        world.backend.put(path, {"user": "alice"})
    world.make_secret("foreign", {"a": "b"})
    specs = {
        "good": wanting("good"),
        "beside": wanting("beside"),
        "absent": wanting("absent", "nothing"),
        "keyless": wanting("keyless", "other", key="none"),
        "invalid": wanting("Not_A_Name", "other"),
        "astray": wanting("astray", "../other"),
        "first": wanting("shared"),
        "second": wanting("shared", "other"),
        "foreign": wanting("foreign"),
    }
    for number, (name, spec) in enumerate(specs.items()):
        world.define(name, spec=spec, created=f"2026-01-01T00:00:0{number}Z")
    world.start().pass_time(60)
    return world


def test_while_nothing_changes_each_path_is_read_once_a_period_and_nothing_is_written() -> None:
    world = estate()

    for _ in range(6):
        with world.spending() as spent:
            world.pass_time(5)
        assert spent == Spent({}, reads=3)


def test_full_lists_write_nothing_in_whatever_state_a_definition_is() -> None:
    world = estate()

    with world.spending() as spent:
        for informer in world.informers:
            informer.request_relist()
        world.pass_time(5)
    assert spent == Spent({}, reads=3)


def test_a_change_is_in_each_secret_within_a_period() -> None:
    world = estate()

    for turn in range(6):
        world.backend.put("app", {"user": f"bob-{turn}"})
        world.pass_time(5.5, step=0.5)
        values = [world.data(name) for name in ("good", "beside", "shared")]
        assert values == [{"user": f"bob-{turn}"}] * 3


def test_a_contest_slows_down_and_ends_as_with_a_clock_that_goes_right() -> None:
    right, swinging = World(clock=FakeClock()), World(clock=SwingingClock())
    spent = []
    for world in (right, swinging):
        world.backend.put("app", {"user": "alice"})
        world.define()
        world.start()
        with world.spending() as costs:
            for turn in range(60):
                world.edit_secret(user=f"mallory-{turn}")
                world.pass_time(1)
            world.pass_time(600)
        spent.append(costs)

    assert spent[0] == spent[1]
    assert swinging.data() == {"user": "alice"}
