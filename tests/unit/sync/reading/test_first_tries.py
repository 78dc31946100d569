"""How long a source may take at its first try."""

from __future__ import annotations

import math

import pytest

from secrets_manager.backends.base import Source
from secrets_manager.sync.reading.first_tries import LEAST_SECONDS, SHORT_SECONDS, FirstTries

APP, OTHER = Source("app"), Source("other")
MOST = 10.0


def experienced(seconds: float, answers: int = 200) -> FirstTries:
    tries = FirstTries(MOST)
    for _ in range(answers):
        tries.answered(OTHER, seconds)
    return tries


def test_at_first_a_source_has_a_second() -> None:
    assert FirstTries(MOST).seconds_for(APP) == pytest.approx(1.0)
    assert FirstTries(0.8).seconds_for(APP) == math.inf


@pytest.mark.parametrize(("usual", "seconds"), [(0.002, LEAST_SECONDS), (5.0, math.inf)])
def test_a_few_first_answers_show_the_usual_time(usual: float, seconds: float) -> None:
    assert experienced(usual, answers=5).seconds_for(OTHER) == seconds


def test_paths_that_hang_before_anything_was_answered_teach_little_patience() -> None:
    tries = FirstTries(MOST)
    for _ in range(8):
        tries.unanswered()

    assert tries.seconds_for(APP) < 2.5


def test_a_guessed_usual_time_takes_no_time_that_is_not_there() -> None:
    tries = FirstTries(MOST)
    for _ in range(8):
        tries.unanswered()

    assert tries.seconds_for(APP, short=True) == SHORT_SECONDS
    tries.answered(OTHER, 0.1)
    assert tries.seconds_for(APP, short=True) > 1.0


def test_a_first_try_has_the_least_time_once_answers_are_known_to_be_quick() -> None:
    assert experienced(0.002).seconds_for(APP) == LEAST_SECONDS


@pytest.mark.parametrize("usual", [0.05, 0.1, 0.2])
def test_a_first_try_has_about_twenty_times_the_usual_time(usual: float) -> None:
    assert 15 * usual < experienced(usual).seconds_for(APP) < 25 * usual


def test_a_backend_that_is_always_slow_is_given_all_its_time() -> None:
    assert experienced(1.0).seconds_for(APP) == math.inf


@pytest.mark.parametrize("share", [0.01, 0.1, 0.3])
def test_paths_that_hang_among_many_that_answer_lengthen_no_first_try(share: float) -> None:
    tries = experienced(0.005)
    for number in range(2000):
        if number % round(1 / share) == 0:
            tries.unanswered()
        else:
            tries.answered(OTHER, 0.005)

    assert tries.seconds_for(APP) == LEAST_SECONDS


def test_sources_that_all_become_slow_have_all_their_time_after_some_fifty_answers() -> None:
    tries = experienced(0.005)
    needed = 0
    while tries.seconds_for(APP) < math.inf:
        tries.unanswered()
        needed += 1

    assert 40 < needed < 70


def test_a_path_that_always_answers_late_is_given_the_time_that_it_takes() -> None:
    tries = experienced(0.005)
    tries.answered(APP, 1.5)

    assert tries.seconds_for(APP) == 6.0
    assert tries.seconds_for(OTHER) == LEAST_SECONDS


def test_a_path_that_is_quick_again_is_expected_to_be() -> None:
    tries = experienced(0.005)
    tries.answered(APP, 1.5)
    tries.answered(APP, 0.005)

    assert tries.seconds_for(APP) == LEAST_SECONDS


def test_the_memory_of_paths_that_are_slow_is_bounded() -> None:
    tries = experienced(0.005)
    for number in range(10_100):
        tries.answered(Source(f"{number}"), 1.0)
        tries.answered(OTHER, 0.001)
        tries.answered(OTHER, 0.001)

    assert tries.seconds_for(Source("9999")) == 4.0
    assert tries.seconds_for(Source("10050")) == LEAST_SECONDS
