"""A steady rate with bursts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secrets_manager.runtime.token_bucket import TokenBucket


def test_a_bucket_starts_with_a_whole_burst() -> None:
    bucket = TokenBucket(rate=1.0, burst=2, now=0.0)

    assert [bucket.try_take(0.0) for _ in range(3)] == [True, True, False]


def test_a_bucket_fills_with_time_and_not_beyond_a_burst() -> None:
    bucket = TokenBucket(rate=0.2, burst=2, now=0.0)
    taken = [bucket.try_take(now) for now in (0, 0, 0, 5, 5, 5000, 5000, 5000)]

    assert taken == [True, True, False, True, False, True, True, False]


def test_a_bucket_says_how_long_the_next_token_takes() -> None:
    bucket = TokenBucket(rate=4.0, burst=1, now=0.0)
    assert bucket.wait(0.0) == 0.0
    bucket.take(0.0)

    assert bucket.wait(0.0) == pytest.approx(0.25)
    assert bucket.wait(0.2) == pytest.approx(0.05)


def test_tokens_can_be_taken_in_advance_one_after_the_other() -> None:
    bucket = TokenBucket(rate=2.0, burst=1, now=0.0)
    waits = []
    for _ in range(3):
        waits.append(bucket.wait(0.0))
        bucket.take(0.0)

    assert waits == pytest.approx([0.0, 0.5, 1.0])


def test_some_can_be_left_for_others() -> None:
    bucket = TokenBucket(rate=2.0, burst=4, now=0.0)
    bucket.take(0.0)

    assert bucket.wait(0.0, leaving=2) == 0.0
    assert bucket.wait(0.0, leaving=3) == pytest.approx(0.5)


@given(
    rate=st.floats(min_value=0.1, max_value=1000),
    burst=st.integers(min_value=1, max_value=1000),
    pauses=st.lists(st.floats(min_value=0, max_value=10), max_size=200),
)
def test_no_more_pass_than_a_burst_and_the_rate(rate: float, burst: int, pauses: list[float]) -> None:
    bucket = TokenBucket(rate=rate, burst=burst, now=0.0)
    now, passed = 0.0, 0
    for pause in pauses:
        now += pause
        passed += bucket.try_take(now)

    assert passed <= burst + rate * now * (1 + 1e-9)
