"""Polls are spread over the period, whatever went before; and when they cannot be made in time, all suffer
alike.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from secrets_manager.backends.base import Reading, Source
from secrets_manager.backends.memory import MemoryBackend
from secrets_manager.daemon.daemon import tick_period
from secrets_manager.domain.definition import Ref
from secrets_manager.runtime.terms import Terms
from secrets_manager.sync.queue.keys import Key
from secrets_manager.sync.queue.poll_schedule import PollSchedule
from secrets_manager.sync.queue.work_queue import Lane
from tests.unit.sync.world import TEAM, World, wanting

PERIOD = 30.0
PATHS = 1000
MOMENT = 1.0
START = 1000.0


# ── the schedule alone ───────────────────────────────────────────────────────────────────────────────


@dataclass
class Spread:
    """How evenly polls lie: the largest pause between two, and the most in one moment."""

    gap: float
    burst: int


def spread(times: list[float]) -> Spread:
    ordered = sorted(times)
    per_moment = Counter(int(at / MOMENT + 0.5) for at in ordered)
    return Spread(
        max(after - before for before, after in itertools.pairwise(ordered)), max(per_moment.values())
    )


def polled(schedule: PollSchedule[int], since: float, until: float, *, step: float = 0.005) -> list[float]:
    """The times of all polls in between, each made as soon as it is due."""
    times = []
    for number in range(round((until - since) / step)):
        now = since + number * step
        for key in schedule.take_due(now):
            schedule.served(key, now)
            times.append(now)
    return times


def cold(started: float = START, seconds: float = 1.5) -> PollSchedule[int]:
    """A start: every path is read as fast as can be."""
    schedule = PollSchedule[int](PERIOD)
    for key in range(PATHS):
        schedule.add(key)
        schedule.served(key, started + seconds * key / PATHS)
    return schedule


def after_a_cold_start() -> tuple[PollSchedule[int], float]:
    return cold(), START + 2


def after_everything_was_looked_at_again() -> tuple[PollSchedule[int], float]:
    """A new leader, a backend that is back: every path is read at once, in the middle of a period."""
    schedule = cold()
    polled(schedule, START + 2, START + 50, step=0.5)
    for key in range(PATHS):
        schedule.served(key, START + 50)
    return schedule, START + 50


def after_the_definitions_were_listed_again() -> tuple[PollSchedule[int], float]:
    schedule = cold()
    polled(schedule, START + 2, START + 50, step=0.5)
    for key in range(PATHS):
        schedule.add(key)
    return schedule, START + 50


def after_one_path_was_added() -> tuple[PollSchedule[int], float]:
    schedule = cold()
    schedule.add(PATHS)
    schedule.served(PATHS, START + 2)
    return schedule, START + 2


def after_a_period_that_was_not_kept() -> tuple[PollSchedule[int], float]:
    """For three periods there was no poll; then the due sources were read at 100 a second."""
    schedule = cold()
    now = START + 3 * PERIOD
    for key in schedule.take_due(now):
        now += 0.01
        schedule.served(key, now)
    return schedule, now


BEFORE = [
    after_a_cold_start,
    after_everything_was_looked_at_again,
    after_the_definitions_were_listed_again,
    after_one_path_was_added,
    after_a_period_that_was_not_kept,
]


@pytest.mark.parametrize("before", BEFORE)
def test_polls_are_spread_over_the_very_next_period_and_all_after(
    before: Callable[[], tuple[PollSchedule[int], float]],
) -> None:
    schedule, now = before()
    times = polled(schedule, now, now + 3 * PERIOD)
    # A source that was just read is not polled for a tenth of a period.
    first = spread([at for at in times if now + 0.1 * PERIOD < at < now + PERIOD])
    later = spread([at for at in times if now + PERIOD < at])

    for found in (first, later):
        # Those of one moment come together, and no moment is left out.
        assert found.gap <= MOMENT + 0.01
        # At best 33.3 in a second.
        assert found.burst <= 40


@pytest.mark.parametrize("before", BEFORE)
def test_each_path_has_one_poll_in_each_period(
    before: Callable[[], tuple[PollSchedule[int], float]],
) -> None:
    schedule, now = before()
    count = len(polled(schedule, now, now + 10 * PERIOD, step=0.5))

    assert count == pytest.approx(10 * len(schedule), rel=0.03)


# ── late polls ───────────────────────────────────────────────────────────────────────────────────────


def test_a_poll_that_was_taken_counts_as_late_until_it_is_made() -> None:
    schedule = PollSchedule[str](PERIOD)
    schedule.add("a")
    schedule.served("a", START)
    now = START + 2 * PERIOD
    late = schedule.overdue_seconds(now)
    assert late > 0

    # It is due again and again, and as late as it was all along.
    assert schedule.take_due(now) == schedule.take_due(now + PERIOD) == ["a"]
    assert schedule.overdue_seconds(now + PERIOD) == pytest.approx(late + PERIOD)
    schedule.served("a", now + PERIOD)
    assert schedule.overdue_seconds(now + PERIOD) == 0.0


def test_overdue_seconds_count_the_latest_of_taken_and_due_keys() -> None:
    schedule = PollSchedule[str](PERIOD)
    for key in "abc":
        schedule.add(key)
        schedule.served(key, START)
    now = START + 2 * PERIOD
    first, *rest = schedule.take_due(now)
    before = schedule.overdue_seconds(now)
    schedule.served(first, now)

    assert 0 < schedule.overdue_seconds(now) < before
    for key in rest:
        schedule.served(key, now)
    assert schedule.overdue_seconds(now) == 0.0


def test_a_poll_that_is_let_go_or_removed_is_late_no_more() -> None:
    schedule = PollSchedule[str](PERIOD)
    for key in "ab":
        schedule.add(key)
        schedule.served(key, START)
    now = START + 1.2 * PERIOD
    assert set(schedule.take_due(now)) == {"a", "b"}
    schedule.release("a")
    schedule.remove("b")

    assert schedule.overdue_seconds(now) == 0.0
    assert not schedule.wants("a")
    assert not schedule.wants("b")


def test_a_poll_that_is_taken_before_its_time_is_not_late() -> None:
    schedule = PollSchedule[str](PERIOD)
    schedule.add("a")
    schedule.served("a", START)
    schedule.take("a", START + 1)
    schedule.take("gone", START + 1)

    assert schedule.wants("a")
    assert not schedule.wants("gone")
    assert schedule.overdue_seconds(START + 1) == 0.0


# ── the whole engine ─────────────────────────────────────────────────────────────────────────────────


def in_step(count: int, period: float) -> World:
    """A world with so many definitions, each with a path of its own, that has just started."""
    world = World(period=period)
    for number in range(count):
        world.backend.put(f"path-{number}", {"user": "alice"})
        world.define(f"app-{number}", spec=wanting(f"app-{number}", path=f"path-{number}"))
    return world.start()


def reads_per_moment(world: World, seconds: float) -> list[int]:
    """How many sources were read in each moment."""
    found = []
    for _ in range(round(seconds / MOMENT)):
        before = world.backend.reads()
        world.pass_time(MOMENT, step=tick_period(PERIOD))
        found.append(world.backend.reads() - before)
    return found


def test_a_thousand_paths_are_read_evenly_after_a_cold_start_and_after_a_resync() -> None:
    world = in_step(PATHS, PERIOD)
    assert world.backend.reads() == PATHS
    cold_start = reads_per_moment(world, 1.1 * PERIOD)
    for informer in world.informers:
        informer.request_relist()
    resynced = reads_per_moment(world, PERIOD)

    assert max(cold_start) <= 40
    assert max(resynced) <= 40
    assert min(resynced) >= 26
    assert sum(resynced) == pytest.approx(PATHS, abs=20)


class Journal(MemoryBackend):
    """Remembers the order of the reads."""

    def __init__(self) -> None:
        super().__init__()
        self.order: list[str] = []

    def read(self, source: Source, terms: Terms) -> Reading:
        self.order.append(source.path)
        return super().read(source, terms)


def overloaded(world: World, seconds: int, per_second: int) -> list[float]:
    """Time passes, and no more than so many keys are worked on in a second; the lateness at each second."""
    late = []
    for _ in range(seconds):
        world.clock.advance(1)
        world.rounds.tick()
        world.deliver()
        for _ in range(per_second):
            world.workforce.work_once(0)
        late.append(world.agenda.overdue_seconds())
    return late


def test_when_the_period_cannot_be_kept_the_most_overdue_goes_first_and_none_is_left_out() -> None:
    world = in_step(100, period=5.0)
    journal = Journal()
    journal._entries = world.backend._entries
    world.upstream.reader._backend = journal
    late = overloaded(world, seconds=120, per_second=10)
    rounds = [journal.order[start : start + 100] for start in range(500, 1000, 100)]

    # A round takes ten seconds instead of five, each path is in each round, and the gauge tells the delay.
    assert all(len(set(each)) == 100 for each in rounds)
    assert max(late[60:]) < 11
    assert min(late[60:]) > 3


def test_the_gauge_is_back_at_nothing_once_all_is_made_up_for() -> None:
    world = in_step(100, period=5.0)
    assert overloaded(world, seconds=30, per_second=5)[-1] > 5
    world.settle()

    assert world.agenda.overdue_seconds() == 0.0


def test_a_new_definition_overtakes_every_refresh() -> None:
    world = in_step(300, period=5.0)
    world.clock.advance(10)
    world.rounds.tick()
    assert world.agenda.queue.depth() == 300
    world.backend.put("new", {"user": "alice"})
    world.define("new", spec=wanting("new", path="new"))
    world.deliver()
    before = world.backend.reads()
    assert world.workforce.work_once(0)

    assert world.data("new") == {"user": "alice"}
    assert world.backend.reads() == before + 1
    assert world.agenda.queue.depth() == 300


def test_a_change_that_a_poll_finds_overtakes_the_other_polls() -> None:
    world = in_step(300, period=5.0)
    world.clock.advance(10)
    world.rounds.tick()
    first = world.agenda.queue.waiting(Lane.ROUTINE)[0]
    path = first.subject[0]
    world.backend.put(path, {"user": "bob"})
    for _ in range(2):
        assert world.workforce.work_once(0)

    assert world.data(path.replace("path", "app")) == {"user": "bob"}


def test_a_poll_whose_source_was_read_meanwhile_is_left_out() -> None:
    world = in_step(1, period=5.0)
    world.clock.advance(10)
    world.rounds.tick()
    assert world.agenda.view.schedule.wants(Key.source(Source("path-0")))
    world.agenda.queue.add(Key.definition(Ref(TEAM, "app-0")))
    with world.spending() as spent:
        world.work()

    assert spent.reads == 1
