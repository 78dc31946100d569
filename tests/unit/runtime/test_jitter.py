"""Jitter that spreads waits."""

from __future__ import annotations

import random

from secrets_manager.runtime.jitter import jitter


def test_jitter_is_from_nought_to_one_and_differs() -> None:
    drawn = [jitter() for _ in range(100)]

    assert all(0 <= each < 1 for each in drawn)
    assert len(set(drawn)) > 90


def test_the_shared_generator_is_left_alone() -> None:
    before = random.getstate()
    jitter()

    assert random.getstate() == before
