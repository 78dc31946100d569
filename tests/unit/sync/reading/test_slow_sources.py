"""Sources that hang share a few places, so that they do not take the workers from the others."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable

import pytest

from secrets_manager.backends.base import Source
from secrets_manager.domain.errors import BackendTimeout, NoAnswerYet
from secrets_manager.sync.reading.first_tries import LEAST_SECONDS, SHORT_SECONDS, FirstTries
from secrets_manager.sync.reading.slow_sources import Allowance, SlowSources
from tests.unit.sync.doubles import FakeClock, OnePart, slow_sources, slow_sources_among

APP, OTHER, WELL = Source("app"), Source("other"), Source("well")
LATE = BackendTimeout("late")


class Bench:
    def __init__(self, places: int = 2) -> None:
        self.clock = FakeClock()
        self.tries = FirstTries(10.0)
        self.slow = slow_sources(places, self.tries, self.clock)
        self.inside = contextlib.ExitStack()

    def waits_for(self, source: Source) -> bool:
        """Whether one more may wait for a source; it goes on waiting."""
        try:
            self.inside.enter_context(self.slow.waiting_for(source))
        except (BackendTimeout, NoAnswerYet):
            return False
        return True

    def learn(self) -> None:
        """That answers come quickly."""
        for _ in range(100):
            self.slow.answered(WELL, 0.001)


def test_any_number_may_wait_for_a_source_that_is_not_known_to_be_slow() -> None:
    bench = Bench()

    assert all(bench.waits_for(APP) for _ in range(100))


def test_sources_that_timed_out_share_the_places() -> None:
    bench = Bench()
    bench.slow.timed_out(APP, LATE)
    bench.slow.timed_out(OTHER, LATE)

    assert [bench.waits_for(source) for source in (APP, OTHER, APP, OTHER)] == [True, True, False, False]
    assert bench.waits_for(WELL)


def test_a_read_that_finds_no_place_ends_in_the_fault_of_the_last_read() -> None:
    bench = Bench(places=0)
    bench.slow.timed_out(APP, BackendTimeout("the last one"))

    with pytest.raises(BackendTimeout, match="the last one"), bench.slow.waiting_for(APP):
        pass


def test_a_source_that_was_left_shares_the_places_with_all_its_time() -> None:
    bench = Bench(places=1)
    bench.learn()
    assert bench.slow.time_for(APP) == LEAST_SECONDS
    bench.slow.left(APP)

    assert bench.slow.time_for(APP) == math.inf
    assert bench.slow.time_for(OTHER) == LEAST_SECONDS
    assert [bench.waits_for(APP) for _ in range(2)] == [True, False]


def test_a_source_that_was_left_counts_as_timed_out_after_the_time_of_a_whole_call() -> None:
    bench = Bench(places=0)
    bench.slow.left(APP)
    bench.clock.advance(9.9)
    with pytest.raises(NoAnswerYet) as caught, bench.slow.waiting_for(APP):
        pass
    assert caught.value.turned_away
    bench.clock.advance(0.1)

    with pytest.raises(BackendTimeout), bench.slow.waiting_for(APP):
        pass


def test_paths_that_are_left_teach_patience_when_all_are() -> None:
    bench = Bench()
    bench.learn()
    for number in range(100):
        bench.slow.left(Source(f"{number}"))

    assert bench.slow.time_for(APP) == math.inf


def test_without_first_tries_each_source_has_all_its_time() -> None:
    slow = slow_sources()
    for _ in range(100):
        slow.answered(APP, 0.001)

    assert slow.time_for(APP) == math.inf


def test_a_place_is_free_again_when_its_wait_is_over_however_it_ended() -> None:
    bench = Bench(places=1)
    bench.slow.timed_out(APP, LATE)
    with contextlib.suppress(ValueError), bench.slow.waiting_for(APP):
        raise ValueError

    assert bench.waits_for(APP)


def test_a_read_that_began_before_its_source_was_slow_frees_no_place_of_another_read() -> None:
    bench = Bench(places=1)
    assert bench.waits_for(APP)
    bench.slow.timed_out(APP, LATE)
    bench.inside.close()

    assert [bench.waits_for(APP) for _ in range(2)] == [True, False]


@pytest.mark.parametrize(
    "trust",
    [
        lambda slow: slow.answered(APP),
        lambda slow: slow.trust({APP, WELL}),
        lambda slow: slow.keep_only({OTHER}),
    ],
    ids=["it answers again", "its part of the backend is well again", "nobody uses it any more"],
)
def test_one_source_trusted_again_says_nothing_of_the_others(
    trust: Callable[[SlowSources], None],
) -> None:
    bench = Bench()
    bench.slow.timed_out(APP, LATE)
    bench.slow.timed_out(OTHER, LATE)
    trust(bench.slow)

    assert APP not in bench.slow
    assert OTHER in bench.slow


def test_an_answer_of_another_source_leaves_slow_sources_slow() -> None:
    bench = Bench()
    bench.slow.timed_out(APP, LATE)
    bench.slow.answered(WELL)

    assert APP in bench.slow


@pytest.mark.parametrize(("workers", "places"), [(1, 1), (4, 1), (16, 4)])
def test_a_quarter_of_the_workers_and_at_least_one_may_wait_for_slow_sources(
    workers: int, places: int
) -> None:
    slow = slow_sources_among(workers, FirstTries.off(), FakeClock(), OnePart())
    slow.timed_out(APP, LATE)
    with contextlib.ExitStack() as inside:
        for _ in range(places):
            inside.enter_context(slow.waiting_for(APP))
        with pytest.raises(BackendTimeout):
            inside.enter_context(slow.waiting_for(APP))


def test_the_memory_is_bounded() -> None:
    slow = slow_sources()
    for number in range(10_100):
        slow.timed_out(Source(f"{number}"), LATE)

    assert Source("9999") in slow
    assert Source("10050") not in slow


class Mounts:
    """The first segment of a path is its part; of some nothing is heard."""

    def __init__(self, *silent: str) -> None:
        self._silent = silent

    def part_of(self, source: Source) -> str:
        return source.path.partition("/")[0]

    def is_silent(self, source: Source) -> bool:
        return self.part_of(source) in self._silent

    def down_with(self, _source: Source) -> None:
        return None


def test_slow_sources_of_one_part_have_a_quarter_of_the_workers_and_all_together_half() -> None:
    slow = slow_sources_among(16, FirstTries.off(), FakeClock(), Mounts())
    sources = {part: [Source(f"{part}/{number}") for number in range(6)] for part in "abc"}
    for each in sources.values():
        for source in each:
            slow.timed_out(source, LATE)
    bench = Bench()
    bench.slow = slow

    places = {part: sum(bench.waits_for(source) for source in each) for part, each in sources.items()}
    assert places == {"a": 4, "b": 4, "c": 0}


@pytest.mark.parametrize(("workers", "rest"), [(1, 3.0), (2, 1.0), (4, 0.0)])
def test_with_few_workers_the_one_place_rests_so_that_waits_take_a_quarter_of_the_time(
    workers: int, rest: float
) -> None:
    bench = Bench()
    bench.slow = slow_sources_among(workers, FirstTries.off(), bench.clock, OnePart())
    bench.slow.timed_out(APP, LATE)
    with bench.slow.waiting_for(APP):
        bench.clock.advance(5.0)
    if rest:
        bench.clock.advance(5.0 * rest - 0.1)
        assert not bench.waits_for(APP)
        bench.clock.advance(0.2)

    assert bench.waits_for(APP)


def test_first_tries_are_short_once_their_allowance_is_used_up() -> None:
    bench = Bench()
    bench.slow = slow_sources_among(16, bench.tries, bench.clock, OnePart())
    bench.learn()
    given = []
    for number in range(20):
        given.append(bench.slow.time_for(Source(f"{number}")))
        bench.slow.left(Source(f"{number}"), given[-1])
        for _ in range(20):
            bench.slow.answered(WELL, 0.001)

    assert given[0] == LEAST_SECONDS
    assert given[-1] == SHORT_SECONDS
    assert sum(given) < 10.0
    bench.clock.advance(10.0)
    assert bench.slow.time_for(APP) == LEAST_SECONDS


def test_tries_that_are_under_way_count_as_used_up() -> None:
    bench = Bench()
    bench.slow = slow_sources_among(16, bench.tries, bench.clock, OnePart())
    bench.learn()
    assert all(bench.waits_for(Source(f"{number}")) for number in range(16))
    assert bench.slow.time_for(APP) == LEAST_SECONDS
    bench.inside.close()
    bench.slow.left(OTHER)
    given = []
    for number in range(16):
        assert bench.waits_for(Source(f"{number}"))
        given.append(bench.slow.time_for(Source(f"{number}")))

    assert given[0] == LEAST_SECONDS
    assert given[-1] == SHORT_SECONDS


def test_first_tries_that_end_in_a_timeout_use_up_their_time_too() -> None:
    bench = Bench()
    bench.slow = slow_sources_among(4, bench.tries, bench.clock, Mounts("a"))
    bench.slow.timed_out(Source("a/1"), LATE)

    assert not bench.waits_for(Source("a/2"))
    assert bench.waits_for(Source("b/1"))


def test_200_hanging_paths_of_400_at_40_a_second_take_less_than_half_of_16_workers() -> None:
    """In the first period, when each of them is tried for the first time."""
    bench = Bench()
    bench.slow = slow_sources_among(16, bench.tries, bench.clock, OnePart())
    bench.learn()
    spent = 0.0
    for number in range(200):
        hanging = Source(f"hangs-{number}")
        seconds = bench.slow.time_for(hanging)
        spent += seconds
        bench.slow.left(hanging, seconds)
        for _ in range(2):
            bench.slow.answered(WELL, 0.001)
        bench.clock.advance(1 / 20)

    assert spent / 10.0 < 16 / 2


@pytest.mark.parametrize("mounts", [1, 4, 12])
def test_paths_that_hang_from_the_start_take_the_only_worker_for_few_seconds_whatever_their_mounts(
    mounts: int,
) -> None:
    """Nothing was answered yet, so what is usual is a guess."""
    bench = Bench()
    bench.slow = slow_sources_among(1, bench.tries, bench.clock, Mounts())
    began = bench.clock()
    for number in range(12):
        hanging = Source(f"m{number % mounts}/{number}")
        with bench.slow.waiting_for(hanging):
            seconds = bench.slow.time_for(hanging)
            bench.clock.advance(seconds)
        bench.slow.left(hanging, seconds)

    assert bench.clock() - began < 4.0


def test_first_tries_wait_if_their_allowance_is_used_up_and_nothing_around_answers() -> None:
    bench = Bench()
    bench.slow = slow_sources_among(1, bench.tries, bench.clock, Mounts("a"))
    bench.learn()
    for number in range(20):
        bench.slow.left(Source(f"a/{number}"), 0.5)

    assert not bench.waits_for(Source("a/new"))
    assert bench.waits_for(Source("b/new"))
    bench.clock.advance(60.0)
    assert bench.waits_for(Source("a/new"))


# ── the time that first tries may take ───────────────────────────────────────────────────────────────


def test_an_unused_allowance_is_saved_for_a_second_at_most() -> None:
    allowance = Allowance(4.0, now=0.0)

    assert allowance.left(100.0) == 4.0
    assert allowance.is_untouched(100.0)


def test_a_spent_allowance_comes_back_at_its_rate() -> None:
    allowance = Allowance(4.0, now=0.0)
    allowance.spend(6.0, now=0.0)
    assert allowance.left(0.0) == -2.0
    assert allowance.left(0.5) == 0.0
    assert not allowance.is_untouched(0.5)

    assert allowance.left(1.0) == 2.0


def test_an_allowance_never_owes_more_than_it_can_save() -> None:
    allowance = Allowance(4.0, now=0.0)
    allowance.spend(1000.0, now=0.0)

    assert allowance.left(0.0) == -4.0


def test_a_clock_that_is_asked_twice_gives_nothing() -> None:
    allowance = Allowance(1.0, now=5.0)
    allowance.spend(1.0, now=5.0)

    assert allowance.left(5.0) == allowance.left(4.0) == 0.0
