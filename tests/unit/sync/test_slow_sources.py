"""Sources that hang share a few places, so that they do not take the workers from the others."""

from __future__ import annotations

import contextlib
import math

import pytest

from secrets_manager.backends.base import Source
from secrets_manager.domain.errors import BackendTimeout, NoAnswerYet
from secrets_manager.sync.first_tries import LEAST_SECONDS, FirstTries
from secrets_manager.sync.slow_sources import SlowSources
from tests.unit.sync.doubles import FakeClock

APP, OTHER, WELL = Source("app"), Source("other"), Source("well")
LATE = BackendTimeout("late")


class Bench:
    def __init__(self, places: int = 2) -> None:
        self.reliefs = 0
        self.clock = FakeClock()
        self.tries = FirstTries(10.0)
        self.slow = SlowSources(places, self._relieved, self.tries, self.clock)
        self.inside = contextlib.ExitStack()

    def _relieved(self) -> None:
        self.reliefs += 1

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


def test_who_finds_no_place_is_told_what_the_last_read_ended_in() -> None:
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


def test_that_a_source_was_left_is_no_news_until_it_was_so_for_the_time_of_a_whole_call() -> None:
    bench = Bench(places=0)
    bench.slow.left(APP)
    bench.clock.advance(9.9)
    with pytest.raises(NoAnswerYet), bench.slow.waiting_for(APP):
        pass
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
    slow = SlowSources()
    for _ in range(100):
        slow.answered(APP, 0.001)

    assert slow.time_for(APP) == math.inf


def test_a_place_is_free_again_when_its_wait_is_over_however_it_ended() -> None:
    bench = Bench(places=1)
    bench.slow.timed_out(APP, LATE)
    with contextlib.suppress(ValueError), bench.slow.waiting_for(APP):
        raise ValueError

    assert bench.waits_for(APP)


def test_who_waited_before_the_source_was_known_to_be_slow_frees_no_place_of_others() -> None:
    bench = Bench(places=1)
    assert bench.waits_for(APP)
    bench.slow.timed_out(APP, LATE)
    bench.inside.close()

    assert [bench.waits_for(APP) for _ in range(2)] == [True, False]


def test_when_one_answers_again_all_are_trusted_and_those_turned_away_may_come_back() -> None:
    bench = Bench()
    bench.slow.timed_out(APP, LATE)
    bench.slow.timed_out(OTHER, LATE)
    bench.slow.answered(APP)

    assert APP not in bench.slow
    assert OTHER not in bench.slow
    assert bench.reliefs == 1


def test_an_answer_of_another_source_says_nothing_of_the_slow_ones() -> None:
    bench = Bench()
    bench.slow.timed_out(APP, LATE)
    bench.slow.answered(WELL)

    assert APP in bench.slow
    assert bench.reliefs == 0


@pytest.mark.parametrize(("workers", "places"), [(1, 1), (4, 1), (16, 4)])
def test_a_quarter_of_the_workers_may_wait_and_always_one(workers: int, places: int) -> None:
    slow = SlowSources.among(workers, lambda: None)
    slow.timed_out(APP, LATE)
    with contextlib.ExitStack() as inside:
        for _ in range(places):
            inside.enter_context(slow.waiting_for(APP))
        with pytest.raises(BackendTimeout):
            inside.enter_context(slow.waiting_for(APP))


def test_the_memory_is_bounded() -> None:
    slow = SlowSources()
    for number in range(10_100):
        slow.timed_out(Source(f"{number}"), LATE)

    assert Source("9999") in slow
    assert Source("10050") not in slow
