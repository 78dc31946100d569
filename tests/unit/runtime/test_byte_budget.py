"""The budget for large replies, which lasts as long as they do."""

from __future__ import annotations

import threading

import pytest

from secrets_manager.runtime.byte_budget import ByteBudget, NoRoom

PATIENCE = 10.0


def test_claimed_bytes_are_not_free_until_the_claim_is_dropped() -> None:
    budget = ByteBudget(100)
    first = budget.claim(60, 0)
    with pytest.raises(NoRoom):
        budget.claim(60, 0)
    del first

    assert budget.free() == 100
    second = budget.claim(60, 0)
    assert budget.free() == 40
    second.release()


def test_a_claim_can_be_made_smaller_and_comes_back_once() -> None:
    budget = ByteBudget(100)
    claim = budget.claim(80, 0)
    claim.shrink(30)
    assert budget.free() == 70
    claim.shrink(50)
    assert budget.free() == 70
    claim.release()
    claim.release()
    del claim

    assert budget.free() == 100


def test_a_claim_larger_than_the_budget_takes_all_of_it() -> None:
    budget = ByteBudget(100)
    claim = budget.claim(1_000, 0)

    assert budget.free() == 0
    del claim
    assert budget.free() == 100


def test_a_waiting_claim_goes_on_as_soon_as_bytes_are_free() -> None:
    budget = ByteBudget(100)
    held = [budget.claim(100, 0)]
    got = threading.Event()

    def wait() -> None:
        claim = budget.claim(50, PATIENCE)
        got.set()
        claim.release()

    waiting = threading.Thread(target=wait)
    waiting.start()
    assert not got.is_set()
    held.clear()
    waiting.join(PATIENCE)

    assert got.is_set()
    assert budget.free() == 100


def test_many_threads_never_hold_more_than_there_is() -> None:
    budget = ByteBudget(100)
    seen: list[int] = []

    def work() -> None:
        for size in (10, 70, 30, 100, 5) * 20:
            claim = budget.claim(size, PATIENCE)
            seen.append(budget.free())
            claim.shrink(size // 2)
            del claim

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)

    assert min(seen) >= 0
    assert budget.free() == 100
