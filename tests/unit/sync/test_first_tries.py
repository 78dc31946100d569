"""How long a source may take at its first try."""

from __future__ import annotations

import math

import pytest

from secrets_manager.backends.base import Source
from secrets_manager.sync.first_tries import LEAST_SECONDS, FirstTries

APP, OTHER = Source("app"), Source("other")
MOST = 10.0


def experienced(seconds: float, answers: int = 200) -> FirstTries:
    tries = FirstTries(MOST)
    for _ in range(answers):
        tries.answered(OTHER, seconds)
    return tries


def test_at_first_a_source_has_all_its_time() -> None:
    assert FirstTries(MOST).seconds_for(APP) == math.inf


def test_once_answers_are_known_to_be_quick_it_has_the_least() -> None:
    assert experienced(0.002).seconds_for(APP) == LEAST_SECONDS


@pytest.mark.parametrize("usual", [0.05, 0.1, 0.2])
def test_it_has_about_twenty_times_what_is_usual(usual: float) -> None:
    assert 15 * usual < experienced(usual).seconds_for(APP) < 25 * usual


def test_a_backend_that_is_always_slow_is_given_all_its_time() -> None:
    assert experienced(1.0).seconds_for(APP) == math.inf


@pytest.mark.parametrize("share", [0.01, 0.1, 0.3])
def test_paths_that_hang_among_many_that_do_not_make_nobody_patient(share: float) -> None:
    tries = experienced(0.005)
    for number in range(2000):
        if number % round(1 / share) == 0:
            tries.unanswered()
        else:
            tries.answered(OTHER, 0.005)

    assert tries.seconds_for(APP) == LEAST_SECONDS


def test_when_all_become_slow_they_have_all_their_time_after_some_fifty() -> None:
    tries = experienced(0.005)
    needed = 0
    while tries.seconds_for(APP) < math.inf:
        tries.unanswered()
        needed += 1

    assert 40 < needed < 70


def test_a_path_that_answers_late_again_and_again_is_given_what_it_takes() -> None:
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
