"""Things are done at their time."""

from __future__ import annotations

import time

from bench.pace import paced


def test_all_are_given_in_order_and_it_takes_the_time_at_least() -> None:
    began = time.monotonic()

    assert list(paced("abc", count=3, seconds=0.05)) == ["a", "b", "c"]
    assert time.monotonic() - began >= 0.05
