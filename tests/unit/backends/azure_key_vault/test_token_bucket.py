"""The limit on calls a second."""

from __future__ import annotations

import pytest

from secrets_manager.backends.azure_key_vault.token_bucket import TokenBucket
from secrets_manager.backends.shared.budget import Budget
from secrets_manager.domain.errors import BackendThrottled
from tests.unit.backends.azure_key_vault.support import Hand


def taken(bucket: TokenBucket, clock: Hand, count: int, seconds: float = 60.0) -> None:
    for _ in range(count):
        bucket.take(Budget(seconds, clock))


def bucket_of(rate: int, clock: Hand) -> tuple[TokenBucket, list[float]]:
    slept: list[float] = []
    return TokenBucket(rate, clock, slept.append), slept


def test_a_second_s_worth_of_calls_passes_at_once() -> None:
    clock = Hand()
    bucket, slept = bucket_of(5, clock)
    taken(bucket, clock, 5)

    assert slept == []


def test_the_calls_after_wait_one_after_the_other() -> None:
    clock = Hand()
    bucket, slept = bucket_of(4, clock)
    taken(bucket, clock, 7)

    assert slept == pytest.approx([0.25, 0.5, 0.75])


def test_time_fills_it_again_but_not_beyond_a_second_s_worth() -> None:
    clock = Hand()
    bucket, slept = bucket_of(4, clock)
    taken(bucket, clock, 4)
    clock.now += 3600
    taken(bucket, clock, 4)
    assert slept == []
    taken(bucket, clock, 1)

    assert slept == pytest.approx([0.25])


def test_who_has_no_time_to_wait_is_told_and_takes_no_turn() -> None:
    clock = Hand()
    bucket, slept = bucket_of(1, clock)
    taken(bucket, clock, 1)
    with pytest.raises(BackendThrottled):
        taken(bucket, clock, 1, seconds=0.5)
    taken(bucket, clock, 1)

    assert slept == pytest.approx([1.0])
